"""The forecast of a programme: read, drawn in a thread beside the loop, said."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import mean
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.forecast import words
from devices.switchover.forecast.burn_down import Span
from devices.switchover.forecast.domain import OUTCOMES, History, Pool
from devices.switchover.forecast.forecast import HIGH, LOW, MIDDLE, Forecast, Need, Team, WhatIf, forecast
from devices.switchover.forecast.history import Reader
from devices.switchover.forecast.rates import Rates
from devices.switchover.forecast.repository import ForecastRepository
from devices.switchover.forecast.schemas import (
    BandOut,
    CouncilForecast,
    ForecastOut,
    ForecastQuestion,
    NeedOut,
    RateOut,
)
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.programmes.models import Programme
from devices.switchover.working_days import WorkingDays
from telecare.kernel.errors import NotFoundError

LONDON = ZoneInfo("Europe/London")
Local = Mapping[str, frozenset[date]]
"""The local holidays that were entered, by council."""
SEED = 1
"""The same chances for every question: what differs between two answers is what was asked."""
FARTHEST = timedelta(days=400)
"""A forecast does not look farther; who knows the rates of the year after next?"""
PACE = 5.0
"""Visits by engineer and day where none have been made."""
HOMES_AN_ENGINEER = 200
"""So many homes an engineer has where nobody has been out: 1,200 in 45 working days take six."""
RECENT = 10
COUNCIL_DRAWS = 200
RATE_WORDS = ("done at the first visit", "nobody in", "refused at the door", "no signal", "faulty hub")
NONE_NEEDED = Need(0.0, (), enough=True, beyond=0)


@dataclass(frozen=True, slots=True)
class Read:
    """What a programme's log came to for some homes."""

    pool: Pool
    history: History
    first: date

    @property
    def team(self) -> Team:
        """Return who does the work as it is: of the last days when there are any."""
        days = self.history.days[-RECENT:]
        engineers = (
            mean(day.engineers for day in days) if days else max(1, round(self.pool.remaining / HOMES_AN_ENGINEER))
        )
        return Team(float(engineers), PACE)


class ForecastService:
    """Forecasts in the transaction of `session`, of what somebody of `councils` may see; empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.repository = ForecastRepository(session, councils)

    async def ask(self, question: ForecastQuestion, now: datetime) -> ForecastOut:
        """Answer a question; raises NotFoundError when there is no such programme, or none of this council."""
        today = now.astimezone(LONDON).date()
        if question.programme is None and question.wave is None and not await self.repository.programmes():
            return _nothing(question, today)
        wave = None if question.wave is None else await self.repository.wave(question.wave)
        programme = await self.repository.require(question.programme or (wave.programme_id if wave else None))
        if wave is not None and wave.programme_id != programme.id:
            raise NotFoundError(f"There is no wave {wave.id} in {programme.name}")
        if question.council is not None and question.council not in programme.councils:
            raise NotFoundError(f"{programme.name} is no programme of this council")
        local = await PlanningRepository(self.session).local_holidays(programme.councils)
        read = await self._read(programme, question, today, local)
        found = await asyncio.to_thread(_answer, programme, question, today, read, local)
        return found.model_copy(update={"wave_id": wave.id, "wave": wave.name}) if wave is not None else found

    async def _read(
        self, programme: Programme, question: ForecastQuestion, today: date, local: Local
    ) -> Mapping[str | None, Read]:
        """Read the log, by council and for all together (None)."""
        days = working_days(question, local)
        readers: dict[str | None, Reader] = {None: Reader(today, days)}
        async for home in self.repository.homes(programme.id, question.wave, today):
            if question.council not in {None, home.council_id}:
                continue
            for council in (None, home.council_id):
                reader = readers.setdefault(council, Reader(today, days))
                reader.read(home.steps, found_on=home.found_on, done=home.done)
        return {council: _settled(reader, today) for council, reader in readers.items()}


def working_days(question: ForecastQuestion, local: Local) -> WorkingDays:
    """Return the days that a question wants worked; local holidays are of one council, and none of all together."""
    days_off, saturdays = frozenset(question.days_off), frozenset(question.saturdays)
    return WorkingDays(question.council, days_off, saturdays, local.get(question.council or "", frozenset()))


def _settled(reader: Reader, today: date) -> Read:
    """A day on which somebody has been out already is not forecast again."""
    first = today + timedelta(days=1) if today in reader.visits else today
    return Read(reader.pool(), reader.history(), first)


def _nothing(question: ForecastQuestion, today: date) -> ForecastOut:
    """Say that no programme is under way."""
    return ForecastOut(
        programme_id=None, programme=None, wave_id=None, wave=None,
        council_id=question.council, deadline=None, until=today, made_on=today,
        homes=0, done=0, remaining=0, visits=0, engineers=0, engineers_seen=False, pace=PACE, bands=[], low=0, middle=0,
        high=0, finished=0, need=NeedOut(engineers=0, saturdays=[], enough=True, beyond=0), rates=[],
        sentences=["No programme is under way, so there is nothing to forecast."], councils=[],
    )  # fmt: skip


def _answer(
    programme: Programme, question: ForecastQuestion, today: date, every: Mapping[str | None, Read], local: Local
) -> ForecastOut:
    read = every[None]
    found = _draw(read, question, programme.deadline, local)
    pool, past, need = read.pool, read.history, found.need or NONE_NEEDED
    engineers = read.team.engineers if question.engineers is None else question.engineers
    last = found.at_deadline
    return ForecastOut(
        programme_id=programme.id,
        programme=programme.name,
        wave_id=None,
        wave=None,
        council_id=question.council,
        deadline=programme.deadline,
        until=last.day,
        made_on=today,
        homes=pool.done + pool.remaining,
        done=pool.done,
        remaining=pool.remaining,
        visits=past.visits,
        engineers=round(engineers, 1),
        engineers_seen=bool(past.days),
        pace=round(float(np.mean(found.rates.pace)), 1),
        bands=[BandOut.model_validate(band) for band in found.bands],
        low=last.low,
        middle=last.middle,
        high=last.high,
        finished=round(found.finished, 3),
        need=NeedOut(engineers=need.engineers, saturdays=list(need.saturdays), enough=need.enough, beyond=need.beyond),
        rates=_rates(found.rates),
        sentences=_sentences(programme, today, read, found),
        councils=_councils(programme, question, every, local) if question.council is None else [],
    )


def _draw(
    read: Read, question: ForecastQuestion, deadline: date, local: Local, *, draws: int | None = None
) -> Forecast:
    span = Span(read.first, max(read.first, min(deadline, read.first + FARTHEST)))
    what_if = WhatIf(question.engineers, question.pace, question.no_access)
    rng = np.random.default_rng(SEED)
    return forecast(
        read.pool, read.history, read.team, span, working_days(question, local), rng, what_if=what_if, draws=draws,
        need=draws is None,
    )  # fmt: skip


def _councils(
    programme: Programme, question: ForecastQuestion, every: Mapping[str | None, Read], local: Local
) -> list[CouncilForecast]:
    """Forecast each council by itself; engineers that are asked for are shared out by the homes that remain."""
    found = []
    whole = max(1, every[None].pool.remaining)
    for council, read in every.items():
        if council is None:
            continue
        share = None if question.engineers is None else question.engineers * read.pool.remaining / whole
        asked = question.model_copy(update={"council": council, "engineers": share})
        last = _draw(read, asked, programme.deadline, local, draws=COUNCIL_DRAWS).at_deadline
        found.append(
            CouncilForecast(
                council_id=council, remaining=read.pool.remaining, low=last.low, middle=last.middle, high=last.high
            )
        )
    return sorted(found, key=lambda each: (-each.middle, each.council_id))


def _rates(rates: Rates) -> list[RateOut]:
    first = {name: rates.first[:, index] for index, name in enumerate(RATE_WORDS[: len(OUTCOMES)])}
    told = {**first, "visits by engineer and day": rates.pace}
    found = []
    for name, values in told.items():
        low, middle, high = (round(float(value), 4) for value in np.quantile(values, [LOW, MIDDLE, HIGH]))
        found.append(RateOut(name=name, low=low, middle=middle, high=high))
    return found


def _sentences(programme: Programme, today: date, read: Read, found: Forecast) -> list[str]:
    pool = read.pool
    if not pool.remaining and not pool.done:
        return ["No home is in this programme yet: look for its units first."]
    if not pool.remaining:
        return [f"All {words.homes(pool.done)} are done."]
    if programme.deadline < today:
        return [f"The deadline was {words.day(programme.deadline)}, and {words.homes(pool.remaining)} remain."]
    far = "" if found.at_deadline.day == programme.deadline else f" The deadline is {words.day(programme.deadline)}."
    return [
        words.outlook(found) + far,
        *(words.needed(found.need) if found.need else ()),
        words.basis(pool, read.history),
    ]
