"""Who is told behind each target of the ladder: e-mail addresses, webhooks, telephones and other services."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from alarms.notify.addresses import written
from alarms.notify.repository import ContactPointRepository
from alarms.notify.schemas import ContactPointIn, ContactPointOut
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository, unknown_councils
from telecare.api.deps import Needs, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

router = api_router("/contact-points", "contact points")

Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]


@router.get("")
async def list_contact_points(
    session: Transaction, actor: Administrator, limit: Limit = 50, cursor: Cursor = None
) -> Page[ContactPointOut]:
    """List contact points, newest first."""
    before = decode_cursor(cursor, UUID)
    points = await ContactPointRepository(session).page(actor.councils, before[0] if before else None, limit + 1)
    return page_of(points, limit, ContactPointOut.model_validate, lambda point: (point.id,))


@router.post("", status_code=201)
async def create_contact_point(body: ContactPointIn, session: Transaction, actor: Administrator) -> ContactPointOut:
    """Add an address behind a target. Webhooks are http or https and may lie in your own network."""
    _check_governs(actor, body.council_id)
    try:
        address = written(body.channel, body.address)
    except ValueError as error:
        errors = [{"where": "body.address", "what": str(error)}]
        raise InvalidError("The address cannot be used", errors=errors) from error
    if body.council_id is not None and await unknown_councils(session, {body.council_id}):
        errors = [{"where": "body.council_id", "what": "no council has this code"}]
        raise InvalidError("There is no such council", errors=errors)
    point = await ContactPointRepository(session).create(**{**body.model_dump(), "address": address})
    if point is None:
        raise ConflictError("This target has this address already")
    await AuditRepository(session).add(
        actor, "contact_point_created", "contact_point", point.id, body.council_id, details={"target": body.target}
    )
    return ContactPointOut.model_validate(point)


@router.delete("/{point_id}", status_code=204)
async def delete_contact_point(point_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Remove an address from behind its target."""
    points = ContactPointRepository(session)
    point = await points.get(point_id)
    if point is None or not actor.sees(point.council_id):
        raise NotFoundError(f"There is no contact point {point_id}")
    _check_governs(actor, point.council_id)
    await points.delete(point_id)
    await AuditRepository(session).add(
        actor, "contact_point_deleted", "contact_point", point_id, point.council_id, details={"target": point.target}
    )


def _check_governs(actor: Actor, council_id: str | None) -> None:
    if actor.councils and council_id not in actor.councils:
        raise ForbiddenError("You may change the contact points of your own councils only")
