"""The states of a visit, what may follow what, what it needs and what it does to hubs. Pure.

The same rules that keep a person from being without a proven hub stand in the database as triggers (`visit_*`), which
hold against any SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class VisitState(StrEnum):
    """Where a visit is: the way of a swap in its order, then what gets in between."""

    IDENTIFIED = "identified"
    DATA_VALIDATED = "data_validated"
    PRIORITISED = "prioritised"
    CONTACTED = "contacted"
    CONSENTED = "consented"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    SURVEYED = "surveyed"
    STOCK_ALLOCATED = "stock_allocated"
    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ON_SITE = "on_site"
    INSTALLED = "installed"
    PERIPHERALS_PAIRED = "peripherals_paired"
    E2E_TESTED = "e2e_tested"
    SOAK = "soak"
    ACCEPTED = "accepted"
    OLD_UNIT_DECOMMISSIONED = "old_unit_decommissioned"
    RECORD_CLOSED = "record_closed"
    NO_ACCESS = "no_access"
    RESCHEDULED = "rescheduled"
    ABORTED_NO_SIGNAL = "aborted_no_signal"
    ROLLED_BACK = "rolled_back"
    DECEASED = "deceased"
    MOVED = "moved"
    HOSPITAL = "hospital"
    HOLD = "hold"


class ContactChannel(StrEnum):
    """How somebody was contacted about a visit."""

    PHONE = "phone"
    LETTER = "letter"
    SMS = "sms"
    EMAIL = "email"
    IN_PERSON = "in_person"
    FAMILY = "family"
    CARE_PROVIDER = "care_provider"


class ContactOutcome(StrEnum):
    """What came of it."""

    REACHED = "reached"
    SENT = "sent"
    MESSAGE_LEFT = "message_left"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"


class EvidenceKind(StrEnum):
    """What a new hub must show before somebody relies on it."""

    TRIGGER = "trigger"
    VOICE = "voice"
    BACKUP_PATH = "backup_path"
    MAINS_FAIL = "mains_fail"
    MAINS_RESTORED = "mains_restored"
    SOAK = "soak"


S = VisitState

WAY: tuple[VisitState, ...] = (
    S.IDENTIFIED, S.DATA_VALIDATED, S.PRIORITISED, S.CONTACTED, S.CONSENTED, S.SURVEYED, S.STOCK_ALLOCATED, S.BOOKED,
    S.CONFIRMED, S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK, S.ACCEPTED,
    S.OLD_UNIT_DECOMMISSIONED, S.RECORD_CLOSED,
)  # fmt: skip
"""The way of a swap on which nothing gets in between."""

ENDS = frozenset({S.RECORD_CLOSED, S.DECEASED, S.MOVED})
"""After these nothing more comes of a visit."""
ASIDE = frozenset({S.HOLD, S.HOSPITAL})
"""From these a visit goes on where it was."""
ESCALATED = frozenset({S.DECLINED, S.UNREACHABLE})
"""Somebody by name has these, and a day on which they take them up again: nobody is dropped silently."""
WAITS = ESCALATED | ASIDE | {S.NO_ACCESS, S.RESCHEDULED, S.ABORTED_NO_SIGNAL, S.ROLLED_BACK}
"""None of these goes on by itself, so each has the day on which somebody takes it up again."""
HAS_SLOT = frozenset({S.BOOKED, S.CONFIRMED, S.ON_SITE})
STANDS = frozenset({S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK})
"""The new hub is in the home, and nobody relies on it yet."""
PROVEN = frozenset({S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED, S.RECORD_CLOSED})

_BEFORE_HOME = frozenset(WAY[: WAY.index(S.INSTALLED)])
_FORWARD: dict[VisitState, frozenset[VisitState]] = {here: frozenset({there}) for here, there in pairwise(WAY)}
_BESIDE: Mapping[VisitState, frozenset[VisitState]] = {
    S.DECLINED: frozenset({S.CONTACTED, S.UNREACHABLE, S.NO_ACCESS, S.RESCHEDULED, S.ABORTED_NO_SIGNAL, S.ROLLED_BACK})
    | (_BEFORE_HOME - frozenset(WAY[: WAY.index(S.CONTACTED)])),
    S.UNREACHABLE: frozenset({S.PRIORITISED, S.CONTACTED, S.CONSENTED, S.NO_ACCESS, S.RESCHEDULED, S.ROLLED_BACK}),
    S.NO_ACCESS: HAS_SLOT,
    S.RESCHEDULED: HAS_SLOT,
    S.ABORTED_NO_SIGNAL: frozenset({S.SURVEYED, S.STOCK_ALLOCATED}) | HAS_SLOT | STANDS,
    S.ROLLED_BACK: STANDS | {S.ACCEPTED},
}
"""What gets in between, and from where."""
_BACK: Mapping[VisitState, frozenset[VisitState]] = {
    S.DECLINED: frozenset({S.CONTACTED, S.CONSENTED}),
    S.UNREACHABLE: frozenset({S.CONTACTED}),
    S.NO_ACCESS: frozenset({S.CONTACTED, S.BOOKED}),
    S.RESCHEDULED: frozenset({S.CONTACTED, S.BOOKED}),
    S.ABORTED_NO_SIGNAL: frozenset({S.CONTACTED, S.SURVEYED}),
    S.ROLLED_BACK: frozenset({S.CONTACTED, S.SURVEYED, S.STOCK_ALLOCATED}),
}
"""Where a visit goes on after that."""
TWO_WAYS = 2
"""Somebody is contacted by so many different ways before one may say so, or that they cannot be reached."""


class Effect(StrEnum):
    """What a step does to the hubs of a home, in the same transaction."""

    INSTALL_NEW = "install_new"
    ACCEPT_NEW = "accept_new"
    REMOVE_NEW = "remove_new"
    FREE_NEW = "free_new"
    REMOVE_OLD = "remove_old"
    END = "end"


_EFFECTS: Mapping[VisitState, tuple[Effect, ...]] = {
    S.INSTALLED: (Effect.INSTALL_NEW,),
    S.ACCEPTED: (Effect.ACCEPT_NEW,),
    S.OLD_UNIT_DECOMMISSIONED: (Effect.REMOVE_OLD,),
    S.RECORD_CLOSED: (Effect.END,),
    S.ROLLED_BACK: (Effect.REMOVE_NEW, Effect.FREE_NEW),
    S.ABORTED_NO_SIGNAL: (Effect.REMOVE_NEW, Effect.FREE_NEW),
}


@dataclass(frozen=True)
class Facts:
    """What is known of a visit when somebody wants to go on with it.

    `old_here`, `new_here`: that hub is with this person now. `silent_since`: since when the new hub has not been online
    (neither late), where it is not now. `missing`: evidence not shown yet, by key (see
    `evidence.Item`); `excepted` what a confirmed exception leaves out, `asked` what it was asked for. `unpaired`:
    peripherals of the old hub that were neither moved nor retired, in words.
    """

    state: VisitState
    now: datetime
    today: date
    resumes: VisitState | None = None
    over: bool = False
    ways: frozenset[ContactChannel] = frozenset()
    reached: bool = False
    engineer: bool = False
    starts_at: datetime | None = None
    new_hub_id: str | None = None
    old_here: bool = True
    new_here: bool = False
    silent_since: datetime | None = None
    missing: tuple[str, ...] = ()
    excepted: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    unpaired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """Where somebody wants to go, and what a state that waits must know: whose it is, and from which day on."""

    to: VisitState
    why: str | None = None
    next_contact_on: date | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a step is refused and what to do about it; `missing` is the evidence that it waits for, by key."""

    words: str
    missing: tuple[str, ...] = field(default=())


def follows(state: VisitState, resumes: VisitState | None, *, over: bool = False) -> tuple[VisitState, ...]:
    """Return the states that may follow one; whether they may now, `objection` says.

    What goes on with the swap comes first, then what gets in between, each in the order of their list: a page offers
    first what is meant to happen.
    """
    if over or state in ENDS:
        return ()
    found = set(_FORWARD.get(state, ())) | set(_BACK.get(state, ()))
    found |= {side for side, since in _BESIDE.items() if state in since}
    if state not in PROVEN and state not in ASIDE:
        found |= ASIDE
    if state in ASIDE:
        found |= ASIDE - {state}
        found |= {resumes} if resumes is not None else set()
        if resumes in HAS_SLOT:
            found.add(S.RESCHEDULED)
        if resumes in STANDS:
            found.add(S.ROLLED_BACK)
    if state is not S.OLD_UNIT_DECOMMISSIONED:
        found |= {S.DECEASED, S.MOVED}
    onward = {*_FORWARD.get(state, ()), *_BACK.get(state, ()), *((resumes,) if state in ASIDE else ())}
    order = list(VisitState)
    return tuple(sorted(found, key=lambda each: (each not in onward, order.index(each))))


def effects(state: VisitState, to: VisitState) -> tuple[Effect, ...]:
    """Return what a step does to hubs. A hub that stands there and was never accepted goes whenever the swap ends."""
    if to in {S.DECEASED, S.MOVED}:
        return (Effect.END,) if state is S.ACCEPTED else (Effect.REMOVE_NEW, Effect.FREE_NEW, Effect.END)
    return _EFFECTS.get(to, ())


def objection(facts: Facts, wish: Wish) -> Refusal | None:
    """Say why a visit may not go on like this, and what to do about it; None when it may."""
    to = wish.to
    if facts.over:
        return Refusal("This visit is over; make a new one for the unit if it is still there")
    if to not in follows(facts.state, facts.resumes):
        here = facts.state.replace("_", " ")
        return Refusal(f"From “{here}” a visit does not go on to “{to.replace('_', ' ')}”")
    for check in (_said, _due, _consent, _booking, _home, _proof):
        words = check(facts, wish)
        if words is not None:
            return words if isinstance(words, Refusal) else Refusal(words)
    return None


def _said(_facts: Facts, wish: Wish) -> str | None:
    """What leaves the way has a reason."""
    if (wish.to in WAITS or wish.to in ENDS - {S.RECORD_CLOSED}) and not wish.why:
        return "Say why: whoever takes it up again must know"
    return None


def _due(facts: Facts, wish: Wish) -> str | None:
    """What does not go on by itself comes up again on a day, and what was refused or unheard is somebody's."""
    if wish.to not in WAITS:
        return None
    if wish.next_contact_on is None:
        return "Say on which day somebody takes it up again (next_contact_on)"
    if wish.next_contact_on < facts.today:
        return "The day on which somebody takes it up again has passed: choose one that is to come"
    if wish.to in ESCALATED and not wish.owner:
        return "Give it to somebody by name (owner): nobody is dropped silently"
    return None


def _consent(facts: Facts, wish: Wish) -> str | None:
    many = len(facts.ways) >= TWO_WAYS
    if wish.to in {S.CONTACTED, S.UNREACHABLE} and not many and facts.state not in {S.HOLD, S.HOSPITAL}:
        return (
            f"They were tried in {len(facts.ways)} way{'' if len(facts.ways) == 1 else 's'}: write to them, ring them, "
            "ask their family, and note what came of it; it takes two different ways"
        )
    if wish.to is S.CONSENTED and facts.state is not S.DECLINED and not facts.reached and facts.state not in ASIDE:
        return "Nobody has reached them yet: note the contact in which they agreed"
    return None


def _booking(facts: Facts, wish: Wish) -> str | None:
    if wish.to in {S.STOCK_ALLOCATED, S.BOOKED} and facts.new_hub_id is None:
        return "Choose the new hub first (new_hub_id)"
    if wish.to is S.BOOKED and (not facts.engineer or facts.starts_at is None):
        return "A booking has an engineer and a time: say who, from when and until when"
    back = facts.state in ASIDE and wish.to in HAS_SLOT
    late = facts.starts_at is not None and facts.starts_at <= facts.now
    if late and (wish.to is S.BOOKED or back):
        return "The time of the visit has passed: choose another one"
    return None


def _home(facts: Facts, wish: Wish) -> str | None:
    if wish.to in {S.INSTALLED, *STANDS, S.ACCEPTED} and not facts.old_here:
        return "The old hub is not with this person any more: see where it is before anything else happens"
    if wish.to in {*STANDS, S.ACCEPTED} - {S.INSTALLED} and not facts.new_here:
        return "The new hub is not with this person: install it first, or roll the visit back"
    if wish.to is S.PERIPHERALS_PAIRED and facts.unpaired:
        listed = "; ".join(facts.unpaired)
        return f"Neither moved nor retired: {listed}. Pair each with the new hub, or say why it is retired"
    return None


def _proof(facts: Facts, wish: Wish) -> Refusal | None:
    """Evidence, and nothing else, lets a hub be relied on; what is left out has two names.

    Evidence is of what the hub could once. That it is silent now no exception leaves out.
    """
    if wish.to is S.E2E_TESTED:
        left = tuple(key for key in facts.missing if key not in facts.asked and key != EvidenceKind.SOAK)
        if left:
            return Refusal("The new hub has not shown everything yet; what it cannot show needs an exception", left)
    if wish.to is S.ACCEPTED:
        left = tuple(key for key in facts.missing if key not in facts.excepted)
        if left:
            return Refusal(
                "The new hub has not shown everything yet; what it cannot show needs an exception by two people", left
            )
    if wish.to in {S.OLD_UNIT_DECOMMISSIONED, S.RECORD_CLOSED} and not facts.new_here:
        return Refusal("The new hub is not with this person any more: nothing is taken away before one is")
    if wish.to in {S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED} and facts.silent_since is not None:
        since = f"{facts.silent_since.astimezone(LONDON):%H:%M on %-d %B %Y}"
        return Refusal(
            f"The new hub has not been online since {since}, and the old one stays until it is: see to its mains and "
            "its signal, end an absence that is over, or roll the visit back"
        )
    if wish.to is S.RECORD_CLOSED and facts.old_here:
        return Refusal("The old hub is still installed with this person: take it away first")
    return None
