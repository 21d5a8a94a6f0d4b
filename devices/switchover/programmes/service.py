"""Makes programmes, finds their units and puts them into waves."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.homes import council_exists
from devices.switchover.programmes.domain import Cause, assigns, concerns, dated, due, reasons
from devices.switchover.programmes.models import Programme, Unit, Wave
from devices.switchover.programmes.repository import ProgrammeRepository, Standing, UnitFilter
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, RefusedError

BATCH = 1000
MOST = 100_000
"""So many units are put into a wave at once, at most."""


class StaleProgrammeError(ConflictError):
    """The command was given on an older version of the programme than the present one."""

    slug, title = "stale", "The programme has changed"


@dataclass
class Found:
    """What a look for units came to."""

    units: int = 0
    new: int = 0
    changed: int = 0
    left: int = 0


class ProgrammeService:
    """Programmes as a user of these councils may change them (empty: all), in the transaction of `session`."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils
        self.programmes = ProgrammeRepository(session, councils)

    async def make(
        self, *, name: str, cause: Cause, deadline: date, councils: Collection[str], network: str | None, by: str
    ) -> Programme:
        """Make a programme; InvalidError for a council that there is not, ForbiddenError for one that is not theirs."""
        wanted = sorted(set(councils))
        for code in wanted:
            if not await council_exists(self.session, code):
                errors = [{"where": "body.councils", "what": f"no council has the code {code}; see /api/v1/councils"}]
                raise InvalidError("There is no such council", errors=errors)
        if network is not None and cause not in {Cause.RADIO_2G, Cause.RADIO_3G}:
            errors = [{"where": "body.network", "what": "only the end of 2G or 3G is a network's"}]
            raise InvalidError("This cause is no network's", errors=errors)
        if not assigns(wanted, self.councils):
            raise ForbiddenError("You may make programmes of your own councils only")
        return await self.programmes.add(
            name=name, cause=cause, deadline=deadline, councils=wanted, network=network, made_by=by
        )

    async def end(self, programme_id: UUID, as_of: int, by: str) -> Programme:
        """End a programme: its units are looked for no more. Its visits go on."""
        programme = await self._lock(programme_id, as_of)
        programme.ended_at, programme.ended_by = await database_now(self.session), by
        programme.version += 1
        await self.session.flush()
        return programme

    async def find(self, programme_id: UUID) -> Found:
        """Take in every unit that the programme must replace; what is known stays in its wave.

        Who is new comes in, whom nothing makes go any more leaves (unless a visit is under way), reasons are written
        anew. A second look at the same register changes nothing.
        """
        programme = await self._lock(programme_id, None)
        outcome, staying, after = Found(), list[str](), ""
        while batch := await self.programmes.standing(programme.councils, after, BATCH):
            after = batch[-1].hub_id
            staying += await self._take(programme, batch, outcome)
        outcome.units = len(staying)
        outcome.left = await self.programmes.leave(programme_id, staying)
        programme.found_at = await database_now(self.session)
        await self.session.flush()
        return outcome

    async def _take(self, programme: Programme, batch: list[Standing], outcome: Found) -> list[str]:
        known = await self.programmes.units_by_hub(programme.id, [each.hub_id for each in batch])
        fresh: list[dict[str, Any]] = []
        staying: list[str] = []
        for each in batch:
            every, cause, deadline = reasons(each.facts), Cause(programme.cause), programme.deadline
            own = concerns(cause, deadline, programme.network, each.facts, every)
            if not own:
                continue
            why = dated(cause, deadline, own, every)
            staying.append(each.hub_id)
            columns = {
                "person_id": each.person_id,
                "premises_id": each.premises_id,
                "reasons": [reason.stored() for reason in why],
                "due_on": due(deadline, own),
            }
            unit = known.get(each.hub_id)
            if unit is None:
                fresh.append(
                    {"programme_id": programme.id, "hub_id": each.hub_id, "council_id": each.council_id} | columns
                )
            else:
                outcome.changed += _renew(unit, each, columns)
        await self.programmes.add_units(fresh)
        await self.session.flush()
        outcome.new += len(fresh)
        return staying

    async def add_wave(self, programme_id: UUID, name: str, **columns: Any) -> Wave:
        """Add a wave; ConflictError when the programme has one of this name."""
        await self._lock(programme_id, None)
        wave = await self.programmes.add_wave(programme_id=programme_id, name=name, **columns)
        if wave is None:
            raise ConflictError(f"This programme has a wave {name} already")
        return wave

    async def assign(
        self,
        programme_id: UUID,
        wave_id: UUID | None,
        *,
        units: Collection[UUID] = (),
        wanted: UnitFilter | None = None,
    ) -> int:
        """Put units into a wave, or into none: those named, or all that a filter leaves; return how many."""
        await self._lock(programme_id, None)
        if wave_id is not None:
            await self.programmes.wave(programme_id, wave_id)
        chosen = set(units)
        if wanted is not None:
            chosen |= {row["id"] for row in await self.programmes.page(programme_id, wanted, None, MOST)}
        return await self.programmes.assign(programme_id, wave_id, chosen)

    async def _lock(self, programme_id: UUID, as_of: int | None) -> Programme:
        programme = await self.programmes.require(programme_id, lock=True)
        if not assigns(programme.councils, self.councils):
            raise ForbiddenError("This programme is of other councils too: somebody of all of them changes it")
        if as_of is not None and as_of != programme.version:
            words = "The programme has changed since you saw it: look and try again"
            raise StaleProgrammeError(words, version=programme.version)
        if programme.ended_at is not None:
            raise RefusedError("This programme has ended")
        return programme


def _renew(unit: Unit, seen: Standing, columns: dict[str, Any]) -> bool:
    """Write what has changed of a unit; one that had left, or was done and stands somewhere again, is to do again."""
    if unit.done_at is not None and seen.since <= unit.done_at:
        return False
    columns = columns | {"left_at": None, "left_why": None, "done_at": None}
    changed = {name: value for name, value in columns.items() if getattr(unit, name) != value}
    for name, value in changed.items():
        setattr(unit, name, value)
    return bool(changed)
