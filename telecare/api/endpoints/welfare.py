"""Welfare campaigns: who must be accounted for after a gap of ours, given out one by one, and each attempt."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.welfare.domain import PersonState
from alarms.welfare.models import CampaignPerson, WelfareCampaign
from alarms.welfare.repository import WelfareRepository
from alarms.welfare.schemas import (
    AttemptIn,
    AttemptOut,
    CampaignDetailOut,
    CampaignFinishIn,
    CampaignGapOut,
    CampaignIn,
    CampaignOut,
    CampaignPersonOut,
    CheckContactOut,
    NextOut,
    PersonToCheckOut,
    figures,
)
from alarms.welfare.service import WelfareService, Worker
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.endpoints.responders import check_governs, require_council
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.errors import NotFoundError
from telecare.protection.welfare import make_by_hand
from telecare.protection.welfare_repository import WelfareFacts
from telecare.protection.welfare_sheet import NOTHING, sheet

router = api_router("/welfare/campaigns", "welfare")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Reader = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Handler = Annotated[Actor, Depends(Needs(Permission.HANDLE_ALARMS))]
Supervisor = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
Open = Annotated[bool | None, Query(alias="open", description="true: not closed yet")]
States = Annotated[list[PersonState] | None, Query(alias="state", description="several may be named")]
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {"description": "the list as a spreadsheet", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("")
async def list_campaigns(
    session: Transaction,
    actor: Viewer,
    council: Council = None,
    is_open: Open = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CampaignOut]:
    """List campaigns, newest first, each with how far it is. They name no person."""
    before = decode_cursor(cursor, UUID)
    campaigns = WelfareRepository(session)
    rows = await campaigns.page(
        actor.councils, council_id=council, is_open=is_open, before=before[0] if before else None, limit=limit + 1
    )
    progress = await campaigns.progress([row.id for row in rows])
    return page_of(
        rows, limit, lambda row: CampaignOut.model_validate(figures(row, progress[row.id])), lambda row: (row.id,)
    )


@router.post("", status_code=201)
async def make_campaign(
    body: CampaignIn, session: Transaction, services: ServicesDep, actor: Supervisor
) -> CampaignOut:
    """Have people checked on, with the reason. After a gap of ours the service does so by itself."""
    check_governs(actor, body.council_id, "welfare campaigns")
    await require_council(session, body.council_id)
    campaign = await make_by_hand(
        session,
        council_id=body.council_id,
        reason=body.reason,
        by=actor.label,
        window=(body.since, body.until),
        person_ids=body.person_ids,
        hub_ids=body.hub_ids,
        alarm_id=body.alarm_id,
        public_url=services.settings.public_url,
    )
    return await _shown(session, campaign)


@router.get("/{campaign_id}")
async def get_campaign(campaign_id: UUID, session: Transaction, actor: Viewer) -> CampaignDetailOut:
    """Show a campaign: why it is, how far it is, and our gaps that it is about. It names no person."""
    campaign = await require_campaign(session, actor, campaign_id)
    campaigns = WelfareRepository(session)
    first, last = await campaigns.first_and_last_attempt(campaign.id)
    progress = (await campaigns.progress([campaign.id]))[campaign.id]
    gaps = [CampaignGapOut.model_validate(gap) for gap in await campaigns.gaps(campaign.id)]
    more = {"gaps": gaps, "first_attempt_at": first, "last_attempt_at": last}
    return CampaignDetailOut.model_validate(figures(campaign, progress) | more)


@router.get("/{campaign_id}/people")
async def list_campaign_people(
    campaign_id: UUID,
    session: Transaction,
    actor: Reader,
    states: States = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CampaignPersonOut]:
    """List the people of a campaign, most at risk first. That you looked is written to the audit."""
    campaign = await require_campaign(session, actor, campaign_id)
    after = decode_cursor(cursor, int, UUID)
    rows = await WelfareRepository(session).people(
        campaign.id, states=states or (), after=(after[0], after[1]) if after else None, limit=limit + 1
    )
    await note_seen(session, actor, campaign, "welfare_viewed", min(len(rows), limit))
    return page_of(rows, limit, CampaignPersonOut.model_validate, lambda row: (row.rank, row.person_id))


@router.get("/{campaign_id}/people/{person_id}")
async def get_campaign_person(
    campaign_id: UUID, person_id: UUID, session: Transaction, actor: Reader
) -> PersonToCheckOut:
    """Show one person of a campaign, how they are reached, and the attempts so far."""
    campaign = await require_campaign(session, actor, campaign_id)
    person = await WelfareRepository(session).person(campaign.id, person_id)
    if person is None:
        raise NotFoundError("This person is not in the campaign")
    details = {"campaign": str(campaign.id)}
    await AuditRepository(session).add(
        actor, "person_viewed", "person", person_id, campaign.council_id, details=details
    )
    return await to_check(session, person)


@router.post("/{campaign_id}/next")
async def take_next(campaign_id: UUID, session: Transaction, actor: Handler) -> NextOut:
    """Take the next person: nobody else gets them while you have them. Whoever you have already you get again."""
    campaign = await require_campaign(session, actor, campaign_id)
    service = WelfareService(session, AuditRepository(session))
    person = await service.take_next(campaign, worker(actor))
    if person is None:
        return NextOut(person=None, again_at=await service.campaigns.next_moment(campaign.id))
    return NextOut(person=await to_check(session, person), again_at=None)


@router.post("/{campaign_id}/people/{person_id}/take")
async def take_person(campaign_id: UUID, person_id: UUID, session: Transaction, actor: Handler) -> PersonToCheckOut:
    """Take this person, or keep them for a while longer; a conflict while somebody else has them."""
    campaign = await require_campaign(session, actor, campaign_id)
    service = WelfareService(session, AuditRepository(session))
    return await to_check(session, await service.take(campaign, person_id, worker(actor)))


@router.post("/{campaign_id}/people/{person_id}/release")
async def release_person(campaign_id: UUID, person_id: UUID, session: Transaction, actor: Handler) -> CampaignPersonOut:
    """Give a person back to the list without an attempt."""
    campaign = await require_campaign(session, actor, campaign_id)
    service = WelfareService(session, AuditRepository(session))
    return CampaignPersonOut.model_validate(await service.release(campaign, person_id, worker(actor)))


@router.post("/{campaign_id}/people/{person_id}/attempts", status_code=201)
async def add_attempt(
    campaign_id: UUID,
    person_id: UUID,
    body: AttemptIn,
    session: Transaction,
    services: ServicesDep,
    actor: Handler,
) -> AttemptOut:
    """Write down an attempt.

    `needs_help` opens a life-safety alarm for the person. `unreachable` is a supervisor's, and needs a note, as does
    `mistake`, which puts somebody back on the list.
    """
    campaign = await require_campaign(session, actor, campaign_id)
    service = WelfareService(session, AuditRepository(session), services.settings.public_url)
    made = await service.attempt(campaign.id, person_id, body.channel, body.outcome, body.note, worker(actor))
    return AttemptOut.model_validate(made)


@router.post("/{campaign_id}/finish")
async def finish_campaign(
    campaign_id: UUID, body: CampaignFinishIn, session: Transaction, services: ServicesDep, actor: Supervisor
) -> CampaignOut:
    """End a campaign although people are left, with the reason. At 100 % it ends by itself."""
    campaign = await require_campaign(session, actor, campaign_id)
    service = WelfareService(session, AuditRepository(session), services.settings.public_url)
    return await _shown(session, await service.close(campaign.id, worker(actor), body.reason))


@router.get("/{campaign_id}/export.csv", response_class=Response, responses=_SHEET)
async def export_campaign(campaign_id: UUID, session: Transaction, actor: Reader) -> Response:
    """Return the whole list with numbers, for the day on which the network is down."""
    campaign = await require_campaign(session, actor, campaign_id)
    text = await spreadsheet(session, campaign, actor)
    name = f"welfare-{campaign.made_at:%Y%m%d-%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text.encode("utf-8-sig"), media_type="text/csv", headers=headers)


async def spreadsheet(session: AsyncSession, campaign: WelfareCampaign, actor: Actor | str) -> str:
    """Return the list of a campaign as CSV; that somebody took it along is written to the audit."""
    campaigns = WelfareRepository(session)
    people = await campaigns.people(campaign.id)
    reach = await WelfareFacts(session).reach(campaign.id)
    await note_seen(session, actor, campaign, "welfare_exported", len(people))
    return sheet(people, reach, await campaigns.attempts(campaign.id))


async def require_campaign(session: AsyncSession, actor: Actor, campaign_id: UUID) -> WelfareCampaign:
    """Return a campaign of the actor's councils, or raise NotFoundError."""
    campaign = await WelfareRepository(session).get(campaign_id)
    if campaign is None or not actor.sees(campaign.council_id):
        raise NotFoundError(f"There is no welfare campaign {campaign_id}")
    return campaign


async def to_check(session: AsyncSession, person: CampaignPerson) -> PersonToCheckOut:
    """Return a person with all that one needs to ring them."""
    reach = await WelfareFacts(session).reach(person.campaign_id, person.person_id)
    by = reach.get(person.person_id, NOTHING)
    attempts = await WelfareRepository(session).attempts(person.campaign_id, person.person_id)
    return PersonToCheckOut(
        **CampaignPersonOut.model_validate(person).model_dump(),
        phone=by.phone,
        communication=by.communication,
        hazards=by.hazards,
        access_notes=by.access_notes,
        contacts=[CheckContactOut.model_validate(each) for each in by.contacts],
        log=[AttemptOut.model_validate(each) for each in attempts],
    )


async def note_seen(
    session: AsyncSession, actor: Actor | str, campaign: WelfareCampaign, action: str, found: int
) -> None:
    """Write down that somebody looked at the people of a campaign."""
    await AuditRepository(session).add(
        actor, action, "welfare", campaign.id, campaign.council_id, details={"found": found}
    )


def worker(actor: Actor) -> Worker:
    """Return an actor as a campaign knows them."""
    return Worker(actor.id, actor.name, actor.label, actor.may(Permission.SUPERVISE))


async def _shown(session: AsyncSession, campaign: WelfareCampaign) -> CampaignOut:
    progress = await WelfareRepository(session).progress([campaign.id])
    return CampaignOut.model_validate(figures(campaign, progress[campaign.id]))
