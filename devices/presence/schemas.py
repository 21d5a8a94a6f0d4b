"""What the API says of where hubs stand and stood."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from devices.presence.domain import Presence
from devices.presence.telemetry import Step
from devices.presence.verdict_repository import Period

LONGEST_ABSENCE = timedelta(days=366)


class GapOut(BaseModel):
    """When we could not hear any hub, from and to."""

    started_at: datetime
    ended_at: datetime


class PeriodOut(BaseModel):
    """One state, from and to; `ended_at` is empty while it lasts."""

    state: Presence
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, period: Period) -> Self:
        """Return a period as the API shows it."""
        return cls(state=period.state, started_at=period.started_at, ended_at=period.ended_at)


class PresenceAtOut(BaseModel):
    """Where a hub stood at an instant; no `period` before it was first heard. `our_gap`: we could not hear then."""

    at: datetime
    period: PeriodOut | None
    our_gap: GapOut | None


class TelemetryPoint(BaseModel):
    """What a hub told from `at` until `until`; null is what it did not tell. `mains_off_s`: seconds without mains.

    `path` is the last one, `other_path` the last other one in the same time. `seeded`: made up for a demo.
    """

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    until: datetime
    heartbeats: int
    battery_min: int | None
    battery_max: int | None
    signal_avg: int | None
    mains_off_s: int | None
    path: str | None
    other_path: str | None
    firmware: str | None
    seeded: bool


class TelemetryOut(BaseModel):
    """What a hub told over a time, the earliest first, and when we could not hear. Silence has no points."""

    hub_id: str
    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    step: Step
    points: list[TelemetryPoint]
    our_gaps: list[GapOut]


class AbsenceIn(BaseModel):
    """Somebody is away until then: their hub may be silent. A pendant that is pressed is an alarm all the same."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime
    why: Annotated[str, Field(min_length=1, max_length=200)]
