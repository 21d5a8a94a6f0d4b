"""The alarm as programs see it (contract 4.2): ids are strings, times RFC 3339 in UTC, absent is null."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alarms.escalation.outcomes import OUTCOMES
from alarms.handling.limit import Level
from alarms.handling.models import Alarm, AlarmLog
from alarms.notify.addresses import shown
from alarms.notify.domain import Channel

_CHANNELS = frozenset(Channel)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
AsOf = Annotated[int, Field(ge=1, le=2**31 - 1, description="the version of the alarm that the command was given on")]


class AlarmOut(BaseModel):
    """One alarm. `rank` orders the board, lower first; `version` is what commands carry as `as_of`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    type: str
    class_: Literal["L", "U", "T", "I"] = Field(serialization_alias="class")
    rank: int
    condition: Literal["active", "cleared"]
    handling: Literal["raised", "acked", "attending", "closed"]
    council_id: str | None
    hub_id: str
    device_id: str | None
    person_id: UUID | None
    premises_id: UUID | None
    case_id: UUID
    person_name: str | None
    place: str | None
    room: str | None
    words: str
    notes: list[str]
    raised_at: datetime
    last_event_at: datetime
    next_due_at: datetime | None
    next_step: str | None
    in_work: bool = Field(description="planned work was going on where it was raised")
    quiet_until: datetime | None = Field(description="because of planned work nobody is told before; never for class L")
    incident_id: UUID | None = Field(description="the incident with which it is told; never for class L")
    assigned_to: UUID | None
    assigned_name: str | None
    assigned_at: datetime | None
    ack_expires_at: datetime | None
    first_acked_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    events: int


def without_addresses(value: Any) -> Any:
    """Return an input of the core with the addresses of people as lists show them: some are keys to accounts."""
    if isinstance(value, list):
        return [without_addresses(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {name: without_addresses(item) for name, item in value.items()}
    if plain.get("address") and "channel" in plain:
        plain["address"] = shown(Channel(plain["channel"]), plain["address"]) if plain["channel"] in _CHANNELS else ""
    return plain


class LogOut(BaseModel):
    """One line of an alarm's log."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: datetime
    kind: str
    actor: str
    text: str
    input: Annotated[dict[str, Any] | None, BeforeValidator(without_addresses)]


class AlarmWithLog(AlarmOut):
    """One alarm with its gapless log, oldest first."""

    log: list[LogOut]

    @classmethod
    def of(cls, alarm: Alarm, log: Sequence[AlarmLog]) -> "AlarmWithLog":
        """Return an alarm and its log as programs see them."""
        shown = AlarmOut.model_validate(alarm).model_dump()
        return cls.model_validate({**shown, "log": [LogOut.model_validate(line) for line in log]})


class AckIn(BaseModel):
    """Claim an alarm; `take_over` takes it from whoever has it, and both are named in the log."""

    as_of: AsOf
    take_over: bool = False


class RenewIn(BaseModel):
    """Say that you are still there."""

    as_of: AsOf | None = None


class ReasonIn(BaseModel):
    """A command with an optional reason: hold, release, escalate."""

    as_of: AsOf
    reason: Reason = ""


class ShelveIn(BaseModel):
    """Put a technical alarm aside, for 24 hours at most; it comes back by itself."""

    as_of: AsOf
    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    reason: Words


class AttendIn(BaseModel):
    """Somebody is on the way; asked again after `arrive_in_minutes` (default 45, at most 60)."""

    as_of: AsOf
    who: Words
    arrive_in_minutes: Annotated[int, Field(ge=1, le=60)] | None = None


class NoteIn(BaseModel):
    """A free note."""

    as_of: AsOf | None = None
    text: Words


class ContactAttemptIn(BaseModel):
    """A contact was tried. Voicemail is not reached."""

    as_of: AsOf | None = None
    contact: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    reached: bool
    text: Reason = ""


class CloseIn(BaseModel):
    """End an alarm with an outcome code; some outcomes need a reason or a voice check with the person."""

    as_of: AsOf
    outcome: Annotated[str, Field(description="one of: " + ", ".join(OUTCOMES), max_length=64)]
    reason: Reason = ""
    voice_confirmed: bool = False


class NoticeOut(BaseModel):
    """One thing to mend before it hurts. `link` is the console's page for it."""

    model_config = ConfigDict(from_attributes=True)

    level: Level
    council_id: str | None
    what: str
    mend: str
    link: str


class NoticeList(BaseModel):
    """Every notice of now, errors first; they are few, so that one answer holds all of them."""

    items: list[NoticeOut]
    next: None = None
