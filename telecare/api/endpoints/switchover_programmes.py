"""Programmes that replace units, their waves, and the units with their dated reasons."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection, RiskTier
from devices.switchover.programmes.domain import ReasonKind
from devices.switchover.programmes.models import Programme
from devices.switchover.programmes.repository import ProgrammeRepository, Progress, UnitFilter
from devices.switchover.programmes.schemas import (
    AssignedOut,
    AssignIn,
    EndIn,
    FoundOut,
    ProgrammeIn,
    ProgrammeOut,
    UnitOut,
    WaveIn,
    WaveOut,
    show_programme,
    show_unit,
)
from devices.switchover.programmes.service import ProgrammeService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError
from telecare.switchover.swaps import LONDON

router = api_router("/switchover/programmes", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Planner = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
UnitState = Annotated[
    str | None, Query(pattern=r"^[a-z0-9_]{1,40}$", description="a visit's state, or no_visit, done, left")
]


def wanted_units(
    council: Council = None,
    connection: Connection | None = None,
    wave_id: UUID | None = None,
    no_wave: bool = False,
    tier: RiskTier | None = None,
    reason: ReasonKind | None = None,
    state: UnitState = None,
) -> UnitFilter:
    """Read what a list of units is narrowed to."""
    return UnitFilter(council, connection, wave_id, no_wave, tier, reason, state)


Wanted = Annotated[UnitFilter, Depends(wanted_units)]


@router.get("")
async def list_programmes(session: Transaction, actor: Viewer) -> Page[ProgrammeOut]:
    """List all programmes with how far each is, those that are under way by their deadline first."""
    programmes = ProgrammeRepository(session, actor.councils)
    return Page(items=await _show(session, programmes, await programmes.all()), next=None)


@router.post("", status_code=201)
async def make_programme(body: ProgrammeIn, session: Transaction, actor: Planner) -> ProgrammeOut:
    """Make a programme. Its units come in by `find-units`."""
    service = ProgrammeService(session, actor.councils)
    programme = await service.make(**body.model_dump(), by=actor.label)
    await _note(session, actor, "programme_made", programme, cause=programme.cause)
    return (await _show(session, service.programmes, [programme]))[0]


@router.get("/{programme_id}")
async def get_programme(programme_id: UUID, session: Transaction, actor: Viewer) -> ProgrammeOut:
    """Show one programme and how far it is."""
    programmes = ProgrammeRepository(session, actor.councils)
    return (await _show(session, programmes, [await programmes.require(programme_id)]))[0]


@router.post("/{programme_id}/find-units")
async def find_units(programme_id: UUID, session: Transaction, actor: Planner) -> FoundOut:
    """Take in the units that the programme must replace, by what the register knows now; waves are kept."""
    service = ProgrammeService(session, actor.councils)
    found = FoundOut(**vars(await service.find(programme_id)))
    programme = await service.programmes.require(programme_id)
    await _note(session, actor, "programme_units_found", programme, **found.model_dump())
    return found


@router.post("/{programme_id}/end")
async def end_programme(programme_id: UUID, body: EndIn, session: Transaction, actor: Planner) -> ProgrammeOut:
    """End a programme; its visits go on."""
    service = ProgrammeService(session, actor.councils)
    programme = await service.end(programme_id, body.as_of, actor.label)
    await _note(session, actor, "programme_ended", programme)
    return (await _show(session, service.programmes, [programme]))[0]


@router.get("/{programme_id}/units")
async def list_units(
    programme_id: UUID,
    wanted: Wanted,
    session: Transaction,
    actor: Viewer,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[UnitOut]:
    """List units of a programme by what is due first; those that left it only with `state=left`."""
    programmes = ProgrammeRepository(session, actor.councils)
    await programmes.require(programme_id)
    key = decode_cursor(cursor, str, str)
    after = None if key is None else (_day(key[0]), key[1])
    found = await programmes.page(programme_id, wanted, after, limit + 1)
    return page_of(found, limit, show_unit, lambda row: (row["due_on"].isoformat(), row["hub_id"]))


@router.post("/{programme_id}/waves", status_code=201)
async def add_wave(programme_id: UUID, body: WaveIn, session: Transaction, actor: Planner) -> WaveOut:
    """Add a wave to a programme."""
    if body.starts_on and body.ends_on and body.ends_on < body.starts_on:
        raise InvalidError("No such time", errors=[{"where": "body.ends_on", "what": "it ends after it starts"}])
    service = ProgrammeService(session, actor.councils)
    wave = await service.add_wave(programme_id, **body.model_dump())
    programme = await service.programmes.require(programme_id)
    await _note(session, actor, "wave_added", programme, wave=wave.name)
    return WaveOut.model_validate(wave)


@router.post("/{programme_id}/units/assign")
async def assign_units(programme_id: UUID, body: AssignIn, session: Transaction, actor: Planner) -> AssignedOut:
    """Put units into a wave, by hand or by a filter; without a wave, out of theirs."""
    service = ProgrammeService(session, actor.councils)
    count = await service.assign(programme_id, body.wave_id, units=body.units, wanted=body.wanted())
    programme = await service.programmes.require(programme_id)
    await _note(session, actor, "units_assigned", programme, units=count, wave_id=str(body.wave_id))
    return AssignedOut(units=count)


async def _show(session: AsyncSession, programmes: ProgrammeRepository, rows: list[Programme]) -> list[ProgrammeOut]:
    ids = [row.id for row in rows]
    progress, waves = await programmes.progress(ids), await programmes.waves(ids)
    today = (await database_now(session)).astimezone(LONDON).date()
    return [show_programme(row, progress.get(row.id, Progress()), waves, today) for row in rows]


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise InvalidError("The cursor is not one that this list gave: start again without it") from error


async def _note(session: AsyncSession, actor: Actor, action: str, programme: Programme, **details: Any) -> None:
    council = programme.councils[0] if len(programme.councils) == 1 else None
    about = {"name": programme.name} | details
    await AuditRepository(session).add(actor, action, "programme", programme.id, council, details=about)
