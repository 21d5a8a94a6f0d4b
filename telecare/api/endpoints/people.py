"""People and their contacts. Looking at one person is written to the audit."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.home_schemas import ContactIn, ContactOut, PersonIn, PersonListed, PersonOut, PersonPatch
from devices.registry.homes import PersonRepository
from devices.registry.service import RegistryService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Council, Search
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router

router = api_router("/people", "people")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]
Contacts = Annotated[list[ContactIn], Body(max_length=50)]


@router.get("")
async def list_people(
    session: Transaction,
    actor: Viewer,
    q: Search = None,
    council: Council = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PersonListed]:
    """List people by name, with what tells one from the other; the rest is shown one by one. Both are audited."""
    after = decode_cursor(cursor, str, str, UUID)
    rows = await PersonRepository(session, actor.councils).page(q, council, after, limit + 1)
    await note_search(session, actor, q, council, min(len(rows), limit))
    return page_of(rows, limit, PersonListed.model_validate, lambda row: (row.family_name, row.given_name, row.id))


async def note_search(session: AsyncSession, actor: Actor, q: str | None, council: str | None, found: int) -> None:
    """Write down who looked for whom, for the auditors of the council that it was about."""
    if council is None and len(actor.councils) == 1:
        (council,) = actor.councils
    await AuditRepository(session).add(
        actor, "people_listed", "people", "list", council, details={"q": q, "found": found}
    )


@router.post("", status_code=201)
async def add_person(body: PersonIn, session: Transaction, actor: Editor) -> PersonOut:
    """Add a person."""
    registry = RegistryService(session, actor.councils)
    await registry.require_council(body.council_id)
    await registry.check_birth(body.date_of_birth)
    person = await registry.people.add(**body.model_dump())
    await AuditRepository(session).add(actor, "person_added", "person", person.id, person.council_id)
    return PersonOut.model_validate(person)


@router.get("/{person_id}")
async def get_person(person_id: UUID, session: Transaction, actor: Viewer) -> PersonOut:
    """Show one person."""
    person = await PersonRepository(session, actor.councils).require(person_id)
    await AuditRepository(session).add(actor, "person_viewed", "person", person_id, person.council_id)
    return PersonOut.model_validate(person)


@router.patch("/{person_id}")
async def change_person(person_id: UUID, body: PersonPatch, session: Transaction, actor: Editor) -> PersonOut:
    """Change a person; what is left out stays, null removes it."""
    registry = RegistryService(session, actor.councils)
    person = await registry.people.require(person_id)
    await registry.check_birth(body.date_of_birth)
    changes = body.model_dump(exclude_unset=True)
    for name, value in changes.items():
        setattr(person, name, value)
    await session.flush()
    await AuditRepository(session).add(
        actor, "person_changed", "person", person_id, person.council_id, details={"fields": sorted(changes)}
    )
    return PersonOut.model_validate(person)


@router.get("/{person_id}/contacts")
async def list_contacts(person_id: UUID, session: Transaction, actor: Viewer) -> Page[ContactOut]:
    """List a person's contacts in the order in which they are tried."""
    people = PersonRepository(session, actor.councils)
    person = await people.require(person_id)
    await AuditRepository(session).add(actor, "contacts_viewed", "person", person_id, person.council_id)
    return Page(items=[ContactOut.model_validate(row) for row in await people.contacts(person_id)], next=None)


@router.put("/{person_id}/contacts")
async def put_contacts(person_id: UUID, body: Contacts, session: Transaction, actor: Editor) -> Page[ContactOut]:
    """Replace a person's contacts; the order of the list is the order in which they are tried."""
    people = PersonRepository(session, actor.councils)
    person = await people.require(person_id)
    contacts = await people.replace_contacts(person, [contact.model_dump() for contact in body])
    await AuditRepository(session).add(
        actor, "contacts_changed", "person", person_id, person.council_id, details={"count": len(contacts)}
    )
    return Page(items=[ContactOut.model_validate(row) for row in contacts], next=None)
