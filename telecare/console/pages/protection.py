"""Who is not protected now, the worst first; and that somebody's service has ended."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.presence.verdict_repository import VerdictRepository
from devices.registry.councils import UnknownCouncilError, present_code
from devices.registry.domain import RiskTier
from devices.registry.home_schemas import PersonPatch
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.people import change_person
from telecare.api.endpoints.protection import list_protection, protection_of
from telecare.console import protection_view
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.protection.domain import Protection
from telecare.protection.report_repository import ProtectionReports
from telecare.protection.repository import ProtectionRepository

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_PEOPLE))]
Text = Annotated[str, Query(max_length=120)]
Where = Annotated[str, Query(max_length=1200)]
ON_A_PAGE = 50
PERIODS = 30


@router.get("/protection")
async def protection(
    request: Request,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    state: Text = "",
    tier: Text = "",
    cursor: Where = "",
) -> Response:
    """Show people by their protection, the worst first; every filter stands in the address."""
    chosen = {"council": _code(council), "state": state, "tier": tier}
    found = await list_protection(
        session,
        actor,
        chosen["council"] or None,
        Protection(state) if state in list(Protection) else None,
        RiskTier(tier) if tier in list(RiskTier) else None,
        ON_A_PAGE,
        cursor or None,
    )
    ear = await VerdictRepository(session).ear()
    counts = await ProtectionRepository(session).counts(actor.councils, chosen["council"] or None)
    shared = await ModelRepository(session).councils()
    kept = {name: value for name, value in chosen.items() if value}
    return page(
        request,
        "protection.html",
        actor,
        people=found.items,
        following=found.next,
        first=not cursor,
        bars=protection_view.bars(counts),
        chosen=chosen,
        kept=urlencode(kept),
        rest=urlencode({name: value for name, value in kept.items() if name != "state"}),
        councils=[row for row in shared if not actor.councils or row.code in actor.councils],
        deaf_since=ear.heard_at if ear.deaf else None,
        words=protection_view,
        tiers=list(RiskTier),
        now=ear.now,
    )


@router.post("/people/{person_id}/service-ended")
async def service_ended(person_id: UUID, session: Transaction, actor: Editor) -> Response:
    """Keep that somebody's service has ended: nobody misses their unit from now on."""
    today = (await database_now(session)).astimezone(LONDON).date()
    await change_person(person_id, PersonPatch(service_ended_on=today), session, actor)
    return RedirectResponse(f"/people/{person_id}", 303)


async def protection_facts(session: AsyncSession, actor: Actor, person_id: UUID) -> dict[str, Any]:
    """Collect what the page of a person shows of their protection."""
    return {
        "protection": await protection_of(session, actor.councils, person_id),
        "stood": await ProtectionReports(session, actor.councils).history(person_id, None, PERIODS),
        "protected": protection_view,
    }


def _code(council: str) -> str:
    """Return the present code of a council; one that nobody knows finds nothing."""
    try:
        return present_code(council) if council else ""
    except UnknownCouncilError:
        return council
