"""The engineer's day in words: a visit's steps and outcomes, when each can be entered, and how it stands. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from devices.switchover.visits.domain import WAY, VisitState, follows
from devices.switchover.visits.schemas import VisitOut
from devices.switchover.working_days import WorkingDays
from telecare.console.view import Badge

S = VisitState
LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Choice:
    """Something that can be entered: `said` on its button, `done` in a list; `when`: the states in which it can be."""

    to: VisitState
    said: str
    done: str
    hint: str
    when: str


def _when(to: VisitState) -> str:
    """Return the states of a visit at a home in which a state may be entered, as the page's attribute lists them."""
    return " ".join(state for state in _AT_HOME if to in follows(state, None))


_AT_HOME = (S.BOOKED, S.CONFIRMED, S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK)
_STEPS = (
    (S.CONFIRMED, "They expect me", "Confirmed", "The household has said that it suits them."),
    (S.ON_SITE, "I am there", "On site", ""),
    (S.INSTALLED, "The new hub is in", "Installed", "It stands beside the old one. The old one stays connected."),
    (S.PERIPHERALS_PAIRED, "All is paired", "Paired", "Each peripheral is moved to the new hub, or retired with why."),
    (S.E2E_TESTED, "All is tested", "Tested", "What the hub has sent decides, not this button."),
    (S.SOAK, "Leave it to soak", "Soak", "Both hubs stay for 24 hours; the new one must not fall silent."),
)
_OUTCOMES = (
    (S.NO_ACCESS, "No access", "Nobody opened, or nobody could let you in."),
    (S.ABORTED_NO_SIGNAL, "No signal", "No network reaches the place; a hub put in comes out again."),
    (S.DECLINED, "They refuse", "They do not want it, now or at all."),
    (S.RESCHEDULED, "Another day", "It does not suit today."),
    (S.ROLLED_BACK, "Take the new hub out", "The old one goes on as before."),
)
STEPS = tuple(Choice(to, said, done, hint, _when(to)) for to, said, done, hint in _STEPS)
OUTCOMES = tuple(Choice(to, said, said, hint, _when(to)) for to, said, hint in _OUTCOMES)
LEAVES = " ".join(state for state in _AT_HOME if any(state in one.when.split() for one in OUTCOMES))
"""The states in which there is an outcome to enter."""
CHECKS = " ".join(_AT_HOME[_AT_HOME.index(S.ON_SITE) :])
"""The states in which the checklist shows."""
PAIRS = f"{S.ON_SITE} {S.INSTALLED}"
"""The states in which peripherals are moved."""
BEFORE = f"{S.BOOKED} {S.CONFIRMED}"
"""The states in which nobody is there yet: another hub can still be taken along."""
OFF = "called_off"
"""How a visit stands that the desk has ended before the new hub was in the home."""


def state_of(visit: VisitOut) -> str:
    """Return how a visit stands for whoever would drive there, which is not to one that the desk has called off."""
    return OFF if visit.over_at is not None and visit.state in _AT_HOME else visit.state


def words(state: str) -> str:
    """Return a state in words."""
    return _WORDS.get(state, state.replace("_", " ").capitalize())


_WORDS: Mapping[str, str] = {
    **{to: done for to, _, done, _ in _STEPS},
    **{to: said for to, said, _ in _OUTCOMES},
    S.ROLLED_BACK: "Rolled back",
    S.RESCHEDULED: "Another day",
    S.DECLINED: "Refused",
}


def badge(state: str) -> Badge:
    """Return how a visit stands on the day."""
    if state in {S.BOOKED, S.CONFIRMED}:
        return Badge("○", words(state), "quiet")
    if state in {S.SOAK, S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED, S.RECORD_CLOSED}:
        return Badge("●", words(state), "good")
    if state in _AT_HOME:
        return Badge("◐", words(state), "warn")
    return Badge("■", words(state), "bad")


def is_done(step: VisitState, state: str) -> bool:
    """Say whether a visit in this state has this step behind it."""
    return state in WAY and WAY.index(step) <= WAY.index(VisitState(state))


def is_open(state: str) -> bool:
    """Say whether there is something to do at this home today."""
    return state in _AT_HOME[:-1]


def slot(starts_at: datetime, ends_at: datetime) -> str:
    """Return the time of a visit in London: 09:00 to 11:00."""
    return f"{starts_at.astimezone(LONDON):%H:%M} to {ends_at.astimezone(LONDON):%H:%M}"


def again_on(council: str, today: date, local: frozenset[date]) -> date:
    """Return the next working day of a council: when to try again unless somebody says otherwise."""
    return next(WorkingDays(council, local=local).between(today + timedelta(days=1), today + timedelta(days=60)))


def beside(on: date) -> tuple[date, date]:
    """Return the days before and after."""
    return on - timedelta(days=1), on + timedelta(days=1)
