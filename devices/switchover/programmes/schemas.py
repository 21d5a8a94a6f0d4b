"""Programmes, waves and units as the API says and takes them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from devices.jobs.schemas import AsOf
from devices.registry.domain import Connection, RiskTier
from devices.registry.fields import CouncilRef, Day, Input, Name, Output, Words
from devices.switchover.programmes.domain import PSTN_ENDS, Cause, ReasonKind
from devices.switchover.programmes.models import Programme, Wave
from devices.switchover.programmes.repository import Progress, UnitFilter


class ProgrammeIn(Input):
    """A programme: what retires, by when, and whose units it takes."""

    name: Name
    cause: Cause
    deadline: Annotated[Day, Field(description=f"the last day of the old units; {PSTN_ENDS} for the PSTN")]
    councils: Annotated[list[CouncilRef], Field(min_length=1, max_length=32)]
    network: Annotated[Name | None, Field(description="of the end of 2G or 3G: whose; without one, all")] = None


class WaveIn(Input):
    """A part of a programme that is done together."""

    name: Name
    starts_on: Day | None = None
    ends_on: Day | None = None
    notes: Words | None = None


class AssignIn(Input):
    """Which units go into a wave: those named, and all that the filter leaves. Without a wave they go out of theirs."""

    wave_id: UUID | None = None
    units: Annotated[list[UUID], Field(max_length=1000, default_factory=list)]
    council: CouncilRef | None = None
    connection: Connection | None = None
    tier: RiskTier | None = None
    reason: ReasonKind | None = None
    no_wave: bool = False

    def wanted(self) -> UnitFilter | None:
        """Return the filter, None when nothing is narrowed: an empty one must not move a whole fleet."""
        narrowed = (self.council, self.connection, self.tier, self.reason)
        if not any(narrowed) and not self.no_wave:
            return None
        return UnitFilter(
            council=self.council, connection=self.connection, tier=self.tier, reason=self.reason, no_wave=self.no_wave
        )


class EndIn(Input):
    """End a programme as it was looked at."""

    as_of: AsOf


class FoundOut(Output):
    """What a look for units came to."""

    units: int
    new: int
    changed: int
    left: int


class AssignedOut(Output):
    """How many units were put into a wave."""

    units: int


class WaveOut(Output):
    """A wave."""

    id: UUID
    programme_id: UUID
    name: str
    starts_on: date | None
    ends_on: date | None
    notes: str | None


class ReasonOut(Output):
    """Why a unit must go; `on` is the day on which it bites, or since when."""

    kind: ReasonKind
    on: date | None
    words: str


class DueOut(Output):
    """A programme that has yet to replace a unit, and by when."""

    programme_id: UUID
    name: str
    due_on: date
    wave: str | None


class RetirementOut(Output):
    """Why a unit must go, the first day first, and which programmes take it; nothing of one that stands with nobody."""

    hub_id: str
    reasons: list[ReasonOut]
    programmes: list[DueOut]


class UnitOut(Output):
    """A unit of a programme, with its visit under way."""

    id: UUID
    programme_id: UUID
    council_id: str
    hub_id: str
    model: str
    connection: Connection
    person_id: UUID
    person_name: str
    risk_tier: RiskTier
    lives_alone: bool
    premises_id: UUID
    place: str
    wave_id: UUID | None
    wave: str | None
    reasons: list[ReasonOut]
    due_on: date
    found_at: datetime
    done_at: datetime | None
    left_at: datetime | None
    left_why: str | None
    visit_id: UUID | None
    visit_state: str | None
    starts_at: datetime | None
    engineer: str | None


class ProgrammeOut(Output):
    """A programme and how far it is: units by the state of their visit (or `no_visit`, `done`), in all and by council.

    `connections` are those of the units that are to be done, the three ways kept apart.
    """

    id: UUID
    version: int
    name: str
    cause: Cause
    deadline: date
    days_left: int
    network: str | None
    councils: list[str]
    made_at: datetime
    found_at: datetime | None
    ended_at: datetime | None
    units: int
    done: int
    states: dict[str, int]
    connections: dict[str, int]
    by_council: dict[str, dict[str, int]]
    waves: list[WaveOut]


def show_programme(row: Programme, progress: Progress, waves: list[Wave], today: date) -> ProgrammeOut:
    """Return a programme as programs see it."""
    own = ("id", "version", "name", "cause", "deadline", "network", "councils", "made_at", "found_at", "ended_at")
    return ProgrammeOut(
        **{name: getattr(row, name) for name in own},
        days_left=(row.deadline - today).days,
        units=progress.units,
        done=progress.done,
        states=dict(progress.states),
        connections={str(way): progress.connections.get(way, 0) for way in Connection},
        by_council={council: dict(states) for council, states in progress.councils.items()},
        waves=[WaveOut.model_validate(wave) for wave in waves if wave.programme_id == row.id],
    )


def show_unit(row: Mapping[Any, Any]) -> UnitOut:
    """Return a unit as programs see it."""
    return UnitOut(**{name: row[name] for name in UnitOut.model_fields})
