"""Welfare checks: the campaigns, and one as a list to work through, person by person, with plain forms."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.welfare.domain import OPEN, Channel, Outcome, PersonState
from alarms.welfare.models import WelfareCampaign
from alarms.welfare.repository import WelfareRepository
from alarms.welfare.schemas import AttemptIn, CampaignFinishIn, CampaignIn
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.endpoints import welfare as api
from telecare.api.paging import decode_cursor, encode_cursor
from telecare.console import welfare_view
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError
from telecare.protection.welfare_repository import WelfareFacts
from telecare.protection.welfare_sheet import NOTHING as NO_REACH
from telecare.protection.welfare_sheet import contact_words, number

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Reader = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_ALARMS))]
Supervisor = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Cursor = Annotated[str | None, Query(max_length=1200)]

LISTED = 50
PEOPLE = 100
_WORDS = {
    "reason": "Say why, in 3 to 500 characters",
    "council_id": "Choose a council of the list",
    "hub_ids": "Write ids of hubs, one a line, or leave it empty for all of the council",
}
_SAID = {"outcome": "Choose what came of it", "channel": "Choose how you tried", "note": "Write at most 500 characters"}


@router.get("/welfare")
async def campaigns(request: Request, session: Transaction, actor: Viewer, cursor: Cursor = None) -> Response:
    """Show the campaigns, those that are open first."""
    return page(request, "welfare.html", actor, **await _campaigns(session, actor, NOTHING, cursor))


@router.post("/welfare")
async def make(request: Request, session: Transaction, services: ServicesDep, actor: Supervisor) -> Response:
    """Have people checked on."""
    form = await typed(request, "new")
    try:
        async with session.begin_nested():
            values: dict[str, Any] = {name: form.value(name) for name in ("council_id", "reason")}
            values["hub_ids"] = form.value("hub_ids").split() or None
            made = await api.make_campaign(read(CampaignIn, values, _WORDS), session, services, actor)
    except REFUSED as error:
        status, faults = refused(error, "reason", {f"body.{name}": name for name in _WORDS})
        facts = await _campaigns(session, actor, form.wrong(*faults), None)
        return page(request, "welfare.html", actor, status, **facts)
    return RedirectResponse(f"/welfare/{made.id}", SEE_OTHER)


@router.get("/welfare/{campaign_id}")
async def campaign(
    request: Request,
    campaign_id: UUID,
    session: Transaction,
    actor: Reader,
    show: str = "left",
    person: UUID | None = None,
    done: str = "",
    cursor: Cursor = None,
) -> Response:
    """Show a campaign as a list to work through; whom you have stands on top."""
    shown = await api.require_campaign(session, actor, campaign_id)
    facts = await _facts(session, actor, shown, NOTHING, person, show=show, cursor=cursor)
    return page(request, "welfare_list.html", actor, **facts, done=welfare_view.DONE.get(done, ""))


@router.post("/welfare/{campaign_id}/next")
async def take_next(request: Request, campaign_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Take the next person."""
    try:
        found = await api.take_next(campaign_id, session, actor)
    except ConflictError as error:
        return await _again(request, session, actor, campaign_id, None, Form("do"), error)
    return RedirectResponse(f"/welfare/{campaign_id}{'#person-now' if found.person else '?done=wait'}", SEE_OTHER)


@router.post("/welfare/{campaign_id}/people/{person_id}/take")
async def take(request: Request, campaign_id: UUID, person_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Take one person of the list, or keep them longer."""
    try:
        async with session.begin_nested():
            await api.take_person(campaign_id, person_id, session, actor)
    except ConflictError as error:
        return await _again(request, session, actor, campaign_id, None, Form("do"), error)
    return RedirectResponse(f"/welfare/{campaign_id}?person={person_id}#person-now", SEE_OTHER)


@router.post("/welfare/{campaign_id}/people/{person_id}/release")
async def release(
    request: Request, campaign_id: UUID, person_id: UUID, session: Transaction, actor: Handler
) -> Response:
    """Give a person back to the list."""
    try:
        async with session.begin_nested():
            await api.release_person(campaign_id, person_id, session, actor)
    except ConflictError as error:
        return await _again(request, session, actor, campaign_id, None, Form("do"), error)
    return RedirectResponse(f"/welfare/{campaign_id}?done=released", SEE_OTHER)


@router.post("/welfare/{campaign_id}/people/{person_id}")
async def attempt(
    request: Request, campaign_id: UUID, person_id: UUID, session: Transaction, services: ServicesDep, actor: Handler
) -> Response:
    """Write down what came of an attempt."""
    form = await typed(request, "attempt")
    try:
        async with session.begin_nested():
            values = {name: form.value(name) for name in ("outcome", "channel", "note")}
            said = read(AttemptIn, values, _SAID)
            await api.add_attempt(campaign_id, person_id, said, session, services, actor)
    except REFUSED as error:
        return await _again(request, session, actor, campaign_id, person_id, form, error, "note")
    return RedirectResponse(f"/welfare/{campaign_id}?done={said.outcome}", SEE_OTHER)


@router.post("/welfare/{campaign_id}/finish")
async def finish(
    request: Request, campaign_id: UUID, session: Transaction, services: ServicesDep, actor: Supervisor
) -> Response:
    """End a campaign while people are left."""
    form = await typed(request, "finish")
    try:
        async with session.begin_nested():
            why = read(CampaignFinishIn, {"reason": form.value("reason")}, {"reason": _WORDS["reason"]})
            await api.finish_campaign(campaign_id, why, session, services, actor)
    except REFUSED as error:
        return await _again(request, session, actor, campaign_id, None, form, error, "reason")
    return RedirectResponse(f"/welfare/{campaign_id}?done=finished", SEE_OTHER)


@router.get("/welfare/{campaign_id}/sheet")
async def sheet(request: Request, campaign_id: UUID, session: Transaction, actor: Reader) -> Response:
    """Show the whole list with numbers and room to write, for paper."""
    shown = await api.require_campaign(session, actor, campaign_id)
    people = await WelfareRepository(session).people(shown.id)
    await api.note_seen(session, actor, shown, "welfare_exported", len(people))
    facts: dict[str, Any] = {
        "campaign": shown,
        "people": people,
        "reach": await WelfareFacts(session).reach(shown.id),
        "nothing": NO_REACH,
        "number": number,
        "contact_words": contact_words,
        "words": welfare_view,
        "now": await database_now(session),
    }
    return page(request, "welfare_sheet.html", actor, **facts)


async def _again(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    campaign_id: UUID,
    person: UUID | None,
    form: Form,
    error: Exception,
    field: str = "next",
) -> Response:
    """Show the list again with what was typed and why it was refused."""
    shown = await api.require_campaign(session, actor, campaign_id)
    status, faults = refused(error, field)
    facts = await _facts(session, actor, shown, form.wrong(*faults), person)
    return page(request, "welfare_list.html", actor, status, **facts, done="")


async def _campaigns(session: AsyncSession, actor: Actor, form: Form, cursor: str | None) -> dict[str, Any]:
    running = await api.list_campaigns(session, actor, None, True, 500)
    over = await api.list_campaigns(session, actor, None, False, LISTED, cursor)
    councils = await ModelRepository(session).councils()
    return {
        "running": running.items,
        "over": over.items,
        "older": over.next,
        "newest": cursor is None,
        "councils": [(row.code, row.name) for row in councils if not actor.councils or row.code in actor.councils],
        "form": form,
        "words": welfare_view,
        "now": await database_now(session),
    }


async def _facts(
    session: AsyncSession,
    actor: Actor,
    campaign: WelfareCampaign,
    form: Form,
    person: UUID | None,
    show: str = "left",
    cursor: str | None = None,
) -> dict[str, Any]:
    """Collect what the list shows; that its people were looked at is written to the audit."""
    repository = WelfareRepository(session)
    now = await database_now(session)
    states = {"left": tuple(OPEN), "all": ()}.get(show, (show,) if show in set(PersonState) else tuple(OPEN))
    after = decode_cursor(cursor, int, UUID)
    rows = await repository.people(
        campaign.id, states=states, after=(after[0], after[1]) if after else None, limit=PEOPLE + 1
    )
    mine = await repository.held(campaign.id, actor.id, now)
    chosen = person or (mine.person_id if mine else None)
    await api.note_seen(session, actor, campaign, "welfare_viewed", min(len(rows), PEOPLE))
    last = rows[PEOPLE - 1] if len(rows) > PEOPLE else None
    return {
        "campaign": await api.get_campaign(campaign.id, session, actor),
        "people": rows[:PEOPLE],
        "older": encode_cursor(last.rank, last.person_id) if last else None,
        "newest": cursor is None,
        "show": show,
        "person": await api.get_campaign_person(campaign.id, chosen, session, actor) if chosen else None,
        "next_at": await repository.next_moment(campaign.id),
        "channels": [(each, welfare_view.CHANNELS[each]) for each in Channel],
        "Outcome": Outcome,
        "form": form,
        "words": welfare_view,
        "now": now,
    }
