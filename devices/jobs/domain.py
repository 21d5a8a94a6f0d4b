"""A job: what was found, by when somebody must have seen to it, and what another look does to it. Pure.

A look opens jobs and adds to them; it never closes one. What is no longer there is marked so, and still waits for a
human and their reason: a detector that is listed again today may have been gone last night.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class JobKind(StrEnum):
    """What was found; a hub has one open job of each kind."""

    NOT_LISTED = "not_listed"
    NOT_REGISTERED = "not_registered"
    DUPLICATE_ID = "duplicate_id"
    FACTORY_RESET = "factory_reset"
    TRIGGER_UNHEARD = "trigger_unheard"
    TRIGGER_BATTERY_LOW = "trigger_battery_low"
    NIGHT_PRESSES = "night_presses"
    SILENT_CALLS = "silent_calls"
    REBOOT_LOOP = "reboot_loop"
    CHATTERING = "chattering"
    CLOCK_WRONG = "clock_wrong"
    CREDENTIAL_EXPIRY = "credential_expiry"
    LINE_MOVED = "line_moved"
    RETEST = "retest"
    VISIT_WAITS = "visit_waits"
    SOAK_BROKEN = "soak_broken"
    OLD_UNIT_UNPROVEN = "old_unit_unproven"


class JobState(StrEnum):
    """How far a job is."""

    OPEN = "open"
    ASSIGNED = "assigned"
    DONE = "done"


class Urgency(StrEnum):
    """How soon a kind of job must be done; the person's tier decides within that."""

    NOW = "now"
    SOON = "soon"
    LATER = "later"


_HOURS: Mapping[Urgency, Mapping[str, int]] = {
    Urgency.NOW: {"A": 4, "B": 8, "C": 24, "D": 24},
    Urgency.SOON: {"A": 24, "B": 48, "C": 96, "D": 168},
    Urgency.LATER: {"A": 72, "B": 120, "C": 240, "D": 336},
}
LIFE_SAFETY_WITHIN = timedelta(hours=24)
"""A detector that the register and the hub do not agree on has somebody on it within a day (domain 10, item 4)."""

REST = timedelta(days=7)
LIFE_SAFETY_REST = timedelta(days=1)
"""A state that a human has looked at and closed the job of comes up again when it still stands after so long."""

KEPT = 50
"""So many pieces of evidence are kept with a job, the newest; all are counted."""
SAID = 5
"""So many of them are named in one line of the log."""


@dataclass(frozen=True)
class KindRow:
    """A kind in words: what was found, and what to do about it.

    `standing`: it is a state, which each look sees or does not see; else it is made of what happened. `shown`: a
    message shows that it is done, and words alone do not.
    """

    words: str
    todo: str
    urgency: Urgency
    standing: bool = False
    shown: bool = False


KINDS: Mapping[JobKind, KindRow] = {
    JobKind.NOT_LISTED: KindRow(
        "Registered, but the unit does not list it",
        "Visit: pair the device again or replace it, and set it off as a test. If it was taken away, take it out of the"
        " register",
        Urgency.SOON, standing=True,
    ),
    JobKind.NOT_REGISTERED: KindRow(
        "The unit lists it, but it is not registered",
        "Find out what it is and in which room, and register it: until then its alarm says neither. If it is of another"
        " home, unpair it",
        Urgency.SOON, standing=True,
    ),
    JobKind.DUPLICATE_ID: KindRow(
        "Two units use one id",
        "Find both units, the registered home first: an alarm may lead to the wrong address. Give one of them an id and"
        " a credential of its own",
        Urgency.NOW,
    ),
    JobKind.FACTORY_RESET: KindRow(
        "The unit went back to factory settings",
        "Ring the person; set the unit up and pair its triggers again, and set each of them off as a test",
        Urgency.NOW,
    ),
    JobKind.TRIGGER_UNHEARD: KindRow(
        "A trigger that nobody has heard for long",
        "Ring the person and have them press it as a test. If no test comes through, visit with a spare",
        Urgency.SOON, standing=True,
    ),
    JobKind.TRIGGER_BATTERY_LOW: KindRow(
        "The battery of a trigger is low",
        "Change the battery, or the trigger where it is sealed, and set it off as a test",
        Urgency.SOON,
    ),
    JobKind.NIGHT_PRESSES: KindRow(
        "Calls at night that nobody meant, or in which nobody spoke",
        "Talk with the person and family: fear, confusion, a pendant that is lain on, a faulty trigger. Have the plan"
        " of care looked at",
        Urgency.SOON,
    ),
    JobKind.SILENT_CALLS: KindRow(
        "Calls in which nobody spoke, again and again",
        "Have the person visited: can they speak, can the unit hear them? Test the voice path from each room",
        Urgency.SOON,
    ),
    JobKind.REBOOT_LOOP: KindRow(
        "The unit starts again and again",
        "Look at its power supply and firmware; it cannot call while it starts. Change the unit if it goes on",
        Urgency.SOON,
    ),
    JobKind.CHATTERING: KindRow(
        "A condition that comes and goes",
        "Look for a loose plug, a weak signal or a sensor at its limit",
        Urgency.LATER,
    ),
    JobKind.CLOCK_WRONG: KindRow(
        "The clock of the unit is wrong",
        "Restart it or set its time source: alarms count by our clock, but what it held back is put in the wrong order",
        Urgency.LATER,
    ),
    JobKind.CREDENTIAL_EXPIRY: KindRow(
        "What the unit logs in with runs out",
        "Renew its certificate or credential before the day: after it no alarm gets through",
        Urgency.LATER, standing=True,
    ),
    JobKind.LINE_MOVED: KindRow(
        "The telephone line was moved: does the unit still call?",
        "Ring the person and have them press. Write down on the page Switchover, Notices whether the call came through;"
        " if nobody does within the hour, an alarm is opened",
        Urgency.NOW,
    ),
    JobKind.RETEST: KindRow(
        "A test that was left out when the unit was accepted",
        "Test it with the person in a test window, and say what came of it",
        Urgency.LATER, shown=True,
    ),
    JobKind.VISIT_WAITS: KindRow(
        "The visit to this home was to be taken up again",
        "Reach them and take the visit on, or give it another day on its page",
        Urgency.SOON,
    ),
    JobKind.SOAK_BROKEN: KindRow(
        "A new unit fell silent in its soak",
        "Find out why: signal, power, router. The old unit stays. If it will not hold, roll the visit back on its page",
        Urgency.SOON,
    ),
    JobKind.OLD_UNIT_UNPROVEN: KindRow(
        "The old unit is relied on again, and has not called since",
        "Ring the person and have them press: the old unit must show that it still calls",
        Urgency.NOW, shown=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One piece of evidence. `key` tells it from others, so that the same is never counted twice."""

    key: str
    words: str
    at: datetime | None = None
    event_id: UUID | None = None
    alarm_id: UUID | None = None
    device_id: str | None = None

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "key": self.key,
            "words": self.words,
            "at": self.at.isoformat() if self.at else None,
            "event_id": str(self.event_id) if self.event_id else None,
            "alarm_id": str(self.alarm_id) if self.alarm_id else None,
            "device_id": self.device_id,
        }


@dataclass(frozen=True)
class Finding:
    """What a pattern found of a hub. `before`: it must be seen to by then, whatever the tier allows."""

    kind: JobKind
    items: tuple[Item, ...]
    life_safety: bool = False
    before: datetime | None = None


@dataclass(frozen=True)
class Look:
    """What one look says of one kind of one hub: found, or `gone`, in words; neither of them changes nothing."""

    hub_id: str
    kind: JobKind
    finding: Finding | None = None
    gone: str | None = None


@dataclass(frozen=True)
class Standing:
    """The open job of a hub and kind, as far as a look decides by it."""

    evidence: Mapping[str, Any]
    life_safety: bool
    due_at: datetime
    gone: bool


@dataclass(frozen=True)
class Change:
    """What a look does to an open job; None leaves a column as it is. `says` are lines for its log: kind and words."""

    evidence: dict[str, Any] | None = None
    life_safety: bool | None = None
    due_at: datetime | None = None
    gone: bool | None = None
    says: tuple[tuple[str, str], ...] = ()


def due_at(finding: Finding, tier: str | None, now: datetime) -> datetime:
    """Return by when a job must be done: by its kind and the person's tier; a day at most for life-safety."""
    due = now + timedelta(hours=_HOURS[KINDS[finding.kind].urgency][tier or "C"])
    if finding.life_safety:
        due = min(due, now + LIFE_SAFETY_WITHIN)
    return due if finding.before is None else max(min(due, finding.before), now)


def rested(finding: Finding, closed_at: datetime | None, now: datetime) -> bool:
    """Say whether a finding opens a job although one of its kind was closed then.

    What has happened since then does: looks leave out what a human has seen to. A state must have rested.
    """
    if closed_at is None or not (KINDS[finding.kind].standing or any(item.at is None for item in finding.items)):
        return True
    return now >= closed_at + (LIFE_SAFETY_REST if finding.life_safety else REST)


def in_the_way(kind: JobKind, *, life_safety: bool, gone: bool) -> str | None:
    """Return what stands against closing a job by the way; None when nothing does. It is closed by saying so."""
    if gone:
        return None
    if life_safety:
        return (
            "It is about a detector, and the last look still saw it: reconcile after the repair, or say that you close"
            " it although it is still there"
        )
    if KINDS[kind].shown:
        return (
            "No message has shown it yet: once the trigger was set off and heard, the job says so. Or say that you"
            " close it although it is still there"
        )
    return None


def collected(finding: Finding) -> dict[str, Any]:
    """Return the evidence of a fresh job."""
    return _evidence([item.stored() for item in finding.items], len(finding.items))


def follow(job: Standing, look: Look, now: datetime) -> Change | None:
    """Return what a look does to an open job; None when it says nothing new."""
    finding = look.finding
    if finding is None:
        if look.gone is None or job.gone:
            return None
        return Change(gone=True, says=(("gone", f"{look.gone}. It stays open until somebody has looked at it"),))
    standing = KINDS[finding.kind].standing
    fresh = _fresh(job.evidence, finding)
    items, away = _merged(job.evidence, finding, fresh)
    count = job.evidence["count"] + len(fresh)
    back = job.gone and (standing or bool(fresh))
    graver = finding.life_safety and not job.life_safety
    says = [("back", "It is there again")] if back else []
    if away:
        says.append(("evidence", f"No longer so: {'; '.join(away)}"))
    # What goes on and on is said when it has doubled: a log is to be read.
    if fresh and (standing or count.bit_length() > job.evidence["count"].bit_length()):
        more = f"{count} in all by now: " if not standing else ""
        says.append(("evidence", more + "; ".join(item.words for item in fresh[-SAID:])))
    if graver:
        says.append(("graver", "It is about a detector now: a matter of life-safety"))
    sooner = min(job.due_at, due_at(finding, None, now)) if graver or finding.before else job.due_at
    if not (says or fresh or sooner < job.due_at):
        return None
    return Change(
        evidence=_evidence(items, count) if fresh or away else None,
        life_safety=True if graver else None,
        due_at=sooner if sooner < job.due_at else None,
        gone=False if back else None,
        says=tuple(says),
    )


def _fresh(evidence: Mapping[str, Any], finding: Finding) -> list[Item]:
    """Return what is not among the evidence yet, nor older than what is kept of it."""
    known = {item["key"] for item in evidence["items"]}
    full = len(evidence["items"]) >= KEPT
    oldest = datetime.fromisoformat(evidence["items"][0]["at"]) if full and evidence["items"][0]["at"] else None
    return [
        item
        for item in finding.items
        if item.key not in known and not (oldest is not None and item.at is not None and item.at < oldest)
    ]


def _merged(
    evidence: Mapping[str, Any], finding: Finding, fresh: Sequence[Item]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the evidence with what is fresh, and in words what of a state is no longer so."""
    stored = [item.stored() for item in fresh]
    if not KINDS[finding.kind].standing:
        return [*evidence["items"], *stored], []
    here = {item.key for item in finding.items}
    kept = [item for item in evidence["items"] if item["key"] in here]
    return [*kept, *stored], [item["words"] for item in evidence["items"] if item["key"] not in here]


def _evidence(items: Sequence[Mapping[str, Any]], count: int) -> dict[str, Any]:
    """Return evidence as kept, by time: the newest, and how many there were."""
    ordered = sorted(items, key=lambda item: (item["at"] or "", item["key"]))
    times = [item["at"] for item in ordered if item["at"]]
    first, last = (times[0], times[-1]) if times else (None, None)
    return {"items": [dict(item) for item in ordered[-KEPT:]], "count": count, "first_at": first, "last_at": last}
