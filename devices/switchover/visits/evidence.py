"""What a new hub must show before somebody relies on it, and what of it its messages have shown. Pure.

Evidence is the ids of messages that have been received since the hub was installed where it is, or, for the soak, a
span of time in which it was never silent for longer than it may be. There is no tick box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from devices.switchover.visits.domain import EvidenceKind

SOAK = timedelta(hours=24)
UNIT = ""
"""Stands for the unit itself where the id of a trigger stands, as in the proofs of triggers."""


@dataclass(frozen=True)
class Heard:
    """One message of the new hub, since it was installed. `proves`: an alarm or a test of a trigger (or the unit)."""

    id: UUID
    at: datetime
    type: str
    device_id: str
    path: str | None
    proves: bool


@dataclass(frozen=True)
class Silence:
    """A time in which the hub was silent for too long, or in which we could not hear (`ours`); no end: it goes on."""

    since: datetime
    until: datetime | None
    ours: bool = False


@dataclass(frozen=True)
class Shown:
    """One piece of evidence; `event_id` is None for a soak alone, whose beginning is `since`."""

    kind: EvidenceKind
    at: datetime
    words: str
    event_id: UUID | None = None
    device_id: str = UNIT
    since: datetime | None = None
    by: str | None = None

    @property
    def key(self) -> str:
        """Return what tells it from others."""
        return key_of(self.kind, self.device_id)


@dataclass(frozen=True)
class Item:
    """One line of the checklist: what must be shown, how one does that, and what showed it."""

    key: str
    kind: EvidenceKind
    device_id: str
    words: str
    how: str
    shown: Shown | None = None


def key_of(kind: EvidenceKind, device_id: str = UNIT) -> str:
    """Return the key of an item: the kind, and for a trigger which one; the same as in the database's trigger."""
    return f"{kind}:{device_id}" if kind is EvidenceKind.TRIGGER else str(kind)


def checklist(paired: Sequence[tuple[str, str]], shown: Mapping[str, Shown]) -> tuple[Item, ...]:
    """Return all that a hub must show; `paired` are the ids and words of what is registered for it or listed by it."""
    triggers = [
        Item(
            key_of(EvidenceKind.TRIGGER, device_id),
            EvidenceKind.TRIGGER,
            device_id,
            f"{words[:1].upper()}{words[1:]}: an alarm or a test has arrived",
            "Set it off, in a test window",
        )
        for device_id, words in paired or [(UNIT, "the unit itself")]
    ]
    rest = [Item(str(kind), kind, UNIT, words, how) for kind, (words, how) in _REST.items()]
    return tuple(
        Item(each.key, each.kind, each.device_id, each.words, each.how, shown.get(each.key))
        for each in (*triggers, *rest)
    )


_REST: Mapping[EvidenceKind, tuple[str, str]] = {
    EvidenceKind.VOICE: (
        "Two-way voice: an operator and the home have heard each other",
        "Have an operator speak with the home, and confirm it under their own name",
    ),
    EvidenceKind.BACKUP_PATH: (
        "The other path: an alarm or a test has arrived over it while the first was down",
        "Pull the first path, wait for “path lost”, set a trigger off, and put it back",
    ),
    EvidenceKind.MAINS_FAIL: ("Mains pulled: the hub has said so", "Switch off at the socket"),
    EvidenceKind.MAINS_RESTORED: ("Mains back: the hub has said so", "Switch on again"),
    EvidenceKind.SOAK: (
        "Soak: 24 hours without a silence above the limit",
        "Leave it on; the old unit stays until then",
    ),
}


def find(paired: Sequence[tuple[str, str]], heard: Sequence[Heard], known: Mapping[str, Shown]) -> tuple[Shown, ...]:
    """Return what messages have shown that is not known yet. What was shown once stays: the first message counts."""
    ordered = sorted(heard, key=lambda one: (one.at, one.id))
    found: list[Shown] = []
    for device_id, words in paired or [(UNIT, "the unit itself")]:
        first = next((one for one in ordered if one.proves and one.device_id == device_id), None)
        if first is not None:
            found.append(_shown(EvidenceKind.TRIGGER, first, f"{words}: {_spoken(first)}", device_id))
    found += _mains(ordered, known)
    backup = _over_the_other_path(ordered)
    if backup is not None:
        found.append(backup)
    return tuple(each for each in found if each.key not in known)


def _mains(ordered: Sequence[Heard], known: Mapping[str, Shown]) -> list[Shown]:
    fail = next((one for one in ordered if one.type == "mains_fail"), None)
    kept = known.get(EvidenceKind.MAINS_FAIL)
    failed_at = kept.at if kept is not None else fail.at if fail is not None else None
    back = next(
        (one for one in ordered if one.type == "mains_restored" and failed_at is not None and one.at > failed_at), None
    )
    pairs = ((EvidenceKind.MAINS_FAIL, fail, "mains lost"), (EvidenceKind.MAINS_RESTORED, back, "mains back"))
    return [_shown(kind, one, words) for kind, one, words in pairs if one is not None]


def _over_the_other_path(ordered: Sequence[Heard]) -> Shown | None:
    """Return the first message over another path than the usual one while that was down.

    The usual path is the one by which the last message came before the hub said that a path was lost.
    """
    usual: str | None = None
    down = False
    for one in ordered:
        if one.type == "path_lost":
            down = True
        elif one.type == "path_restored":
            down = False
        elif down and one.proves and one.path is not None and usual is not None and one.path != usual:
            return _shown(EvidenceKind.BACKUP_PATH, one, f"{_spoken(one)} over {one.path} while {usual} was down")
        elif not down and one.path is not None:
            usual = one.path
    return None


def soak(since: datetime, silences: Sequence[Silence], now: datetime) -> Shown | None:
    """Return the soak that has been passed since a moment, or None.

    A silence above the limit begins it anew. What we could not hear ourselves breaks nothing, and counts for nothing.
    """
    start, unheard = _start(since, silences, now)
    if start is None:
        return None
    at = start + SOAK + unheard
    return (
        Shown(EvidenceKind.SOAK, at, "24 hours without a silence above the limit", since=start) if at <= now else None
    )


def soaked(since: datetime, silences: Sequence[Silence], now: datetime) -> timedelta:
    """Return how much of the soak has been passed."""
    start, unheard = _start(since, silences, now)
    return timedelta(0) if start is None else min(SOAK, max(timedelta(0), now - start - unheard))


def _start(since: datetime, silences: Sequence[Silence], now: datetime) -> tuple[datetime | None, timedelta]:
    """Return from when the soak counts (None: it is silent now), and how long we have been deaf since then."""
    start = since
    for one in silences:
        if one.ours:
            continue
        if one.until is None:
            return None, timedelta(0)
        start = max(start, one.until)
    deaf = timedelta(0)
    reached = start
    for one in sorted((each for each in silences if each.ours), key=lambda each: each.since):
        begin, end = max(one.since, reached), min(one.until or now, now)
        if end > begin:
            deaf += end - begin
            reached = end
    return start, deaf


def _shown(kind: EvidenceKind, one: Heard, words: str, device_id: str = UNIT) -> Shown:
    return Shown(kind, one.at, words, one.id, device_id)


def _spoken(one: Heard) -> str:
    return "a test" if one.type == "test" else one.type.replace("_", " ")
