"""Who is asked first after a gap of ours, what an attempt makes of it, and when it is over. Pure.

Nobody is ever left out: whoever could have pressed is on the list, and what we know only moves them up or down. A hub
repeats an alarm until we ack it. So one that is heard again and has sent none is a good sign, but of the hub and not of
the person: a heartbeat moves somebody down, and only a human who spoke with them or saw them takes them off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from alarms.escalation.domain import Ladder
from alarms.escalation.ladders import URGENT as URGENT_LADDER
from alarms.escalation.ranks import PERSONAL, URGENT
from alarms.handling.domain import Opening
from alarms.policy.calendar import at_words

WELFARE = "welfare_campaign"
NEEDS_HELP = "welfare_help"
"""Types of the alarm of a campaign, and of that of a person whom it found in need."""

HELD_FOR = timedelta(minutes=5)
"""So long somebody has a person to themselves; whoever is still on the telephone takes them once more."""

AGAIN_AFTER = {"A": timedelta(minutes=10), "B": timedelta(minutes=15)}
AGAIN_AFTER_ELSE = timedelta(minutes=30)
"""After which a person who did not answer is tried again, by risk tier."""


class Cause(StrEnum):
    """Why there is a campaign."""

    DEAF_PERIOD = "deaf_period"  # we could not hear
    BY_HAND = "by_hand"  # a supervisor asked for it


class Standing(StrEnum):
    """What the hub says of the gap, the worst first."""

    SILENT = "silent"  # not heard since
    BACK = "back"  # heard again; nothing that happened in the gap has come
    DELIVERED = "delivered"  # heard again, and what happened in the gap has come: its memory works
    AWAY = "away"  # away by plan


class PersonState(StrEnum):
    """How far we are with a person."""

    TO_CHECK = "to_check"
    TRYING = "trying"
    SAFE = "safe"
    NEEDS_HELP = "needs_help"
    UNREACHABLE = "unreachable"
    PROVEN = "proven"  # by what came later: a human spoke with them or saw them, and it was not this campaign


OPEN = frozenset({PersonState.TO_CHECK, PersonState.TRYING})


class Channel(StrEnum):
    """How it was tried."""

    PHONE = "phone"
    UNIT = "unit"  # the loudspeaker of the unit
    CONTACT = "contact"
    VISIT = "visit"
    OTHER = "other"


class Outcome(StrEnum):
    """What came of an attempt."""

    SAFE = "safe"
    NO_ANSWER = "no_answer"
    NEEDS_HELP = "needs_help"
    UNREACHABLE = "unreachable"  # nothing is left to try: a supervisor says so, with the reason
    MISTAKE = "mistake"  # what was written last is wrong: back on the list


SETTLES = {
    Outcome.SAFE: PersonState.SAFE,
    Outcome.NEEDS_HELP: PersonState.NEEDS_HELP,
    Outcome.UNREACHABLE: PersonState.UNREACHABLE,
}

SPOKEN_WITH = (
    "reassured", "test", "accidental", "contact_attended", "responder_attended", "no_response_visit", "refused",
    "deceased_found",
)  # fmt: skip
"""Outcomes of an alarm that say that a human spoke with the person or saw them: their part in the list is over.

That an alarm was acked, handed on or ended by itself says nothing of the person, nor does a test that nobody answered.
"""


@dataclass(frozen=True)
class Facts:
    """What is known of a person and one hub that serves them."""

    person_id: UUID
    hub_id: str
    premises_id: UUID | None = None
    name: str = ""
    place: str = ""
    tier: str = "C"
    lives_alone: bool = False
    heard_at: datetime | None = None
    proven_at: datetime | None = None  # the last alarm or test of one of their triggers
    delivered: bool = False
    away_until: datetime | None = None


@dataclass(frozen=True)
class Ranked:
    """A person in the list: the number from 1, and why there, in words."""

    facts: Facts
    rank: int
    standing: Standing
    why: str


def standing(facts: Facts, gap_to: datetime, now: datetime) -> Standing:
    """Return what a hub says of a gap that ended then. Whoever is away by plan and yet heard is there."""
    if facts.heard_at is not None and facts.heard_at > gap_to:
        return Standing.DELIVERED if facts.delivered else Standing.BACK
    if facts.away_until is not None and facts.away_until > now:
        return Standing.AWAY
    return Standing.SILENT


_GRAVITY = {each: place for place, each in enumerate(Standing)}


def ranked(known: Iterable[Facts], gap_to: datetime, now: datetime) -> list[Ranked]:
    """Return each of these people once, whoever is most at risk first; of several hubs the one that says least counts.

    First by what the hub says, then by tier, then whoever lives alone, then the hub that is silent for longest, then
    the trigger that was proven longest ago.
    """
    worst: dict[UUID, tuple[tuple[object, ...], Facts]] = {}
    for facts in known:
        key = _key(facts, gap_to, now)
        before = worst.get(facts.person_id)
        if before is None or key < before[0]:
            worst[facts.person_id] = (key, facts)
    ordered = sorted(worst.values(), key=lambda each: each[0])
    return [
        Ranked(facts, number, standing(facts, gap_to, now), why(facts, gap_to, now))
        for number, (_, facts) in enumerate(ordered, 1)
    ]


def _key(facts: Facts, gap_to: datetime, now: datetime) -> tuple[object, ...]:
    stands = standing(facts, gap_to, now)
    silent = (facts.heard_at.timestamp() if facts.heard_at else 0.0) if stands is Standing.SILENT else 0.0
    proven = facts.proven_at.timestamp() if facts.proven_at else 0.0
    return (
        _GRAVITY[stands], facts.tier, not facts.lives_alone, silent, proven, str(facts.person_id), facts.hub_id,
    )  # fmt: skip


def why(facts: Facts, gap_to: datetime, now: datetime) -> str:
    """Return in words why a person stands where they stand in the list."""
    who = f"Tier {facts.tier}{', lives alone' if facts.lives_alone else ''}"
    said = {
        Standing.SILENT: f"unit silent since {at_words(facts.heard_at)}" if facts.heard_at else "unit never heard",
        Standing.BACK: "unit heard again, no alarm from the gap came",
        Standing.DELIVERED: "unit heard again, and sent what it had kept",
        Standing.AWAY: f"away by plan until {at_words(facts.away_until)}" if facts.away_until else "away by plan",
    }[standing(facts, gap_to, now)]
    if facts.proven_at is None:
        proof = "no alarm or test from them yet"
    elif facts.proven_at > gap_to:
        proof = "an alarm or test from them has come since"
    else:
        proof = f"last alarm or test {_passed(gap_to - facts.proven_at)} before that"
    return f"{who}; {said}; {proof}"


def _passed(passed: timedelta) -> str:
    minutes = max(0, int(passed.total_seconds() // 60))
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes <= 72 * 60 else f"{minutes // (24 * 60)} days"


def after(state: PersonState, outcome: Outcome) -> PersonState:
    """Return the state after an attempt.

    Whoever needs help has an alarm, which alone decides from then on. That somebody does not answer later takes nothing
    back that is known of them.
    """
    if state is PersonState.NEEDS_HELP:
        return state
    if outcome is Outcome.MISTAKE:
        return PersonState.TO_CHECK
    if outcome is Outcome.NO_ANSWER:
        return PersonState.TRYING if state in OPEN else state
    return SETTLES[outcome]


def refusal(state: PersonState, outcome: Outcome, note: str, *, supervisor: bool) -> str | None:
    """Return why this may not be written down, or None."""
    if outcome is Outcome.UNREACHABLE and not supervisor:
        return "That somebody cannot be reached at all a supervisor decides: write down no answer, and ask one"
    if outcome in {Outcome.UNREACHABLE, Outcome.MISTAKE} and not note.strip():
        return "Say why in the note"
    if outcome is Outcome.MISTAKE and state in OPEN:
        return "They are on the list still: there is nothing to take back"
    if outcome is Outcome.MISTAKE and state is PersonState.NEEDS_HELP:
        return "There is an alarm for this person: close that one"
    return None


def again_at(tier: str, now: datetime) -> datetime:
    """Return when a person who did not answer is tried again."""
    return now + AGAIN_AFTER.get(tier, AGAIN_AFTER_ELSE)


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: how many people stand in each state."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return how many people it is about."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """Return for how many nobody can say yet how they are."""
        return sum(self.counts.get(state, 0) for state in OPEN)

    @property
    def percent(self) -> int:
        """Return how much of it is done; 100 only when nobody is left."""
        return 100 if not self.left else min(99, 100 * (self.total - self.left) // self.total)


def campaign_alarm(campaign_id: UUID, people: int, cause: Cause, reason: str) -> Opening:
    """Return the alarm that people must be rung: urgent, once, and over when everybody is accounted for."""
    who = "1 person" if people == 1 else f"{people} people"
    first = "We could not hear" if cause is Cause.DEAF_PERIOD else "Asked for by a supervisor"
    notes = (f"{first}: {reason}", f"Work through the list at /welfare/{campaign_id}")
    words = f"Check on {who}: they may have pressed and nobody heard"
    return Opening(WELFARE, "U", URGENT, f"welfare:{campaign_id}", words, notes, _LADDER)


_LADDER: Ladder = replace(
    URGENT_LADDER, name="welfare campaign", ack_s=4 * 3600, remind_s=1800, closes_when_cleared=True
)


def help_alarm(by: str, note: str) -> Opening:
    """Return the alarm of a person whom a campaign found in need: life-safety, as if they had pressed."""
    notes = (f"Found by {by} in a welfare check{f': {note.strip()}' if note.strip() else ''}",)
    return Opening(NEEDS_HELP, "L", PERSONAL, NEEDS_HELP, "Needs help, says a welfare check", notes)


def lasted(gap: timedelta) -> str:
    """Return how long a gap was, in words."""
    seconds = round(gap.total_seconds())
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 2 * 3600 else f"{seconds // 3600} h {seconds % 3600 // 60} min"


def gap_words(start: datetime, end: datetime) -> str:
    """Return what a gap of ours was, as the reason of a campaign."""
    return f"we could hear no unit for {lasted(end - start)} from {at_words(start)}; it was our gap and not theirs"
