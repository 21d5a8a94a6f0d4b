"""Images, rollouts with their waves and hubs, and what happened in each. Images are shared, as models of hubs are."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from devices.firmware.domain import HaltRule, ImageState, MemberState, Plan, RolloutState
from telecare.kernel.db import Base, CouncilId, one_of
from telecare.kernel.ids import new_id

_SINCE = "started_at IS NOT NULL"


class FirmwareImage(Base):
    """One firmware for one model: where it lies, and what it must be. The hub checks the maker's signature itself."""

    __tablename__ = "firmware_image"
    __table_args__ = (
        UniqueConstraint("model_id", "version"),
        one_of("state", ImageState),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint("state = 'draft' OR state_by IS NOT NULL", name="state_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("device_model.id"))
    version: Mapped[str] = mapped_column(comment="as the hub's heartbeat tells it")
    url: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int | None] = mapped_column(BigInteger, comment="bytes")
    signature: Mapped[str | None] = mapped_column(comment="the maker's, as they give it")
    notes: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=ImageState.DRAFT)
    state_by: Mapped[str | None] = mapped_column(comment="as in the audit")
    state_at: Mapped[datetime | None]
    state_why: Mapped[str | None]
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class FirmwareRollout(Base):
    """An image on its way to the hubs of a council, or of all; its plan and its halt rule never change."""

    __tablename__ = "firmware_rollout"
    __table_args__ = (
        one_of("state", RolloutState),
        CheckConstraint("cardinality(shares) + cardinality(first_hubs) > 0", name="waves"),
        CheckConstraint("soak_s >= 0 AND patience_s >= 0 AND at_once >= 1", name="plan"),
        CheckConstraint(
            "halt_failures >= 1 AND halt_silent >= 1 AND halt_failed_pct BETWEEN 0 AND 100 AND back_within_s >= 1 "
            "AND offline_margin_pct BETWEEN 0 AND 100",
            name="halt_rule",
        ),
        CheckConstraint(f"state IN ('draft', 'cancelled') OR {_SINCE}", name="started"),
        CheckConstraint("(state = 'halted') <= (halted_why IS NOT NULL)", name="halted"),
        CheckConstraint("(state IN ('done', 'cancelled')) = (ended_at IS NOT NULL)", name="ended"),
        Index("ix_firmware_rollout_running", "id", postgresql_where=text("state = 'running'")),
        Index("ix_firmware_rollout_council_id", "council_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    council_id: Mapped[str | None] = mapped_column(CouncilId, ForeignKey("council.code"), comment="empty: all councils")
    image_id: Mapped[UUID] = mapped_column(ForeignKey("firmware_image.id"))
    reason: Mapped[str]
    from_versions: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="empty: whatever they have")
    shares: Mapped[list[int]] = mapped_column(ARRAY(Integer), comment="per cent of all hubs, each with those before")
    first_hubs: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="a wave before all shares")
    soak_s: Mapped[int]
    patience_s: Mapped[int]
    at_once: Mapped[int]
    at_night: Mapped[bool]
    halt_failures: Mapped[int]
    halt_failed_pct: Mapped[int]
    halt_silent: Mapped[int]
    back_within_s: Mapped[int]
    offline_margin_pct: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=RolloutState.DRAFT)
    made_by: Mapped[str] = mapped_column(comment="as in the audit")
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    started_at: Mapped[datetime | None]
    counted_from: Mapped[datetime | None] = mapped_column(
        comment="the halt rule looks at what ended since: the start, or when a human let it go on"
    )
    halted_why: Mapped[str | None] = mapped_column(comment="of the last halt")
    ended_at: Mapped[datetime | None]

    @property
    def plan(self) -> Plan:
        """How it goes, as the rules know it."""
        seconds = {"soak": self.soak_s, "patience": self.patience_s}
        spans = {name: _span(value) for name, value in seconds.items()}
        return Plan(tuple(self.shares), tuple(self.first_hubs), at_once=self.at_once, at_night=self.at_night, **spans)

    @property
    def rule(self) -> HaltRule:
        """When it halts, as the rules know it."""
        return HaltRule(
            self.halt_failures, self.halt_failed_pct, self.halt_silent, _span(self.back_within_s),
            self.offline_margin_pct,
        )  # fmt: skip


class FirmwareWave(Base):
    """One wave of a rollout: when it began, and when the last of its hubs was through."""

    __tablename__ = "firmware_wave"
    __table_args__ = (
        CheckConstraint("share_pct BETWEEN 1 AND 100", name="share_pct"),
        CheckConstraint("settled_at IS NULL OR began_at IS NOT NULL", name="settled"),
    )

    rollout_id: Mapped[UUID] = mapped_column(ForeignKey("firmware_rollout.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    share_pct: Mapped[int | None] = mapped_column(comment="empty: the hubs that are named")
    began_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class FirmwareHub(Base):
    """One hub of a rollout. It is asked once, or never: `command_id` is set with the question and stays."""

    __tablename__ = "firmware_hub"
    __table_args__ = (
        ForeignKeyConstraint(["hub_id", "council_id"], ["hub.hub_id", "hub.council_id"], ondelete="CASCADE"),
        one_of("state", MemberState),
        CheckConstraint("state IN ('pending', 'skipped') OR command_id IS NOT NULL", name="asked"),
        CheckConstraint("(command_id IS NULL) = (asked_at IS NULL)", name="asked_at"),
        CheckConstraint("(state IN ('done', 'failed', 'skipped')) = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint("wave IS NOT NULL OR state = 'skipped'", name="wave"),
        CheckConstraint("NOT silent OR state = 'failed'", name="silent"),
        Index("ix_firmware_hub_wave", "rollout_id", "wave", "state"),
        Index("ix_firmware_hub_hub_id", "hub_id"),
        # A hub is on its way to one firmware at a time.
        Index(
            "uq_firmware_hub_in_flight",
            "hub_id",
            unique=True,
            postgresql_where=text("state IN ('asked', 'updating')"),
        ),
    )

    rollout_id: Mapped[UUID] = mapped_column(ForeignKey("firmware_rollout.id", ondelete="CASCADE"), primary_key=True)
    hub_id: Mapped[str] = mapped_column(primary_key=True)
    council_id: Mapped[str] = mapped_column(CouncilId)
    wave: Mapped[int | None] = mapped_column(comment="empty: in none of them")
    state: Mapped[str] = mapped_column(server_default=MemberState.PENDING)
    why: Mapped[str | None] = mapped_column(comment="why it waits, was skipped, failed, or is known to be done")
    from_version: Mapped[str | None] = mapped_column(comment="what it told when it was asked")
    looked_at: Mapped[datetime | None] = mapped_column(comment="when it last had to wait")
    command_id: Mapped[UUID | None] = mapped_column(comment="hub_command; that row is removed after a while")
    asked_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None] = mapped_column(comment="since when it is known to have begun")
    finished_at: Mapped[datetime | None]
    silent: Mapped[bool] = mapped_column(server_default="false", comment="it began to update and was not heard again")


class FirmwareLog(Base):
    """What happened in a rollout, in words; only ever added to."""

    __tablename__ = "firmware_log"
    __table_args__ = (Index("ix_firmware_log_rollout_id", "rollout_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    rollout_id: Mapped[UUID] = mapped_column(ForeignKey("firmware_rollout.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str] = mapped_column(comment="as in the audit; `system` for what happens by itself")
    what: Mapped[str]
    council_id: Mapped[str | None] = mapped_column(CouncilId, comment="of the hub that it names, if it names one")


def _span(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)
