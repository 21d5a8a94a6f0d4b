"""Rotas: plans, and who is on call by them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.service import PolicyService
from alarms.rota.document import layer_of
from alarms.rota.domain import (
    PeriodTooLongError,
    Rota,
    RotaError,
    Shift,
    gaps,
    members_of,
    next_handover,
    on_call,
    shifts,
)
from alarms.rota.models import RotaPlan
from alarms.rota.schemas import (
    GapOut,
    GapsOut,
    Moment,
    OnCallList,
    OnCallOut,
    RotaIn,
    RotaListed,
    RotaOut,
    RotaPut,
    ShiftsOut,
    show_handover,
    show_listed,
    show_members,
    show_rota,
    show_shift,
)
from alarms.rota.service import RotaService, check_period, documents_of
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.endpoints.responders import Administrator, Viewer, check_governs, require_council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, encode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError, NotFoundError

router = api_router("/rotas", "rotas")

Supervisor = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
At = Annotated[Moment | None, Query(description="a moment; now when left out")]
From = Annotated[Moment | None, Query(alias="from", description="now when left out")]
Days = Annotated[int, Query(ge=1, le=400)]

MOST_DAYS = 400
USUAL = timedelta(days=28)
AHEAD = timedelta(days=400)
Found = TypeVar("Found")


@router.get("")
async def list_rotas(session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[RotaListed]:
    """List rotas, newest first."""
    before = decode_cursor(cursor, UUID)
    rows = await RotaService(session).rotas.page(actor.councils, before[0] if before else None, limit + 1)
    return page_of(rows, limit, show_listed, lambda row: (row.id,))


@router.post("", status_code=201)
async def create_rota(body: RotaIn, session: Transaction, actor: Administrator) -> RotaOut:
    """Add a rota; its members are responders of its council, or of all."""
    check_governs(actor, body.council_id, "rotas")
    await require_council(session, body.council_id)
    columns = body.model_dump(include={"key", "name", "council_id", "zone"})
    plan = await RotaService(session).create(body.layers, **columns)
    await note(session, actor, "rota_created", plan, key=plan.key, after=plan.plan)
    return await _shown(session, plan)


@router.get("/on-call")
async def everybody_on_call(
    session: Transaction, actor: Viewer, at: At = None, limit: Limit = 50, cursor: Cursor = None
) -> OnCallList:
    """Show who is on call by each rota at a moment, the newest rota first; one that cannot be read says so."""
    before = decode_cursor(cursor, UUID)
    service = RotaService(session)
    rows = await service.rotas.page(actor.councils, before[0] if before else None, limit + 1)
    moment = at or await database_now(session)
    items = await _on_call(session, rows[:limit], moment, look_ahead=False)
    return OnCallList(items=items, next=encode_cursor(rows[limit - 1].id) if len(rows) > limit else None)


@router.get("/{rota_id}")
async def get_rota(rota_id: UUID, session: Transaction, actor: Viewer) -> RotaOut:
    """Show a rota with its layers and version."""
    return await _shown(session, await visible_rota(session, actor, rota_id))


@router.put("/{rota_id}")
async def replace_rota(rota_id: UUID, body: RotaPut, session: Transaction, actor: Administrator) -> RotaOut:
    """Put another plan in place of a rota's; 409 `stale` when it has changed since the version `as_of`."""
    plan = await governed_rota(session, actor, rota_id)
    before = plan.plan
    await RotaService(session).replace(plan, body.as_of, body.layers, name=body.name, zone=body.zone)
    await note(session, actor, "rota_changed", plan, version=plan.version, before=before, after=plan.plan)
    return await _shown(session, plan)


@router.delete("/{rota_id}", status_code=204)
async def remove_rota(rota_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Remove a rota; what was done with it stays in its history."""
    plan = await governed_rota(session, actor, rota_id)
    await PolicyService(session, {}).refuse_if_named(f"rota:{plan.key}", plan.council_id)
    await RotaService(session).rotas.remove(rota_id)
    await note(session, actor, "rota_removed", plan, key=plan.key)


@router.delete("/{rota_id}/members/{responder_id}", status_code=204)
async def take_out(rota_id: UUID, responder_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Take somebody out of a rota's layers; whoever else has the present turn keeps it, and the order goes on."""
    plan = await governed_rota(session, actor, rota_id)
    if not await RotaService(session).take_out(plan, responder_id):
        raise NotFoundError(f"The rota has no member {responder_id}")
    await note(session, actor, "rota_member_removed", plan, member=str(responder_id), version=plan.version)


@router.get("/{rota_id}/on-call")
async def who_is_on_call(rota_id: UUID, session: Transaction, actor: Viewer, at: At = None) -> OnCallOut:
    """Show who is on call at a moment, in the order in which they are told, and the next hand-over within 400 days."""
    plan = await visible_rota(session, actor, rota_id)
    (shown,) = await _on_call(session, [plan], at or await database_now(session), look_ahead=True)
    return shown


@router.get("/{rota_id}/shifts")
async def list_shifts(
    rota_id: UUID,
    session: Transaction,
    actor: Viewer,
    from_: From = None,
    to: Annotated[Moment | None, Query(description="28 days later when left out; 400 at most")] = None,
) -> ShiftsOut:
    """Show who is on when in a period; neighbours with the same people are one, times with nobody are left out."""
    plan = await visible_rota(session, actor, rota_id)
    start = from_ or await database_now(session)
    end = to or start + USUAL
    check_period(start, end, MOST_DAYS)
    rota = await RotaService(session).read(plan, start, end)
    found = await _computed(lambda: shifts(rota, start, end))
    names = await _names(session, [shift.members for shift in found])
    return ShiftsOut(items=[show_shift(shift, names) for shift in found])


@router.get("/{rota_id}/gaps")
async def list_gaps(rota_id: UUID, session: Transaction, actor: Viewer, from_: From = None, days: Days = 28) -> GapsOut:
    """Show when nobody is on in the days to come."""
    plan = await visible_rota(session, actor, rota_id)
    start = from_ or await database_now(session)
    found = await gaps_of(session, plan, start, start + timedelta(days=days))
    return GapsOut(items=[GapOut(starts_at=gap.start, ends_at=gap.end) for gap in found])


async def gaps_of(session: AsyncSession, plan: RotaPlan, start: datetime, end: datetime) -> Sequence[Shift]:
    """Return when nobody is on in a period; InvalidError when it holds too many changes."""
    rota = await RotaService(session).read(plan, start, end)
    return await _computed(lambda: gaps(rota, start, end))


async def visible_rota(session: AsyncSession, actor: Actor, rota_id: UUID, *, lock: bool = False) -> RotaPlan:
    """Return a rota that the actor may see, or raise NotFoundError."""
    plan = await RotaService(session).rotas.get(rota_id, lock=lock)
    if plan is None or not actor.sees(plan.council_id):
        raise NotFoundError(f"There is no rota {rota_id}")
    return plan


async def governed_rota(session: AsyncSession, actor: Actor, rota_id: UUID) -> RotaPlan:
    """Return a rota that the actor may change, its row locked."""
    plan = await visible_rota(session, actor, rota_id, lock=True)
    check_governs(actor, plan.council_id, "rotas")
    return plan


async def note(session: AsyncSession, actor: Actor | str, action: str, plan: RotaPlan, **details: object) -> None:
    """Write down who did what to a rota."""
    await AuditRepository(session).add(actor, action, "rota", plan.id, plan.council_id, details=details)


async def on_call_now(session: AsyncSession, councils: frozenset[str], at: datetime) -> list[OnCallOut]:
    """Return who is on call by every rota of these councils (none means all) at a moment."""
    plans = await RotaService(session).rotas.page(councils, None, 1000)
    return await _on_call(session, plans, at, look_ahead=True)


async def _on_call(
    session: AsyncSession, plans: Sequence[RotaPlan], at: datetime, *, look_ahead: bool
) -> list[OnCallOut]:
    rotas = await RotaService(session).rotas.rotas(plans, at, at + AHEAD if look_ahead else at)
    read = {rota_id: rota for rota_id, rota in rotas.items() if isinstance(rota, Rota)}
    on = {rota_id: on_call(rota, at) for rota_id, rota in read.items()}
    later = {}
    if look_ahead:
        later = await _computed(lambda: {rota_id: next_handover(rota, at) for rota_id, rota in read.items()})
    everybody = [*on.values(), *(members for each in later.values() if each for members in (each.on, each.off))]
    names = await _names(session, everybody)
    shown = []
    for plan in plans:
        rota = rotas[plan.id]
        shown.append(
            OnCallOut(
                rota_id=plan.id,
                key=plan.key,
                name=plan.name,
                council_id=plan.council_id,
                at=at,
                members=show_members(on.get(plan.id, ()), names),
                error=str(rota) if isinstance(rota, RotaError) else None,
                next=show_handover(later.get(plan.id), names),
            )
        )
    return shown


async def _computed(work: Callable[[], Found]) -> Found:
    """Do what takes the processor a while beside the event loop; InvalidError for a period with too many changes."""
    try:
        return await asyncio.to_thread(work)
    except PeriodTooLongError as error:
        raise InvalidError("The period is too long", errors=[{"where": "query", "what": str(error)}]) from error


async def _names(session: AsyncSession, groups: Sequence[Sequence[UUID]]) -> dict[UUID, Any]:
    members = {member for group in groups for member in group}
    return dict(await RotaService(session).responders.responders.named(members)) if members else {}


async def _shown(session: AsyncSession, plan: RotaPlan) -> RotaOut:
    members = members_of(layer_of(document) for document in documents_of(plan))
    return show_rota(plan, await _names(session, [sorted(members)]))
