"""Reads the callbacks of providers. Pure; what cannot be read is a ValueError, in words for who sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from alarms.notify.reports import CALL_WORDS, NOTIFY_WORDS, RANKS, TEXT_WORDS, Report, answered_by
from telecare.kernel.pure.progress import DeliveryState

MOST_REF: Final = 200
MOST_TEXT: Final = 2000
STOP: Final = frozenset({"stop", "stopall", "unsubscribe"})
START: Final = frozenset({"start", "unstop"})


@dataclass(frozen=True)
class InboundText:
    """A text that somebody sent to us."""

    provider: str
    ref: str
    from_number: str
    text: str

    @property
    def wants_texts(self) -> bool | None:
        """Return whether this says STOP (False) or START (True), or something else."""
        word = self.text.strip().strip(".!").lower()
        if word in STOP:
            return False
        return True if word in START else None


def read_notify(document: object) -> Report | InboundText:
    """Read a callback of GOV.UK Notify: a delivery receipt, or a text received."""
    if not isinstance(document, dict):
        raise ValueError("this takes an object")  # noqa: TRY004 - a body of the wrong form, as all others here
    ref = _text(document, "id")
    if "source_number" in document:
        return InboundText("notify", ref, _text(document, "source_number"), _optional(document, "message", MOST_TEXT))
    word = _text(document, "status")
    state, detail = NOTIFY_WORDS.get(word, (DeliveryState.SENT, ""))
    key = document.get("reference")
    moment = document.get("completed_at") or document.get("sent_at")
    return Report(
        "notify", ref, word, state, our_key=key if isinstance(key, str) else None, at=_moment(moment), detail=detail
    )


def read_twilio_status(params: Mapping[str, str], our_key: str | None) -> Report:
    """Read a callback of Twilio on a text or a call, and on who answered a call."""
    if "CallSid" in params:
        return _call(params, our_key)
    word = _text(params, "MessageStatus" if "MessageStatus" in params else "SmsStatus")
    state, detail = TEXT_WORDS.get(word, (DeliveryState.SENT, ""))
    error = _optional(params, "ErrorCode")
    if error and state is DeliveryState.FAILED:
        detail = f"{detail}, code {error}"
    ref = _text(params, "MessageSid" if "MessageSid" in params else "SmsSid")
    return Report("twilio", ref, word, state, our_key=our_key, detail=detail)


def read_twilio_key(params: Mapping[str, str], our_key: str | None) -> Report:
    """Read which key was pressed on a call: whoever did has heard it."""
    digit = _text(params, "Digits")
    return Report(
        "twilio", _text(params, "CallSid"), f"key {digit}", DeliveryState.DELIVERED,
        our_key=our_key, detail=f"key {digit} was pressed", digit=digit,
    )  # fmt: skip


def read_twilio_text(params: Mapping[str, str]) -> InboundText:
    """Read a text that somebody sent to our number."""
    return InboundText(
        "twilio", _text(params, "MessageSid"), _text(params, "From"), _optional(params, "Body", MOST_TEXT)
    )


def _call(params: Mapping[str, str], our_key: str | None) -> Report:
    """Read a call's status, and who answered when it is known: of the two what goes further counts."""
    found = []
    status, who = _optional(params, "CallStatus"), _optional(params, "AnsweredBy")
    if status:
        found.append((status, *CALL_WORDS.get(status, (DeliveryState.SENT, ""))))
    if who:
        found.append((f"answered by {who}", *answered_by(who)))
    if not found:
        raise ValueError("CallStatus or AnsweredBy is missing")
    _, state, detail = max(found, key=lambda each: RANKS[each[1]])
    word = ", ".join(each[0] for each in found)
    return Report("twilio", _text(params, "CallSid"), word, state, our_key=our_key, detail=detail)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > MOST_REF:
        raise ValueError(f"{name} must be a text of 1 to {MOST_REF} characters")
    return value


def _optional(fields: Mapping[str, Any], name: str, most: int = MOST_REF) -> str:
    value = fields.get(name)
    return value[:most] if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
