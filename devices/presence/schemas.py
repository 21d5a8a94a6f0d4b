"""What the API says of where hubs stand and stood."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from devices.presence.domain import Presence
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


class AbsenceIn(BaseModel):
    """Somebody is away until then: their hub may be silent. A pendant that is pressed is an alarm all the same."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime
    why: Annotated[str, Field(min_length=1, max_length=200)]
