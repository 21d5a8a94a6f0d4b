"""A person's page, and the search that finds any person or hub."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from alarms.handling.repository import AlarmRepository
from devices.registry.homes import PersonRepository
from devices.registry.repository import HubFilter, HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.people import note_search
from telecare.console.forms import NOTHING
from telecare.console.pages.protection import protection_facts
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
FOUND = 25
ALARMS = 30


@router.get("/search")
async def search(
    request: Request, session: Transaction, actor: Viewer, q: Annotated[str, Query(max_length=120)] = ""
) -> Response:
    """Find people by name and hubs by id, serial, name or address; the whole id of a hub leads straight to it."""
    q = q.strip()
    people = await PersonRepository(session, actor.councils).page(q, None, None, FOUND + 1) if q else []
    if q:
        await note_search(session, actor, q, None, min(len(people), FOUND))
    hubs = await HubRepository(session, actor.councils).page(HubFilter(q=q), None, FOUND + 1) if q else []
    for hub in hubs:
        if hub["hub_id"].lower() == q.lower() and actor.may(Permission.SEE_FLEET):
            return RedirectResponse(f"/fleet/{quote(hub['hub_id'])}", 303)
    return page(
        request,
        "search.html",
        actor,
        q=q,
        people=people[:FOUND],
        hubs=hubs[:FOUND],
        more=max(len(people), len(hubs)) > FOUND,
        limit=FOUND,
        now=await database_now(session),
    )


@router.get("/people/{person_id}")
async def person(request: Request, person_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Show a person; that they were looked at is written to the audit."""
    people = PersonRepository(session, actor.councils)
    shown = await people.require(person_id)
    await AuditRepository(session).add(actor, "person_viewed", "person", person_id, shown.council_id)
    return page(
        request,
        "person.html",
        actor,
        person=shown,
        contacts=await people.contacts(person_id),
        hubs=await HubRepository(session, actor.councils).of_person(person_id),
        alarms=await AlarmRepository(session).latest(actor.councils, person_id=person_id, limit=ALARMS),
        nothing=NOTHING,
        **await protection_facts(session, actor, person_id),
        now=await database_now(session),
    )
