"""Premises, their telephone lines and key safes. A key-safe code leaves only on demand, with a reason, audited."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends

from devices.registry.home_schemas import (
    KeySafeIn,
    KeySafeOut,
    LineIn,
    LineOut,
    PremisesIn,
    PremisesListed,
    PremisesOut,
    PremisesPatch,
    RevealIn,
)
from devices.registry.homes import PremisesRepository
from devices.registry.service import RegistryService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.filters import Council, Search
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router, never_replayed

router = api_router("/premises", "premises")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]
LineEditor = Annotated[Actor, Depends(Needs(Permission.EDIT_FLEET))]
Lines = Annotated[list[LineIn], Body(max_length=20)]
Revealer = Annotated[Actor, Depends(Needs(Permission.REVEAL_KEY_SAFE))]


@router.get("")
async def list_premises(
    session: Transaction,
    actor: Viewer,
    q: Search = None,
    council: Council = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PremisesListed]:
    """List premises by postcode; `q` looks in addresses, towns, postcodes and for a UPRN."""
    after = decode_cursor(cursor, str, UUID)
    premises = PremisesRepository(session, actor.councils)
    rows = await premises.page(q, council, after, limit + 1)
    return page_of(rows, limit, PremisesListed.model_validate, lambda row: (row.postcode, row.id))


@router.post("", status_code=201)
async def add_premises(body: PremisesIn, session: Transaction, actor: Editor) -> PremisesOut:
    """Add premises."""
    premises = await RegistryService(session, actor.councils).add_premises(**body.model_dump())
    await AuditRepository(session).add(actor, "premises_added", "premises", premises.id, premises.council_id)
    return PremisesOut.model_validate(premises)


@router.get("/{premises_id}")
async def get_premises(premises_id: UUID, session: Transaction, actor: Viewer) -> PremisesOut:
    """Show premises."""
    premises = await PremisesRepository(session, actor.councils).require(premises_id)
    await AuditRepository(session).add(actor, "premises_viewed", "premises", premises_id, premises.council_id)
    return PremisesOut.model_validate(premises)


@router.patch("/{premises_id}")
async def change_premises(premises_id: UUID, body: PremisesPatch, session: Transaction, actor: Editor) -> PremisesOut:
    """Change premises; what is left out stays, null removes it."""
    changes = body.model_dump(exclude_unset=True)
    premises = await RegistryService(session, actor.councils).change_premises(premises_id, changes)
    await AuditRepository(session).add(
        actor, "premises_changed", "premises", premises_id, premises.council_id, details={"fields": sorted(changes)}
    )
    return PremisesOut.model_validate(premises)


@router.get("/{premises_id}/lines")
async def list_lines(premises_id: UUID, session: Transaction, actor: Viewer) -> Page[LineOut]:
    """List the telephone lines of premises."""
    repository = PremisesRepository(session, actor.councils)
    premises = await repository.require(premises_id)
    await AuditRepository(session).add(actor, "lines_viewed", "premises", premises_id, premises.council_id)
    return Page(items=[LineOut.model_validate(row) for row in await repository.lines(premises_id)], next=None)


@router.put("/{premises_id}/lines")
async def put_lines(premises_id: UUID, body: Lines, session: Transaction, actor: LineEditor) -> Page[LineOut]:
    """Replace the telephone lines of premises by what was found there."""
    repository = PremisesRepository(session, actor.councils)
    premises = await repository.require(premises_id)
    lines = await repository.replace_lines(premises, [line.model_dump() for line in body])
    await AuditRepository(session).add(
        actor, "lines_changed", "premises", premises_id, premises.council_id, details={"count": len(lines)}
    )
    return Page(items=[LineOut.model_validate(row) for row in lines], next=None)


@router.put("/{premises_id}/key-safe")
async def set_key_safe(
    premises_id: UUID, body: KeySafeIn, session: Transaction, services: ServicesDep, actor: Editor
) -> PremisesOut:
    """Store where a key safe is and its code; the code is sealed and never listed."""
    registry = RegistryService(session, actor.councils)
    premises = await registry.set_key_safe(services.sealer, premises_id, body.location, body.code, body.checked_on)
    await AuditRepository(session).add(actor, "key_safe_set", "premises", premises_id, premises.council_id)
    return PremisesOut.model_validate(premises)


@router.post("/{premises_id}/key-safe/reveal")
@never_replayed
async def reveal_key_safe(
    premises_id: UUID, body: RevealIn, session: Transaction, services: ServicesDep, actor: Revealer
) -> KeySafeOut:
    """Show the code of a key safe; who asked and why is written to the audit."""
    registry = RegistryService(session, actor.councils)
    premises, code = await registry.open_key_safe(services.sealer, premises_id)
    await AuditRepository(session).add(
        actor, "key_safe_revealed", "premises", premises_id, premises.council_id, body.reason
    )
    return KeySafeOut(location=premises.key_safe_location, code=code)
