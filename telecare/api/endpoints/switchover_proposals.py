"""Whom to ring about the times that a plan proposes, and what they answered."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.proposals.schemas import AnsweredOut, AnswerIn, ProposalOut
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.endpoints.visits import FIRST, LAST
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.switchover.proposals import Proposals

router = api_router("/switchover/plans", "switchover")

Asker = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]
Day = Annotated[date | None, Query(ge=FIRST, le=LAST, description="one day of the plan; without it, all of them")]


@router.get("/{plan_id}/proposals")
async def list_proposals(
    plan_id: UUID, session: Transaction, actor: Asker, day: Day = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProposalOut]:
    """List whom to ring: planned, not agreed, by the proposed time. Whose homes were looked at is in the audit."""
    key = decode_cursor(cursor, datetime, str)
    after = None if key is None else (key[0], key[1])
    found = await Proposals(session, actor).open(plan_id, day, after, limit + 1)
    await note_seen(session, actor, found.plan, found.items[:limit])
    return page_of(found.items, limit, lambda row: row, lambda row: (row.starts_at, row.hub_id))


@router.post("/{plan_id}/answers")
async def take_answer(plan_id: UUID, body: AnswerIn, session: Transaction, actor: Asker) -> AnsweredOut:
    """Write down what a household answered; whoever agrees is booked, and confirmed, at the proposed time.

    What was said stays written down though the rest cannot follow: `why` says what is in the way then. 409 when the
    visit has changed, or the time has passed; 404 when the plan has no time for this hub.
    """
    done = await Proposals(session, actor).answer(plan_id, body)
    visit, audit = done.visit, AuditRepository(session)
    about = {"person_id": str(visit.person_id), "old_hub_id": visit.old_hub_id, "new_hub_id": visit.new_hub_id}
    if done.made:
        await audit.add(actor, "visit_made", "visit", visit.id, visit.council_id, details=about)
    said = about | {"plan_id": str(plan_id), "answer": body.answer, "state": visit.state}
    await audit.add(actor, "visit_answered", "visit", visit.id, visit.council_id, reason=body.note, details=said)
    return AnsweredOut(
        hub_id=visit.old_hub_id, visit_id=visit.id, version=visit.version, state=visit.state, why=done.why
    )


async def note_seen(session: AsyncSession, actor: Actor, plan: SwitchoverPlan, found: Sequence[ProposalOut]) -> None:
    """Write to the audit whose homes and numbers somebody looked at."""
    people = {"people": [str(each.person_id) for each in found]}
    await AuditRepository(session).add(
        actor, "proposals_viewed", "switchover_plan", plan.id, plan.council_id, details=people
    )
