"""Welfare checks in words: how far a person is, what an attempt was, how long a gap lasted. Pure."""

from alarms.welfare.domain import Channel, Outcome, PersonState, Standing, lasted
from telecare.console.view import Badge

STATES = {
    PersonState.TO_CHECK: Badge("◌", "To check", "quiet"),
    PersonState.TRYING: Badge("◐", "No answer yet", "warn"),
    PersonState.SAFE: Badge("●", "Safe", "good"),
    PersonState.NEEDS_HELP: Badge("▲", "Needs help", "bad"),
    PersonState.UNREACHABLE: Badge("■", "Unreachable", "bad"),
    PersonState.PROVEN: Badge("◆", "Proven safe", "good"),
}
STANDINGS = {
    Standing.SILENT: "Silent since",
    Standing.BACK: "Heard again",
    Standing.DELIVERED: "Sent what it kept",
    Standing.AWAY: "Away by plan",
}
CHANNELS = {
    Channel.PHONE: "By telephone",
    Channel.UNIT: "Through the unit",
    Channel.CONTACT: "Through a contact",
    Channel.VISIT: "By a visit",
    Channel.OTHER: "Another way",
}
OUTCOMES = {
    Outcome.SAFE: "safe",
    Outcome.NO_ANSWER: "no answer",
    Outcome.NEEDS_HELP: "needs help",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.MISTAKE: "entered by mistake",
}
DONE = {
    "safe": "Written down: safe.",
    "no_answer": "Written down: no answer. They come again after a while.",
    "needs_help": "An alarm is open for this person, on the board.",
    "unreachable": "Written down: unreachable.",
    "mistake": "They are on the list again.",
    "released": "They are back on the list.",
    "finished": "The campaign is over.",
    "wait": "Nobody can be taken just now: colleagues have them, or they have just been tried.",
}

gap_lasted = lasted


def badge(state: str) -> Badge:
    """Return how far we are with a person."""
    return STATES[PersonState(state)]


def standing(value: str) -> str:
    """Return what the unit says of the gap."""
    return STANDINGS[Standing(value)]


def said(channel: str, outcome: str) -> str:
    """Return an attempt in words."""
    return f"{CHANNELS[Channel(channel)]}: {OUTCOMES[Outcome(outcome)]}"


def sentence(reason: str) -> str:
    """Return a reason as a sentence: a capital in front, a stop behind."""
    return f"{reason[:1].upper()}{reason[1:]}{'' if reason.endswith(('.', '!', '?')) else '.'}"


def by(actor: str) -> str:
    """Return who did something, as people call them."""
    return "the service" if actor == "system" else actor.partition(":")[2]
