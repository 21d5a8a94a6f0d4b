"""Shifts as iCalendar feeds. A calendar program sends no headers: the address holds a token, which can be revoked."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.calendar import calendar_of
from alarms.rota.domain import RotaError, Shift, only_of, shifts
from alarms.rota.models import RotaPlan
from alarms.rota.service import RotaService, UnreadableRotaError, everybody
from telecare.access.feeds import FeedService
from telecare.access.repository import AuditRepository
from telecare.access.schemas import FeedOut
from telecare.access.service import authenticate
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints.responders import Viewer, visible_responder
from telecare.api.endpoints.rotas import visible_rota
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.calendars import MEDIA_TYPE, period
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError

router = api_router("", "calendars")

NO_CALENDAR = "There is no such calendar, or its address was revoked"

Token = Annotated[str | None, Query(max_length=100, description="of the feed's address; without one, log in")]
FEED: dict[int | str, dict[str, Any]] = {
    200: {"description": "an iCalendar file", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}


@router.get("/rotas/{rota_id}/calendar.ics", response_class=Response, responses=FEED)
async def rota_calendar(rota_id: UUID, request: Request, session: Transaction, token: Token = None) -> Response:
    """Return everybody's shifts by a rota, from the week before to three months ahead."""
    await _admit(session, request, token, rota_id=rota_id)
    plan = await RotaService(session).rotas.get(rota_id)
    if plan is None:
        raise NotFoundError(f"There is no rota {rota_id}")
    return await _feed(session, plan.name, [plan], None)


@router.get("/responders/{responder_id}/calendar.ics", response_class=Response, responses=FEED)
async def responder_calendar(
    responder_id: UUID, request: Request, session: Transaction, token: Token = None
) -> Response:
    """Return one responder's shifts by all rotas, from the week before to three months ahead."""
    await _admit(session, request, token, responder_id=responder_id)
    service = RotaService(session)
    responder = await service.responders.responders.get(responder_id)
    if responder is None:
        raise NotFoundError(f"There is no responder {responder_id}")
    plans = await service.rotas.of_member(responder_id, responder.council_id)
    return await _feed(session, f"{responder.name}, on call", plans, responder_id)


@router.post("/rotas/{rota_id}/calendar-feed", status_code=201)
@never_replayed
async def issue_rota_feed(rota_id: UUID, session: Transaction, services: ServicesDep, actor: Viewer) -> FeedOut:
    """Return a fresh address of a rota's calendar for a calendar program; it is shown this once."""
    plan = await visible_rota(session, actor, rota_id)
    token = await FeedService(session).issue(actor.label, plan.council_id, rota_id=rota_id)
    await AuditRepository(session).add(actor, "calendar_feed_issued", "rota", rota_id, plan.council_id)
    return FeedOut(url=address_of(services, f"rotas/{rota_id}", token))


@router.post("/responders/{responder_id}/calendar-feed", status_code=201)
@never_replayed
async def issue_responder_feed(
    responder_id: UUID, session: Transaction, services: ServicesDep, actor: Viewer
) -> FeedOut:
    """Return a fresh address of a responder's calendar for a calendar program; it is shown this once."""
    responder = await visible_responder(session, actor, responder_id)
    token = await FeedService(session).issue(actor.label, responder.council_id, responder_id=responder_id)
    await AuditRepository(session).add(actor, "calendar_feed_issued", "responder", responder_id, responder.council_id)
    return FeedOut(url=address_of(services, f"responders/{responder_id}", token))


@router.delete("/rotas/{rota_id}/calendar-feed", status_code=204)
async def revoke_rota_feeds(rota_id: UUID, session: Transaction, actor: Viewer) -> None:
    """Revoke every address of a rota's calendar."""
    plan = await visible_rota(session, actor, rota_id)
    count = await FeedService(session).revoke(rota_id=rota_id)
    await AuditRepository(session).add(
        actor, "calendar_feeds_revoked", "rota", rota_id, plan.council_id, details={"revoked": count}
    )


@router.delete("/responders/{responder_id}/calendar-feed", status_code=204)
async def revoke_responder_feeds(responder_id: UUID, session: Transaction, actor: Viewer) -> None:
    """Revoke every address of a responder's calendar."""
    responder = await visible_responder(session, actor, responder_id)
    count = await FeedService(session).revoke(responder_id=responder_id)
    details = {"revoked": count}
    await AuditRepository(session).add(
        actor, "calendar_feeds_revoked", "responder", responder_id, responder.council_id, details=details
    )


async def _admit(session: AsyncSession, request: Request, token: str | None, **subject: UUID) -> None:
    """Let in who has a token for this calendar, or is logged in and may see it; NotFoundError for all others."""
    if token is not None:
        if not await FeedService(session).opens(token, **subject):
            raise NotFoundError(NO_CALENDAR)
        return
    actor = await authenticate(session, request)
    if "rota_id" in subject:
        await visible_rota(session, actor, subject["rota_id"])
    else:
        await visible_responder(session, actor, subject["responder_id"])


async def _feed(session: AsyncSession, name: str, plans: Sequence[RotaPlan], only: UUID | None) -> Response:
    """Return the calendar of some rotas; one that cannot be read must not look like one with nobody in it."""
    service = RotaService(session)
    now = await database_now(session)
    start, end = period(now)
    rotas = await service.rotas.rotas(plans, start, end)
    found: list[tuple[UUID, str, Shift]] = []
    for plan in plans:
        rota = rotas[plan.id]
        if isinstance(rota, RotaError):
            raise UnreadableRotaError(f"The rota {plan.key} cannot be read: {rota}. Write its layers anew")
        spans: Sequence[Shift] = await asyncio.to_thread(shifts, rota, start, end)
        found += [(plan.id, plan.name, shift) for shift in (spans if only is None else only_of(only, spans))]
    names = await service.responders.responders.named(everybody([shift.members for *_, shift in found]))
    return Response(calendar_of(name, found, names, now.replace(microsecond=0)), media_type=MEDIA_TYPE)


def address_of(services: ServicesDep, path: str, token: str) -> str:
    """Return where a calendar program reads a calendar."""
    base = (services.settings.public_url or "").rstrip("/")
    return f"{base}/api/v1/{path}/calendar.ics?token={token}"
