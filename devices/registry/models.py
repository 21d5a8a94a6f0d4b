"""The tables of the register. Every row that belongs to a tenant carries its council, and keys keep tenants apart."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from devices.registry.domain import Connection, HubStatus, LineKind, Radio, RiskTier
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id


class Council(Base):
    """A Scottish council by its GSS code (nine characters, S12…); the 32 come with the schema."""

    __tablename__ = "council"

    __table_args__ = (
        CheckConstraint("heartbeat_interval_s >= 30", name="heartbeat_interval_s"),
        CheckConstraint("heartbeat_grace_s >= 0", name="heartbeat_grace_s"),
        CheckConstraint("miss_limit BETWEEN 1 AND 100", name="miss_limit"),
    )

    code: Mapped[str] = mapped_column(CouncilId, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    heartbeat_interval_s: Mapped[int | None]
    heartbeat_grace_s: Mapped[int | None]
    miss_limit: Mapped[int | None]


class DeviceModel(Base):
    """A make and model of hub, with the dates on which its technology retires."""

    __tablename__ = "device_model"
    __table_args__ = (
        UniqueConstraint("make", "name"),
        one_of("connection", Connection),
        one_of("radio", Radio),
        CheckConstraint("battery_years BETWEEN 1 AND 30", name="battery_years"),
        CheckConstraint("heartbeat_grace_s >= 0", name="heartbeat_grace_s"),
        CheckConstraint("miss_limit BETWEEN 1 AND 100", name="miss_limit"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    make: Mapped[str]
    name: Mapped[str]
    connection: Mapped[str] = mapped_column(comment="the best this model can do")
    radio: Mapped[str] = mapped_column(server_default=Radio.NONE)
    protocols: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    battery_hours: Mapped[int | None]
    battery_years: Mapped[int | None] = mapped_column(comment="how long its battery is good for")
    heartbeat_interval_s: Mapped[int | None]
    heartbeat_grace_s: Mapped[int | None]
    miss_limit: Mapped[int | None]
    support_ends_on: Mapped[date | None]
    retires_on: Mapped[date | None]


class Premises(Base):
    """A home: where it is and how one gets in. The key-safe code is sealed; reading it is audited."""

    __tablename__ = "premises"
    __table_args__ = (
        UniqueConstraint("id", "council_id"),
        UniqueConstraint("council_id", "uprn"),
        CheckConstraint("uprn ~ '^[0-9]{1,12}$'", name="uprn"),
        CheckConstraint("num_nulls(latitude, longitude) IN (0, 2)", name="coordinates"),
        CheckConstraint("latitude BETWEEN 49 AND 62 AND longitude BETWEEN -14 AND 3", name="in_britain"),
        Index("ix_premises_postcode", "postcode"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    uprn: Mapped[str | None]
    address: Mapped[str]
    town: Mapped[str]
    postcode: Mapped[str]
    exchange: Mapped[str | None] = mapped_column(comment="the telephone exchange that serves it")
    latitude: Mapped[float | None] = mapped_column(comment="WGS 84, in degrees")
    longitude: Mapped[float | None]
    access_notes: Mapped[str | None]
    key_safe_location: Mapped[str | None]
    key_safe_code_sealed: Mapped[str | None]
    key_safe_checked_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    @property
    def key_safe_has_code(self) -> bool:
        """Say whether there is a code to reveal."""
        return self.key_safe_code_sealed is not None


class Person(Base):
    """A service user: who speaks when the alarm opens, and what an operator must know at once."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("id", "council_id"),
        one_of("risk_tier", RiskTier),
        Index("ix_person_name", text("lower(family_name)"), text("lower(given_name)")),
        Index("ix_person_date_of_birth", "date_of_birth"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    given_name: Mapped[str]
    family_name: Mapped[str]
    preferred_name: Mapped[str | None]
    date_of_birth: Mapped[date | None]
    phone: Mapped[str | None] = mapped_column(comment="E.164")
    risk_tier: Mapped[str] = mapped_column(server_default=RiskTier.C)
    risk_reason: Mapped[str | None]
    risk_review_on: Mapped[date | None]
    lives_alone: Mapped[bool] = mapped_column(server_default="false")
    communication: Mapped[str | None] = mapped_column(comment="how this person hears, speaks and understands")
    hazards: Mapped[str | None] = mapped_column(comment="what a visitor must know: dog, oxygen, stairs")
    service_ended_on: Mapped[date | None] = mapped_column(
        comment="from then on nobody misses a unit where there is none"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Contact(Base):
    """Family or neighbour of a person, in the order in which they are tried."""

    __tablename__ = "contact"
    __table_args__ = (
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"], ondelete="CASCADE"),
        UniqueConstraint("person_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("phone IS NOT NULL OR email IS NOT NULL", name="reachable"),
        CheckConstraint("position >= 1", name="position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    person_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[str]
    relation: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(comment="E.164")
    email: Mapped[str | None]
    holds_key: Mapped[bool] = mapped_column(server_default="false")
    minutes_away: Mapped[int | None]
    notes: Mapped[str | None]
    verified_on: Mapped[date | None]


class Line(Base):
    """A telephone line at premises, as last checked; several may exist."""

    __tablename__ = "line"
    __table_args__ = (
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"], ondelete="CASCADE"),
        one_of("kind", LineKind),
        Index("ix_line_premises_id", "premises_id"),
        Index("ix_line_number", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    premises_id: Mapped[UUID]
    number: Mapped[str | None] = mapped_column(comment="E.164")
    kind: Mapped[str]
    provider: Mapped[str | None] = mapped_column(comment="the communications provider")
    checked_on: Mapped[date | None]


class Hub(Base):
    """An alarm unit, by the id it uses on its topics; that id never changes."""

    __tablename__ = "hub"
    __table_args__ = (
        UniqueConstraint("hub_id", "council_id"),
        one_of("connection", Connection),
        one_of("status", HubStatus),
        CheckConstraint(r"hub_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'", name="hub_id"),
        CheckConstraint("heartbeat_interval_s > 0", name="heartbeat_interval_s"),
        CheckConstraint("heartbeat_grace_s >= 0", name="heartbeat_grace_s"),
        CheckConstraint("miss_limit BETWEEN 1 AND 100", name="miss_limit"),
        CheckConstraint("failed_handshakes >= 0", name="failed_handshakes"),
        CheckConstraint(
            "num_nulls(failed_handshakes, handshakes_until, handshakes_told_at, handshakes_told_by) IN (0, 4)",
            name="handshakes",
        ),
        Index("ix_hub_council_id_hub_id", "council_id", "hub_id"),
        Index("ix_hub_serial", "serial"),
    )

    hub_id: Mapped[str] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId, ForeignKey("council.code"))
    model_id: Mapped[UUID] = mapped_column(ForeignKey("device_model.id"))
    serial: Mapped[str | None]
    imei: Mapped[str | None]
    iccid: Mapped[str | None] = mapped_column(comment="the number of its SIM")
    mobile_network: Mapped[str | None] = mapped_column(comment="of its SIM")
    connection: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=HubStatus.STOCK)
    heartbeat_interval_s: Mapped[int | None] = mapped_column(comment="overrides the model's")
    heartbeat_grace_s: Mapped[int | None] = mapped_column(comment="overrides the model's, and that the council's")
    miss_limit: Mapped[int | None] = mapped_column(comment="offline from so many missed beats on; overrides likewise")
    mqtt_credential: Mapped[str | None] = mapped_column(
        comment="hash in Mosquitto's password-file format, never the password"
    )
    credential_issued_at: Mapped[datetime | None]
    certificate_expires_on: Mapped[date | None] = mapped_column(comment="of a hub that logs in with a certificate")
    battery_due_on: Mapped[date | None] = mapped_column(
        comment="by when its battery must be replaced, as entered; empty: by its age and model"
    )
    failed_handshakes: Mapped[int | None] = mapped_column(
        comment="calls that failed on its tones, as its receiving centre counted them"
    )
    handshakes_until: Mapped[date | None] = mapped_column(comment="the last day of what was counted")
    handshakes_told_at: Mapped[datetime | None] = mapped_column(comment="when that was written down")
    handshakes_told_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Peripheral(Base):
    """A pendant, detector or sensor paired to a hub."""

    __tablename__ = "peripheral"
    __table_args__ = (
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], ondelete="CASCADE"),
        UniqueConstraint("hub_id", "device_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    hub_id: Mapped[str]
    device_id: Mapped[str] = mapped_column(comment="as the hub names it on the wire")
    kind: Mapped[str]
    room: Mapped[str | None]
    paired_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Installation(Base):
    """This hub, for this person, at these premises, from and to: a hub is in one place at a time.

    The database's trigger `nobody_without_hub` keeps the last accepted one of a person, and each one while an alarm of
    its home is open.
    """

    __tablename__ = "installation"
    __table_args__ = (
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"]),
        ForeignKeyConstraint(["person_id", "council_id"], ["person.id", "person.council_id"]),
        ForeignKeyConstraint(["premises_id", "council_id"], ["premises.id", "premises.council_id"]),
        CheckConstraint("NOT isempty(period) AND lower_inc(period) AND NOT upper_inc(period)", name="period"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_by IS NULL)", name="accepted"),
        CheckConstraint(
            "num_nulls(withdrawn_why, withdrawn_by, withdrawn_with) IN (0, 3)"
            " AND (withdrawn_by IS NULL OR NOT upper_inf(period) AND withdrawn_by <> withdrawn_with)",
            name="withdrawn",
        ),
        ExcludeConstraint(("hub_id", "="), ("period", "&&"), name="one_place_at_a_time", using="gist"),
        # The constraint's index finds a hub as well, ten times slower: lists by presence look up each hub of a fleet.
        Index("ix_installation_hub_id", "hub_id"),
        Index("ix_installation_person_id", "person_id"),
        Index("ix_installation_premises_id", "premises_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str] = mapped_column(CouncilId)
    hub_id: Mapped[str]
    person_id: Mapped[UUID]
    premises_id: Mapped[UUID]
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    accepted_at: Mapped[datetime | None] = mapped_column(comment="empty: nobody relies on it yet")
    accepted_by: Mapped[str | None] = mapped_column(comment="as in the audit; or what took it over as it stood")
    accepted_events: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), server_default="{}", comment="the messages that showed its triggers"
    )
    withdrawn_why: Mapped[str | None] = mapped_column(comment="the service ended with it: why")
    withdrawn_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    withdrawn_with: Mapped[str | None] = mapped_column(comment="the second name: with whom it was agreed")

    @property
    def since(self) -> datetime | None:
        """Return the beginning; never None in the database, whose CHECK says so."""
        return self.period.lower

    @property
    def until(self) -> datetime | None:
        """Return the end, None while the hub is there."""
        return self.period.upper
