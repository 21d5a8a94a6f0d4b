"""The forecast as the API says it, and what may be asked of it."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from devices.registry.fields import CouncilRef, Input, Output

MOST_DAYS = 60
_EARLIEST, _LATEST = date(2020, 1, 1), date(2099, 12, 31)


def _known(days: list[date]) -> list[date]:
    """Return days in order, each once."""
    if any(not _EARLIEST <= day <= _LATEST for day in days):
        raise ValueError("a day lies between 2020 and 2099")
    return sorted(set(days))


Days = Annotated[list[date], Field(max_length=MOST_DAYS), AfterValidator(_known)]


class ForecastQuestion(Input):
    """What is forecast, and what is asked for instead of what is; left out is as it is."""

    programme: UUID | None = Field(None, description="the one with the first deadline unless named")
    wave: UUID | None = Field(None, description="only the homes of this wave; its programme need not be named")
    council: CouncilRef | None = Field(None, description="a GSS code or a name; all of the programme when left out")
    engineers: float | None = Field(None, ge=0, le=500, description="engineers a day, also a part of one")
    pace: float | None = Field(None, ge=0.1, le=20, description="visits by engineer and day")
    no_access: float | None = Field(None, ge=0, le=0.9, description="share of first visits that find nobody in")
    days_off: Days = Field(default_factory=list, description="days that are not worked")
    saturdays: Days = Field(default_factory=list, description="Saturdays that are worked")

    @property
    def supposes(self) -> bool:
        """Say whether anything is asked for that is not so."""
        return bool(self.days_off or self.saturdays) or {self.engineers, self.pace, self.no_access} != {None}

    def of(self, council: str | None) -> Self:
        """Return the same question of another council."""
        return self.model_copy(update={"council": council})


class BandOut(Output):
    """Homes that remain at the end of a day: a tenth of futures has fewer than `low`, a tenth more than `high`."""

    day: date
    low: int
    middle: int
    high: int


class NeedOut(Output):
    """What it takes that no home waits for an engineer at the deadline; `beyond` homes remain even so."""

    engineers: float | None
    saturdays: list[date]
    enough: bool
    beyond: int


class RateOut(Output):
    """A rate: what was seen of it, its middle, and the range that holds it in 8 of 10 futures."""

    name: str
    low: float
    middle: float
    high: float


class CouncilForecast(Output):
    """One council of a programme, at the deadline."""

    council_id: str
    remaining: int
    low: int
    middle: int
    high: int


class ForecastOut(Output):
    """How many homes remain on each day until a programme's deadline; without one it says that there is none."""

    programme_id: UUID | None
    programme: str | None
    wave_id: UUID | None
    wave: str | None
    council_id: str | None
    deadline: date | None
    until: date
    made_on: date
    homes: int
    done: int
    remaining: int
    visits: int
    engineers: float
    engineers_seen: bool
    pace: float
    bands: list[BandOut]
    low: int
    middle: int
    high: int
    finished: float
    need: NeedOut
    rates: list[RateOut]
    sentences: list[str]
    councils: list[CouncilForecast]
