"""What the API says of people's protection and of what was lost of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from devices.presence.schemas import GapOut
from devices.registry.domain import RiskTier
from telecare.protection.domain import Protection, Reason
from telecare.protection.losses import Loss, Lost, TierLoss
from telecare.protection.models import ProtectionPeriod

COUNTS = {
    "minutes": "lost minutes: from when somebody was last proven to be protected until they were again, in this time",
    "p95": "the 95th percentile (nearest rank) of the minutes of each person who lost any",
    "people": "people in this tier now whom a unit serves, or should",
    "our_gaps": "when we could not hear any unit: nobody is judged in it, and it is told apart from what was lost",
    "away": "a planned absence is expected, and no minute of it is lost",
}
"""What each figure means; part of the report."""


def minutes_since(at: datetime | None, now: datetime) -> int | None:
    """Return whole minutes since a moment."""
    return None if at is None else max(0, int((now - at).total_seconds() // 60))


class PathProofOut(BaseModel):
    """When a trigger was last proven over one path; `path` is empty when the unit did not say which."""

    path: str
    last_alarm_at: datetime | None
    last_test_at: datetime | None
    minutes_since_proven: int | None


class TriggerOut(BaseModel):
    """A trigger of somebody's unit; `device_id` is empty for the unit itself. No `paths`: it was never proven here."""

    hub_id: str
    device_id: str
    kind: str
    room: str | None
    registered: bool = Field(description="false: it called, and is not in the register")
    minutes_since_proven: int | None
    paths: list[PathProofOut]


class StandingOut(BaseModel):
    """Where somebody stands. `good_until`: when they were last proven to be protected, of who is not.

    `last_proven_at` is the last alarm or test of any of their triggers.
    """

    model_config = ConfigDict(from_attributes=True)

    person_id: UUID
    person_name: str
    council_id: str
    tier: RiskTier
    state: Protection
    since: datetime
    reasons: list[Reason]
    why: str
    good_until: datetime | None
    away_until: datetime | None
    hub_id: str | None
    alarm_id: UUID | None
    last_heard_at: datetime | None
    last_proven_at: datetime | None
    minutes_since_proven: int | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return a row as the API shows it."""
        return cls.model_validate({**row, "minutes_since_proven": minutes_since(row["last_proven_at"], row["now"])})


class ProtectionOut(BaseModel):
    """One person's protection. `standing` is empty while no unit has served them.

    `our_gap_since`: we can hear no unit since then, and what is said of anybody is from before.
    """

    person_id: UUID
    standing: StandingOut | None
    our_gap_since: datetime | None
    triggers: list[TriggerOut]


class ProtectionPeriodOut(BaseModel):
    """One state for the same reasons, from and to; `ended_at` is empty while it lasts."""

    state: Protection
    started_at: datetime
    ended_at: datetime | None
    tier: RiskTier
    reasons: list[Reason]
    why: str
    hub_id: str | None
    good_until: datetime | None

    @classmethod
    def of(cls, row: ProtectionPeriod) -> Self:
        """Return a period as the API shows it."""
        return cls.model_validate(row, from_attributes=True)


class LossOut(BaseModel):
    """A part of a period that counts as lost. The period is `started_at` in the history of this person."""

    person_id: UUID
    council_id: str
    tier: RiskTier
    lost_from: datetime
    lost_until: datetime
    minutes: float
    started_at: datetime = Field(description="when we knew of it")
    ended_at: datetime | None
    why: str

    @classmethod
    def of(cls, loss: Loss) -> Self:
        """Return a loss as the API shows it."""
        return cls(
            person_id=loss.period.person_id,
            council_id=loss.period.council_id,
            tier=loss.period.tier,
            lost_from=loss.lost_from,
            lost_until=loss.lost_until,
            minutes=round(loss.minutes, 1),
            started_at=loss.period.started_at,
            ended_at=loss.period.ended_at,
            why=loss.period.why,
        )


class LostOut(BaseModel):
    """What one person lost, and in which periods."""

    person_id: UUID
    person_name: str
    minutes: float
    losses: list[LossOut]

    @classmethod
    def of(cls, lost: Lost, names: Mapping[UUID, str]) -> Self:
        """Return it as the API shows it."""
        return cls(
            person_id=lost.person_id,
            person_name=names.get(lost.person_id, ""),
            minutes=round(lost.minutes, 1),
            losses=[LossOut.of(loss) for loss in lost.losses],
        )


class TierLossOut(BaseModel):
    """What the people of one tier lost."""

    tier: RiskTier
    people: int
    affected: int
    minutes: float
    p95: float
    worst: list[LostOut]

    @classmethod
    def of(cls, tier: TierLoss, names: Mapping[UUID, str]) -> Self:
        """Return it as the API shows it."""
        return cls(
            tier=tier.tier,
            people=tier.people,
            affected=tier.affected,
            minutes=round(tier.minutes, 1),
            p95=round(tier.p95, 1),
            worst=[LostOut.of(lost, names) for lost in tier.worst],
        )


class ProtectionReportOut(BaseModel):
    """Minutes of lost protection by risk tier between two moments; `what` says what each figure means."""

    model_config = ConfigDict(populate_by_name=True)

    begin: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    council_id: str | None
    tiers: list[TierLossOut]
    our_gaps: list[GapOut]
    our_gap_minutes: float
    what: dict[str, str] = COUNTS


def triggers_of(rows: Sequence[RowMapping], now: datetime) -> list[TriggerOut]:
    """Return triggers with the paths over which each was proven."""
    grouped = groupby(rows, key=lambda row: (row["hub_id"], row["device_id"]))
    return [_trigger(list(of_one), now) for _, of_one in grouped]


def _trigger(rows: Sequence[RowMapping], now: datetime) -> TriggerOut:
    first = rows[0]
    proofs = [row for row in rows if row["path"] is not None]
    return TriggerOut(
        hub_id=first["hub_id"],
        device_id=first["device_id"],
        kind=first["kind"],
        room=first["room"],
        registered=first["registered"],
        minutes_since_proven=minutes_since(_latest(proofs), now),
        paths=[
            PathProofOut(
                path=row["path"],
                last_alarm_at=row["last_alarm_at"],
                last_test_at=row["last_test_at"],
                minutes_since_proven=minutes_since(_latest([row]), now),
            )
            for row in proofs
        ],
    )


def _latest(proofs: Iterable[RowMapping]) -> datetime | None:
    moments = [at for row in proofs for at in (row["last_alarm_at"], row["last_test_at"]) if at is not None]
    return max(moments, default=None)
