"""Programmes and visits in words, badges and bars. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from devices.registry.health import SIGNAL_WEAK
from devices.switchover.programmes.domain import Cause
from devices.switchover.visits.domain import (
    ENDS,
    ESCALATED,
    PROVEN,
    WAITS,
    WAY,
    ContactChannel,
    ContactOutcome,
    VisitState,
)
from telecare.console.view import Badge

CAUSES = {
    Cause.PSTN: "The analogue network closes",
    Cause.RADIO_2G: "2G ends",
    Cause.RADIO_3G: "3G ends",
    Cause.SUPPORT_END: "Support ends",
    Cause.CERTIFICATE: "Certificates run out",
    Cause.BATTERY: "Batteries are too weak",
}
CONNECTIONS = {
    "analogue": "Analogue",
    "digital_ready": "Digital-ready, on an analogue path",
    "digital": "Digital from end to end",
}
STATES = {
    VisitState.E2E_TESTED: "Tested end to end",
    VisitState.NO_ACCESS: "No access",
    VisitState.ABORTED_NO_SIGNAL: "Stopped: no signal",
    VisitState.OLD_UNIT_DECOMMISSIONED: "Old unit taken away",
    VisitState.HOSPITAL: "In hospital",
    VisitState.HOLD: "On hold",
    VisitState.ON_SITE: "Engineer there",
}
DO = {
    VisitState.DATA_VALIDATED: "The data is checked",
    VisitState.PRIORITISED: "It has its place in the order",
    VisitState.CONTACTED: "They know of it",
    VisitState.CONSENTED: "They agree",
    VisitState.DECLINED: "They decline",
    VisitState.UNREACHABLE: "They cannot be reached",
    VisitState.SURVEYED: "The place was looked at",
    VisitState.STOCK_ALLOCATED: "Keep a hub for it",
    VisitState.BOOKED: "Book a time",
    VisitState.CONFIRMED: "The time is confirmed",
    VisitState.ON_SITE: "I am there",
    VisitState.INSTALLED: "The new hub is installed",
    VisitState.PERIPHERALS_PAIRED: "Everything is paired or retired",
    VisitState.E2E_TESTED: "Everything is tested",
    VisitState.SOAK: "Begin the soak",
    VisitState.ACCEPTED: "Accept the new hub",
    VisitState.OLD_UNIT_DECOMMISSIONED: "The old unit is taken away",
    VisitState.RECORD_CLOSED: "Close the record",
    VisitState.NO_ACCESS: "Nobody let me in",
    VisitState.RESCHEDULED: "Another day",
    VisitState.ABORTED_NO_SIGNAL: "Stop: there is no signal",
    VisitState.ROLLED_BACK: "Roll back to the old hub",
    VisitState.DECEASED: "They have died",
    VisitState.MOVED: "They have moved",
    VisitState.HOSPITAL: "They are in hospital",
    VisitState.HOLD: "Put it on hold",
}
CHANNELS = {each: str(each).replace("_", " ").capitalize() for each in ContactChannel}
OUTCOMES = {each: str(each).replace("_", " ").capitalize() for each in ContactOutcome}
DONE = {
    "programme": "The programme was made, and its units looked for.",
    "wave": "The wave was added: narrow the list of units, and put them into it.",
    "assigned": "The units are in it now.",
    "made": "The visit is made.",
    "stepped": "The visit has gone on.",
    "noted": "It is written down.",
    "voice": "The voice is confirmed.",
    "asked": "The exception is asked for: somebody else must confirm it.",
    "confirmed": "The exception is confirmed.",
    "found": "The units have been looked for.",
    "cancelled": "The visit has ended; its unit is there to be done still.",
}
"""What a page says after something was done."""
_STAGES: tuple[tuple[str, frozenset[str]], ...] = (
    ("No visit yet", frozenset({"no_visit"})),
    ("Being prepared", frozenset(map(str, WAY[: WAY.index(VisitState.BOOKED)]))),
    ("Booked", frozenset({"booked", "confirmed"})),
    ("In the home", frozenset(map(str, WAY[WAY.index(VisitState.ON_SITE) : WAY.index(VisitState.ACCEPTED)]))),
    ("Waiting", frozenset(map(str, WAITS))),
    ("Accepted", frozenset({"accepted"})),
    ("Done", frozenset({"done", "old_unit_decommissioned", "record_closed"})),
)


def state_words(state: str) -> str:
    """Return a state in words."""
    known = {"no_visit": "No visit yet", "done": "Done"}
    return known.get(state) or STATES.get(VisitState(state)) or state.replace("_", " ").capitalize()


def badge(state: str) -> Badge:
    """Return how far a visit is."""
    words = state_words(state)
    if state in {"no_visit", "done"}:
        return Badge("○", words, "quiet") if state == "no_visit" else Badge("●", words, "good")
    if state in ESCALATED:
        return Badge("▲", words, "bad")
    if state in WAITS:
        return Badge("◒", words, "warn")
    if state in PROVEN or state in ENDS:
        return Badge("●", words, "good")
    return Badge("◐", words, "quiet")


def stages(states: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return how many units are at each stage, in the order of the way."""
    return [(words, sum(states.get(state, 0) for state in members)) for words, members in _STAGES]


def days(count: int) -> str:
    """Return how long it is until a deadline, in words."""
    if count < 0:
        return f"{-count:,} days past"
    return "today" if count == 0 else "1 day left" if count == 1 else f"{count:,} days left"


def soak(passed: timedelta | None) -> str:
    """Return how much of the soak has passed, in words."""
    if passed is None:
        return "has not begun"
    minutes = int(passed.total_seconds() // 60)
    return f"has run for {minutes // 60} h {minutes % 60:02d} min of 24 h"


def survey(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was found at the place where the new hub is to stand, in words; what nobody looked at is said too."""
    signal = found.get("signal_dbm")
    told = "not measured" if signal is None else f"{signal} dBm, {'weak' if signal < SIGNAL_WEAK else 'enough'}"
    network = found.get("network")
    return [
        ("Signal", told if network is None else f"{told} ({network})"),
        ("Power socket", _there(found.get("socket"))),
        ("Network socket", _there(found.get("ethernet"))),
        ("Noted", found.get("notes") or "nothing"),
    ]


def _there(found: bool | None) -> str:
    return "nobody looked" if found is None else "there is one" if found else "there is none"


def needs(state: VisitState) -> str:
    """Return which part of the form of a step a state needs: a day, what a survey found, a hub, a booking, nothing."""
    if state in WAITS:
        return "wait"
    if state is VisitState.SURVEYED:
        return "survey"
    if state in {VisitState.STOCK_ALLOCATED, VisitState.CONFIRMED, VisitState.ON_SITE, VisitState.INSTALLED}:
        return "hub"
    if state is VisitState.BOOKED:
        return "slot"
    if state in {VisitState.DECEASED, VisitState.MOVED}:
        return "why"
    return ""
