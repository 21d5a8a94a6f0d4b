"""Hubs and models as programs see them (contract 4.2), and what is taken: strict, with an error for each field."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator, model_validator

from devices.presence.domain import Presence
from devices.registry.domain import MOST_HANDSHAKES, Connection, HubStatus, Radio
from devices.registry.fields import CouncilRef, Day, DeviceId, HubId, Input, Kind, Name, Output, Reason, Seconds


class Patch(Input):
    """What changes: what is left out stays, null removes it where that is possible."""

    kept: ClassVar[frozenset[str]] = frozenset()
    """Fields that may be changed and not removed."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_kept(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name in cls.kept:
            raise ValueError("this may be changed, not removed")
        return value


class CouncilOut(Output):
    """A council, with the codes that it had before."""

    code: str
    name: str
    former_codes: list[str]


BatteryYears = Annotated[
    Annotated[int, Field(ge=1, le=30)] | None, Field(description="how long its battery is good for in a home")
]


class ModelIn(Input):
    """A make and model of hub."""

    make: Name
    name: Name
    connection: Connection
    radio: Radio = Radio.NONE
    protocols: list[Name] = Field(default_factory=list, max_length=20)
    battery_hours: Annotated[int, Field(ge=0, le=10_000)] | None = None
    battery_years: BatteryYears = None
    heartbeat_interval_s: Annotated[Seconds | None, Field(description="as its rule; see heartbeat rules")] = None
    support_ends_on: Day | None = None
    retires_on: Day | None = None


class ModelPatch(Patch):
    """What changes of a model: days on which it retires, and how long its battery is good for."""

    battery_years: BatteryYears = None
    support_ends_on: Day | None = None
    retires_on: Day | None = None


class ModelOut(Output):
    """A make and model of hub, as known."""

    id: UUID
    make: str
    name: str
    connection: str
    radio: str
    protocols: list[str]
    battery_hours: int | None
    battery_years: int | None
    heartbeat_interval_s: Annotated[int | None, Field(description="null: the council's, or the usual 300")]
    heartbeat_grace_s: int | None
    miss_limit: int | None
    support_ends_on: date | None
    retires_on: date | None


class HubIn(Input):
    """A hub to register. Its model goes by id or by make and name; its connection is the model's unless said."""

    hub_id: HubId
    council_id: CouncilRef
    model_id: UUID | None = None
    model: Annotated[Name, Field(description="make and name, such as Skerry Halo")] | None = None
    connection: Connection | None = None
    serial: Name | None = None
    mobile_network: Annotated[Name, Field(description="of its SIM")] | None = None
    heartbeat_interval_s: Seconds | None = None
    certificate_expires_on: Annotated[Day | None, Field(description="of a hub that logs in with a certificate")] = None
    battery_due_on: Annotated[Day | None, Field(description="by when its battery must be replaced")] = None

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.model_id is None) == (self.model is None):
            raise ValueError("give either model_id or model; see /api/v1/device-models")
        return self


class HubPatch(Patch):
    """What changes of a hub; what is left out stays."""

    kept = frozenset({"model_id", "connection", "status"})

    model_id: UUID | None = None
    connection: Connection | None = None
    status: HubStatus | None = None
    serial: Name | None = None
    mobile_network: Annotated[Name, Field(description="of its SIM")] | None = None
    heartbeat_interval_s: Seconds | None = None
    certificate_expires_on: Annotated[Day | None, Field(description="of a hub that logs in with a certificate")] = None
    battery_due_on: Annotated[Day | None, Field(description="by when its battery must be replaced")] = None


class HandshakesIn(Input):
    """How many calls of an analogue unit failed on its tones, as its receiving centre counted them up to a day."""

    count: Annotated[int, Field(ge=0, le=MOST_HANDSHAKES, description="of the last month or so; 0 takes it back")]
    until: Annotated[Day, Field(description="the last day of what was counted, such as the last one of the month")]


class HubOut(Output):
    """A hub with what it last said of itself; `presence` follows from its heartbeats."""

    hub_id: str
    council_id: str
    model: str
    model_id: UUID
    connection: Connection
    status: HubStatus
    serial: str | None
    imei: str | None = Field(description="of its modem; from installers' records, see docs/import.md")
    iccid: str | None = Field(description="the number of its SIM; likewise")
    mobile_network: str | None
    presence: Presence
    presence_since: datetime | None
    away_until: datetime | None
    last_seen_at: datetime | None
    heartbeat_interval_s: int
    person_id: UUID | None
    premises_id: UUID | None
    person_name: str | None
    place: str | None
    firmware: str | None
    battery_pct: int | None
    mains: bool | None
    signal_dbm: int | None
    path: str | None
    credential_issued_at: datetime | None
    certificate_expires_on: date | None
    battery_due_on: Annotated[date | None, Field(description="as entered; null: by its age and model")]
    failed_handshakes: Annotated[int | None, Field(description="as the receiving centre counted; null: nobody said")]
    handshakes_until: date | None
    handshakes_told_at: datetime | None
    handshakes_told_by: str | None


class EventOut(Output):
    """One message as received. `payload` is its JSON object, or `{"text": …}` or `{"base64": …}` when it was none."""

    id: UUID
    received_at: datetime
    lane: str
    event_id: str | None
    type: str | None
    treatment: str
    alarm_id: UUID | None
    device_at: datetime | None
    payload: dict[str, Any]
    payload_size: int
    notes: list[str]


class CredentialOut(Output):
    """What a hub logs in to the broker with; shown this once."""

    username: str
    password: str


class PeripheralIn(Input):
    """A pendant, detector or sensor, by the id that the hub uses for it."""

    device_id: DeviceId
    kind: Kind
    room: Name | None = None


class PeripheralOut(Output):
    """A paired peripheral."""

    id: UUID
    device_id: str
    kind: str
    room: str | None
    paired_at: datetime


class InstallationIn(Input):
    """This hub, for this person, at these premises, from a moment (now when left out)."""

    person_id: UUID
    premises_id: UUID
    since: AwareDatetime | None = None
    move: Annotated[bool, Field(description="end where the hub is at that moment, in the same transaction")] = False


class WithdrawalIn(Input):
    """The person wants the service no more: why, and with whom that was agreed beside you."""

    reason: Reason
    agreed_with: Annotated[Name, Field(description="the second name; another one than yours")]


class InstallationEnd(Input):
    """When an installation ends (now when left out). The last hub of a person goes with the service only."""

    until: AwareDatetime | None = None
    withdrawal: WithdrawalIn | None = None


class InstallationOut(Output):
    """Where a hub was or is; `until` is null while it is there."""

    id: UUID
    hub_id: str
    person_id: UUID
    premises_id: UUID
    since: datetime
    until: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    withdrawn_why: str | None
    withdrawn_by: str | None
    withdrawn_with: str | None


class RequirementOut(Output):
    """One thing that a hub must show; `event_id` is the message that showed it."""

    what: str
    met: bool
    event_id: UUID | None


class AcceptanceOut(Output):
    """How a hub stands with its person. `stays` says why it cannot be taken away now, null when it can."""

    hub_id: str
    installation_id: UUID
    person_id: UUID
    accepted_at: datetime | None
    accepted_by: str | None
    events: Annotated[list[UUID], Field(description="the messages by which it was accepted")]
    requirements: list[RequirementOut]
    alone: Annotated[bool, Field(description="this person has no accepted hub")]
    stays: str | None
