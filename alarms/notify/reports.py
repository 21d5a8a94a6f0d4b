"""What providers report of a message after they took it, and what that makes of its delivery. Pure.

Callbacks come twice, late and in any order. Progress only climbs, by the order of `DeliveryState`, so that whatever the
order and however often, the end is the same (R08).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from telecare.kernel.pure.progress import DeliveryState

RANKS: Final = {state: rank for rank, state in enumerate(DeliveryState)}


class ReportStatus(StrEnum):
    """What became of a report: applied, waiting for its message to be known, or nobody's."""

    HELD = "held"
    APPLIED = "applied"
    ORPHAN = "orphan"


@dataclass(frozen=True)
class Report:
    """One report: `state` is how far the message got, `word` the provider's own word for it.

    `ref` is the provider's name for the message, `our_key` ours (the row's id or its effect key), `at` when it happened
    if the provider says so. `digit` is the key that was pressed, on a call.
    """

    provider: str
    ref: str
    word: str
    state: DeliveryState
    our_key: str | None = None
    at: datetime | None = None
    detail: str = ""
    digit: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a message got; `delivered_at` is the earliest moment that any report of a delivery names."""

    state: DeliveryState | None = None
    delivered_at: datetime | None = None


def advance(progress: Progress, state: DeliveryState, at: datetime) -> Progress:
    """Return the progress after a report of `state` as of `at`."""
    delivered_at = progress.delivered_at
    if state is DeliveryState.DELIVERED:
        delivered_at = at if delivered_at is None else min(at, delivered_at)
    further = progress.state is None or RANKS[state] > RANKS[progress.state]
    return Progress(state if further else progress.state, delivered_at)


def is_news(progress: Progress, state: DeliveryState) -> bool:
    """Say whether a report tells something that has an effect: it goes further than what is known."""
    return progress.state is None or RANKS[state] > RANKS[progress.state]


def reported_words(report: Report, handed_over_at: datetime, at: datetime) -> str:
    """Return how the alarm's log says it, with the delay where there was one (S57)."""
    said = f" ({report.detail})" if report.detail else ""
    match report.state:
        case DeliveryState.DELIVERED:
            delay = _delay(at - handed_over_at)
            return f"Delivered (after {delay}){said}" if delay else f"Delivered{said}"
        case DeliveryState.FAILED:
            return f"Not delivered{said}"
        case DeliveryState.NOT_REACHED:
            return f"Not reached{said}"
        case _:
            return f"On its way: {report.word}{said}"


def _delay(delay: timedelta) -> str:
    """Return `5m`, `2h 5m`; nothing when it took less than a minute."""
    minutes = int(delay.total_seconds() // 60)
    hours, minutes = divmod(max(0, minutes), 60)
    return " ".join(part for part in (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "") if part)


NOTIFY_WORDS: Final[Mapping[str, tuple[DeliveryState, str]]] = {
    "created": (DeliveryState.SENT, ""),
    "sending": (DeliveryState.SENT, ""),
    "pending": (DeliveryState.SENT, ""),
    "sent": (DeliveryState.SENT, ""),
    "delivered": (DeliveryState.DELIVERED, ""),
    "permanent-failure": (DeliveryState.FAILED, "the number or address does not exist"),
    "temporary-failure": (DeliveryState.FAILED, "the phone was off or the mailbox full for too long"),
    "technical-failure": (DeliveryState.FAILED, "a fault between GOV.UK Notify and its provider"),
}
"""Statuses in the callbacks of GOV.UK Notify."""

TEXT_WORDS: Final[Mapping[str, tuple[DeliveryState, str]]] = {
    "accepted": (DeliveryState.SENT, ""),
    "scheduled": (DeliveryState.SENT, ""),
    "queued": (DeliveryState.SENT, ""),
    "sending": (DeliveryState.SENT, ""),
    "sent": (DeliveryState.SENT, ""),
    "delivered": (DeliveryState.DELIVERED, ""),
    "read": (DeliveryState.DELIVERED, ""),
    "undelivered": (DeliveryState.FAILED, "the network could not deliver it"),
    "failed": (DeliveryState.FAILED, "it could not be sent"),
    "canceled": (DeliveryState.FAILED, "it was cancelled"),
}
"""`MessageStatus` in the callbacks of Twilio."""

CALL_WORDS: Final[Mapping[str, tuple[DeliveryState, str]]] = {
    "queued": (DeliveryState.SENT, ""),
    "initiated": (DeliveryState.SENT, ""),
    "ringing": (DeliveryState.SENT, ""),
    "answered": (DeliveryState.SENT, ""),
    "in-progress": (DeliveryState.SENT, ""),
    # Somebody or something picked up: only AnsweredBy, or a key, tells which.
    "completed": (DeliveryState.SENT, ""),
    "busy": (DeliveryState.NOT_REACHED, "busy"),
    "no-answer": (DeliveryState.NOT_REACHED, "no answer"),
    "canceled": (DeliveryState.NOT_REACHED, "the call was stopped"),
    "failed": (DeliveryState.FAILED, "the call could not be made"),
}
"""`CallStatus` in the callbacks of Twilio."""


def answered_by(word: str) -> tuple[DeliveryState, str]:
    """Return what `AnsweredBy` of a call means: a machine is not a person (C10), and "unknown" says nothing."""
    if word == "human":
        return DeliveryState.DELIVERED, "a person answered"
    if word.startswith("machine") or word == "fax":
        return DeliveryState.NOT_REACHED, "voicemail"
    return DeliveryState.SENT, ""
