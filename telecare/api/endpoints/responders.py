"""Responders: who can be sent, the ways to reach them, and by which rules."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.service import AlarmService
from alarms.policy.service import PolicyService
from alarms.responders.models import Responder
from alarms.responders.schemas import (
    CodeIn,
    CodeOut,
    MethodIn,
    MethodOut,
    MethodPatch,
    ResponderFull,
    ResponderIn,
    ResponderOut,
    ResponderPatch,
    RuleIn,
    RuleOut,
    quiet_columns,
    show_check,
    show_method,
    show_responder,
    show_whole,
)
from alarms.responders.service import ResponderService
from alarms.rota.service import RotaService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository, UserRepository, unknown_councils
from telecare.api.deps import Needs, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.errors import ForbiddenError, InvalidError, NotFoundError

router = api_router("/responders", "responders")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]
Rules = Annotated[list[RuleIn], Body(max_length=100)]


@router.get("")
async def list_responders(
    session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[ResponderOut]:
    """List responders, newest first."""
    before = decode_cursor(cursor, UUID)
    rows = await ResponderService(session).responders.page(actor.councils, before[0] if before else None, limit + 1)
    return page_of(rows, limit, show_responder, lambda row: (row.id,))


@router.post("", status_code=201)
async def create_responder(body: ResponderIn, session: Transaction, actor: Administrator) -> ResponderFull:
    """Add somebody who can be sent; without a council they serve all of them."""
    check_governs(actor, body.council_id, "responders")
    await require_council(session, body.council_id)
    await _check_user(session, actor, body.user_id)
    columns = body.model_dump(exclude={"quiet_hours"})
    responder = await ResponderService(session).create(**columns, **quiet_columns(body.quiet_hours))
    await _note(session, actor, "responder_created", responder, key=body.key)
    return show_whole(responder, [], [])


@router.get("/{responder_id}")
async def get_responder(responder_id: UUID, session: Transaction, actor: Viewer) -> ResponderFull:
    """Show a responder with contact methods and rules."""
    return await _whole(session, await visible_responder(session, actor, responder_id))


@router.patch("/{responder_id}")
async def change_responder(
    responder_id: UUID, body: ResponderPatch, session: Transaction, actor: Administrator
) -> ResponderFull:
    """Change a responder; what is left out stays, null removes it. Who is not active is passed over by every rota."""
    responder = await _governed(session, actor, responder_id)
    changes = body.model_dump(exclude_unset=True, exclude={"quiet_hours"})
    changes = {name: value for name, value in changes.items() if value is not None or name == "user_id"}
    await _check_user(session, actor, changes.get("user_id"))
    if "quiet_hours" in body.model_fields_set:
        changes |= quiet_columns(body.quiet_hours)
    for name, value in changes.items():
        setattr(responder, name, value)
    await session.flush()
    await _note(session, actor, "responder_changed", responder, changed=sorted(changes))
    return await _whole(session, responder)


@router.delete("/{responder_id}", status_code=204)
async def remove_responder(responder_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Take a responder out of service, out of all teams and out of the layers of all rotas.

    Whoever else has the present turn of a rota keeps it, and its order goes on without them.
    """
    responder = await _governed(session, actor, responder_id)
    for kind in ("responder", "webhook"):
        await PolicyService(session, {}).refuse_if_named(f"{kind}:{responder.key}", responder.council_id)
    rotas = await RotaService(session).take_out_everywhere(responder_id, responder.council_id)
    await ResponderService(session).responders.remove(responder_id)
    await _note(session, actor, "responder_removed", responder, rotas=[rota.key for rota in rotas])


@router.post("/{responder_id}/methods", status_code=201)
async def add_method(responder_id: UUID, body: MethodIn, session: Transaction, actor: Administrator) -> MethodOut:
    """Add a way to reach a responder. It is used at once, verified or not."""
    responder = await _governed(session, actor, responder_id)
    method = await ResponderService(session).add_method(responder, body.channel, body.address, body.label)
    await AlarmService(session).rules_changed([responder_id])
    await _note(session, actor, "contact_method_added", responder, method=str(method.id), channel=method.channel)
    return show_method(method)


@router.patch("/{responder_id}/methods/{method_id}")
async def change_method(
    responder_id: UUID, method_id: UUID, body: MethodPatch, session: Transaction, actor: Administrator
) -> MethodOut:
    """Change the label or the place of a contact method, or switch it off or on."""
    responder = await _governed(session, actor, responder_id)
    service = ResponderService(session)
    method = await service.require_method(responder, method_id)
    if body.label is not None:
        method.label = body.label
    if body.position is not None:
        method.position = body.position
    if body.disabled is not None:
        await service.switch(method, disabled=body.disabled, why=body.why)
    await session.flush()
    changed = sorted(body.model_dump(exclude_none=True))
    await AlarmService(session).rules_changed([responder_id])
    await _note(session, actor, "contact_method_changed", responder, method=str(method_id), changed=changed)
    return show_method(method)


@router.delete("/{responder_id}/methods/{method_id}", status_code=204)
async def delete_method(responder_id: UUID, method_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Remove a contact method, and the rules that use it."""
    responder = await _governed(session, actor, responder_id)
    service = ResponderService(session)
    method = await service.require_method(responder, method_id)
    await service.responders.delete_method(method.id)
    await AlarmService(session).rules_changed([responder_id])
    await _note(session, actor, "contact_method_removed", responder, method=str(method_id), channel=method.channel)


@router.post("/{responder_id}/methods/{method_id}/code", status_code=202)
async def send_code(responder_id: UUID, method_id: UUID, session: Transaction, actor: Administrator) -> MethodOut:
    """Send a code of six digits to a contact method. It is good for 15 minutes and five tries, once a minute."""
    responder = await _governed(session, actor, responder_id)
    service = ResponderService(session)
    method = await service.require_method(responder, method_id)
    await service.send_code(method)
    await _note(session, actor, "contact_code_sent", responder, method=str(method_id), channel=method.channel)
    return show_method(method)


@router.post("/{responder_id}/methods/{method_id}/verify")
async def verify_method(
    responder_id: UUID, method_id: UUID, body: CodeIn, session: Transaction, actor: Administrator
) -> CodeOut:
    """Take the code that a contact method was sent. A wrong one is an answer, not an error: it is counted."""
    responder = await _governed(session, actor, responder_id)
    service = ResponderService(session)
    method = await service.require_method(responder, method_id)
    found = await service.verify(method, body.code)
    await _note(session, actor, "contact_code_tried", responder, method=str(method_id), result=found.value)
    return show_check(found, method)


@router.put("/{responder_id}/rules")
async def put_rules(responder_id: UUID, body: Rules, session: Transaction, actor: Administrator) -> list[RuleOut]:
    """Put contact rules in place of all; with none for an urgency, each method is told at once."""
    responder = await _governed(session, actor, responder_id)
    service = ResponderService(session)
    await service.set_rules(responder, [rule.as_rule() for rule in body])
    await AlarmService(session).rules_changed([responder_id])
    await _note(session, actor, "contact_rules_set", responder, rules=len(body))
    return [RuleOut.model_validate(rule) for rule in await service.responders.rules_of(responder_id)]


async def visible_responder(
    session: AsyncSession, actor: Actor, responder_id: UUID, *, lock: bool = False
) -> Responder:
    """Return a responder whom the actor may see, or raise NotFoundError."""
    responder = await ResponderService(session).responders.get(responder_id, lock=lock)
    if responder is None or not actor.sees(responder.council_id):
        raise NotFoundError(f"There is no responder {responder_id}")
    return responder


def check_governs(actor: Actor, council_id: str | None, what: str) -> None:
    """Raise ForbiddenError when this is not of the actor's own councils."""
    if actor.councils and council_id not in actor.councils:
        raise ForbiddenError(f"You may change the {what} of your own councils only")


async def require_council(session: AsyncSession, council_id: str | None) -> None:
    """Raise InvalidError when no council has this code."""
    if council_id is not None and await unknown_councils(session, {council_id}):
        errors = [{"where": "body.council_id", "what": "no council has this code"}]
        raise InvalidError("There is no such council", errors=errors)


async def _governed(session: AsyncSession, actor: Actor, responder_id: UUID) -> Responder:
    responder = await visible_responder(session, actor, responder_id, lock=True)
    check_governs(actor, responder.council_id, "responders")
    return responder


async def _check_user(session: AsyncSession, actor: Actor, user_id: UUID | None) -> None:
    if user_id is None:
        return
    user = await UserRepository(session).get(user_id)
    if user is None or (actor.councils and not (user.councils and actor.councils.issuperset(user.councils))):
        errors = [{"where": "body.user_id", "what": "there is no such user"}]
        raise InvalidError("There is no such user", errors=errors)


async def _whole(session: AsyncSession, responder: Responder) -> ResponderFull:
    responders = ResponderService(session).responders
    methods, rules = await responders.methods_of(responder.id), await responders.rules_of(responder.id)
    return show_whole(responder, list(methods), list(rules))


async def _note(session: AsyncSession, actor: Actor, action: str, responder: Responder, **details: object) -> None:
    audit = AuditRepository(session)
    await audit.add(actor, action, "responder", responder.id, responder.council_id, details=details)
