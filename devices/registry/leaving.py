"""When a hub may leave a person, and what it must have shown to be relied on (C22). Pure.

The same rule of leaving stands in the database as the trigger `nobody_without_hub`, which holds against any SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Stay:
    """A hub that serves a person now."""

    hub_id: str
    since: datetime
    accepted: bool


@dataclass(frozen=True)
class Withdrawal:
    """The service of a person ends: why, who says so, and with whom that was agreed."""

    why: str
    by: str
    agreed_with: str


@dataclass(frozen=True)
class Leaving:
    """How a hub leaves: `open_alarms` are those of the hub, the person and the home, in words; `by` as in the audit.

    `with_person`: it goes along to their new home.
    """

    open_alarms: tuple[str, ...] = ()
    withdrawal: Withdrawal | None = None
    by: str = "system"
    with_person: bool = False


PLAINLY = Leaving()


@dataclass(frozen=True)
class Proof:
    """When a trigger last reached us by an alarm or a test, and the message that showed it."""

    device_id: str  # empty: the unit itself
    at: datetime
    event_id: UUID


@dataclass(frozen=True)
class Requirement:
    """One thing that a hub must show before it is accepted; `event_id` is the message that showed it."""

    what: str
    met: bool
    event_id: UUID | None = None


def objection(leaving: Stay, others: Sequence[Stay], how: Leaving) -> str | None:
    """Say why a hub must stay with its person and what to do about it; None when it may leave.

    One that was never accepted may go while none has come after it: nobody relies on it yet.
    """
    stays = f"{leaving.hub_id} stays where it is"
    if how.open_alarms:
        said = ", ".join(f"“{words}”" for words in how.open_alarms[:3])
        return (
            f"{stays}: an alarm of this home is open ({said}), and whoever handles it may need the hub. "
            "Have the control room close it first"
        )
    names = ", ".join(sorted(other.hub_id for other in others))
    if how.withdrawal is not None and others:
        return f"{stays}: the service cannot be withdrawn while {names} serves this person too. End that first"
    relied_on = leaving.accepted or any(other.since > leaving.since for other in others)
    kept = any(other.accepted for other in others) or how.with_person or how.withdrawal is not None
    if kept or not relied_on:
        return None
    if others:
        return f"{stays}: without it this person would have no accepted hub. Accept {names} first: see what is missing"
    return (
        f"{stays}: it is the only hub of this person. Install the new one and accept it first; "
        "or, if they want the service no more, withdraw it with a reason and a second name"
    )


def requirements(
    paired: Sequence[tuple[str, str]], proofs: Sequence[Proof], since: datetime, *, online: bool
) -> tuple[Requirement, ...]:
    """Return what a hub must have shown since it was installed: each trigger, and that it is online.

    `paired` are the ids and words of its triggers; a hub without any shows its own button or a test call.
    """
    latest: dict[str, Proof] = {}
    for proof in sorted(proofs, key=lambda each: each.at):
        latest[proof.device_id] = proof
    found = []
    for device_id, words in paired or [("", "the unit itself")]:
        shown = latest.get(device_id)
        met = shown is not None and shown.at >= since
        event_id = shown.event_id if shown is not None and met else None
        found.append(Requirement(f"{words}: an alarm or a test has arrived", met, event_id))
    return (*found, Requirement("heartbeats: it is online now", online))
