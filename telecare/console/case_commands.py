"""What a plain form of the case says, as a command: the same rules and limits as the API's."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import (
    Acked,
    Attended,
    Closed,
    ContactAttempted,
    Escalated,
    Held,
    Input,
    NoSpeech,
    Noted,
    Released,
    Renewed,
    Shelved,
)
from alarms.handling.schemas import AckIn, AttendIn, CloseIn, ContactAttemptIn, NoteIn, ReasonIn, RenewIn, ShelveIn
from telecare.access.domain import Actor, Permission
from telecare.kernel.errors import InvalidError, NotFoundError
from telecare.kernel.pure.jsonsafe import clean_text

Make = Callable[[Holder, Actor, Any], Input]


def _attended(by: Holder, _: Actor, body: AttendIn) -> Input:
    return Attended(by, body.who, None if body.arrive_in_minutes is None else body.arrive_in_minutes * 60)


def _closed(by: Holder, actor: Actor, body: CloseIn) -> Input:
    return Closed(by, body.outcome, body.reason, body.voice_confirmed, actor.may(Permission.SUPERVISE))


_COMMANDS: dict[str, tuple[type[BaseModel], Make]] = {
    "ack": (AckIn, lambda by, _, body: Acked(by, body.take_over)),
    "renew": (RenewIn, lambda by, _actor, _body: Renewed(by)),
    "release": (ReasonIn, lambda by, _, body: Released(by, body.reason)),
    "hold": (ReasonIn, lambda by, _, body: Held(by, body.reason)),
    "escalate": (ReasonIn, lambda by, _, body: Escalated(by, body.reason)),
    "shelve": (ShelveIn, lambda by, _, body: Shelved(by, body.minutes * 60, body.reason)),
    "no-speech": (RenewIn, lambda by, _actor, _body: NoSpeech(by)),
    "attend": (AttendIn, _attended),
    "note": (NoteIn, lambda by, _, body: Noted(by, body.text)),
    "contact-attempt": (
        ContactAttemptIn,
        lambda by, _, body: ContactAttempted(by, body.contact, body.reached, body.text),
    ),
    "close": (CloseIn, _closed),
}

WORDS = {
    "text": "Write the note first, in at most 2,000 characters",
    "who": "Say who is on the way",
    "arrive_in_minutes": "They must arrive within 1 to 60 minutes",
    "minutes": "An alarm is shelved for 1 minute to 24 hours",
    "outcome": "Choose what happened",
    "reason": "The reason is too long: at most 2,000 characters",
}
FIELDS = {"text": "note", "arrive_in_minutes": "minutes", "minutes": "shelf-minutes"}
"""Ids of fields on the page that differ from their names."""


class Command(NamedTuple):
    """A command, and the version of the alarm that it was given on."""

    event: Input
    as_of: int | None


def command(name: str, actor: Actor, form: Mapping[str, str]) -> Command:
    """Return what a form asks for; InvalidError names the field (`field`) and its fault in words."""
    if name not in _COMMANDS:
        raise NotFoundError("There is no such command")
    schema, make = _COMMANDS[name]
    given = {key: clean_text(value) for key, value in form.items() if key in schema.model_fields and value}
    try:
        body = schema.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        words = WORDS.get(field, "Some of this could not be understood: load the page again")
        raise InvalidError(words, field=FIELDS.get(field, field)) from error
    return Command(make(Holder(str(actor.id), actor.name), actor, body), getattr(body, "as_of", None))
