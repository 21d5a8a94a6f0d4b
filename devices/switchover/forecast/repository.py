"""What the forecast reads: programmes, and the log of each home's visits."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.forecast.history import Step
from devices.switchover.programmes.models import Programme, Wave
from devices.switchover.visits.domain import VisitState
from telecare.kernel.errors import NotFoundError

# A visit is its unit's by the hub that it replaces, whichever programme it was made for. Days are those in Scotland.
_LOGS = text(
    """
    SELECT u.id, u.council_id, u.done_at IS NOT NULL AS done,
           least((u.found_at AT TIME ZONE 'Europe/London')::date, CAST(:today AS date)) AS found_on,
           (l.at AT TIME ZONE 'Europe/London')::date AS day, l.to_state, l.actor
      FROM switchover_unit u
      LEFT JOIN visit v ON v.old_hub_id = u.hub_id
      LEFT JOIN visit_log l ON l.visit_id = v.id AND l.to_state IS NOT NULL
     WHERE u.programme_id = :programme_id AND u.left_at IS NULL
       AND (CAST(:wave_id AS uuid) IS NULL OR u.wave_id = :wave_id)
       AND (CAST(:councils AS text[]) = '{}' OR u.council_id = ANY(:councils))
     ORDER BY u.council_id, u.id, l.at, l.seq
    """
)


@dataclass(frozen=True, slots=True)
class Home:
    """A home of a programme with the log of its visits; `done` whatever that says."""

    council_id: str
    found_on: date
    done: bool
    steps: Sequence[Step]


class ForecastRepository:
    """Reads in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def programmes(self) -> list[Programme]:
        """Return the programmes that somebody may see and that have not ended, the first deadline first."""
        statement = select(Programme).where(Programme.ended_at.is_(None)).order_by(Programme.deadline, Programme.id)
        if self.councils:
            statement = statement.where(Programme.councils.bool_op("&&")(sorted(self.councils)))
        return list((await self.session.execute(statement)).scalars())

    async def require(self, programme_id: UUID | None) -> Programme:
        """Return a programme, the one with the first deadline unless one is named, or raise NotFoundError."""
        every = await self.programmes()
        found = next((each for each in every if programme_id in {None, each.id}), None)
        if found is None:
            what = "no programme that has not ended" if programme_id is None else f"no such programme: {programme_id}"
            raise NotFoundError(f"There is {what}, so there is nothing to forecast")
        return found

    async def wave(self, wave_id: UUID) -> Wave:
        """Return a wave, or raise NotFoundError."""
        found = await self.session.get(Wave, wave_id)
        if found is None:
            raise NotFoundError(f"There is no wave {wave_id}, so there is nothing to forecast")
        return found

    async def homes(self, programme_id: UUID, wave_id: UUID | None, today: date) -> AsyncIterator[Home]:
        """Yield the homes of a programme, or of one wave of it, by council."""
        values = {"programme_id": programme_id, "wave_id": wave_id, "councils": sorted(self.councils), "today": today}
        unit: UUID | None = None
        council, found_on, done = "", today, False
        steps: list[Step] = []
        async for row in await self.session.stream(_LOGS, values):
            if row.id != unit:
                if unit is not None:
                    yield Home(council, found_on, done, steps)
                unit, council, found_on, done, steps = row.id, row.council_id, row.found_on, row.done, []
            if row.to_state is not None:
                steps.append(Step(row.day, VisitState(row.to_state), row.actor))
        if unit is not None:
            yield Home(council, found_on, done, steps)
