"""The visits of an engineer as an iCalendar feed, by an address that needs no log-in and can be revoked."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.visits.calendar import feed_of
from devices.switchover.visits.repository import VisitRepository
from telecare.access.domain import PERMISSIONS, Actor, Permission, UserRole
from telecare.access.feeds import FeedService
from telecare.access.repository import AuditRepository, UserRepository
from telecare.access.schemas import FeedOut
from telecare.access.service import authenticate
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.endpoints.calendars import FEED, NO_CALENDAR, Token, address_of
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.calendars import MEDIA_TYPE, period
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError, NotFoundError

router = api_router("/switchover/engineers/{user_id}", "calendars")

Swapper = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]


@router.get("/calendar.ics", response_class=Response, responses=FEED)
async def visit_calendar(
    user_id: UUID, request: Request, session: Transaction, services: ServicesDep, token: Token = None
) -> Response:
    """Return somebody's visits, from the week before to three months ahead: when, and roughly where, without names."""
    councils = await _admit(session, request, user_id, token)
    now = await database_now(session)
    slots = await VisitRepository(session, councils).slots(user_id, *period(now))
    url = (services.settings.public_url or "").rstrip("/")
    return Response(feed_of(slots, url, now), media_type=MEDIA_TYPE)


@router.post("/calendar-feed", status_code=201)
@never_replayed
async def issue_visit_feed(user_id: UUID, session: Transaction, services: ServicesDep, actor: Swapper) -> FeedOut:
    """Return a fresh address of somebody's visits for a calendar program; it is shown this once.

    Everybody makes their own; who supervises all of somebody's councils makes one for them.
    """
    await _councils_of(session, actor, user_id)
    token = await FeedService(session).issue(actor.label, None, user_id=user_id)
    await AuditRepository(session).add(actor, "calendar_feed_issued", "user", user_id)
    return FeedOut(url=address_of(services, f"switchover/engineers/{user_id}", token))


@router.delete("/calendar-feed", status_code=204)
async def revoke_visit_feeds(user_id: UUID, session: Transaction, actor: Swapper) -> None:
    """Revoke every address of somebody's visits."""
    await _councils_of(session, actor, user_id)
    count = await FeedService(session).revoke(user_id=user_id)
    await AuditRepository(session).add(actor, "calendar_feeds_revoked", "user", user_id, details={"revoked": count})


async def _admit(session: AsyncSession, request: Request, user_id: UUID, token: str | None) -> frozenset[str]:
    """Return the councils whose visits are shown: to who has a token of this calendar, or logs in and may see it."""
    if token is not None:
        reader = await FeedService(session).reader(token, user_id)
        if reader is None:
            raise NotFoundError(NO_CALENDAR)
        return reader.councils
    actor = await authenticate(session, request)
    if not actor.may(Permission.SWITCH_OVER):
        raise ForbiddenError(f"This needs the permission {Permission.SWITCH_OVER}; your role is {actor.role}")
    return await _councils_of(session, actor, user_id)


async def _councils_of(session: AsyncSession, actor: Actor, user_id: UUID) -> frozenset[str]:
    """Return the councils of a user whose calendar is the actor's business; NotFoundError for all others."""
    if actor.kind == "user" and actor.id == user_id:
        return actor.councils
    user = await UserRepository(session).get(user_id)
    visits = user is not None and Permission.SWITCH_OVER in PERMISSIONS[UserRole(user.role)]
    if user is None or not (visits and actor.may(Permission.SUPERVISE) and actor.governs(user.councils)):
        raise NotFoundError(f"There is no calendar of visits of {user_id}")
    return frozenset(user.councils)
