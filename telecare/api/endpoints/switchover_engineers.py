"""Who visits homes, who of them is away, and what binds all visits of a council."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.fields import CouncilRef
from devices.switchover.planning.domain import REPLAN_SECONDS
from devices.switchover.planning.models import EngineerAbsence, SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import (
    AbsenceOut,
    AwayIn,
    AwayOut,
    EngineerIn,
    EngineerOut,
    PlanListed,
    RulesIn,
    RulesOut,
)
from telecare.access.domain import Actor, Permission, UserRole
from telecare.access.models import User
from telecare.access.repository import AuditRepository, UserRepository
from telecare.api.deps import Needs, Transaction, check_council
from telecare.api.endpoints.switchover_plans import note_plan
from telecare.api.filters import Council
from telecare.api.paging import Page
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError
from telecare.switchover.swaps import LONDON

router = api_router("/switchover/engineers", "switchover")
absences = api_router("/switchover/absences", "switchover")
rules = api_router("/switchover/rules", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Planner = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
Code = Annotated[CouncilRef, Path(description="a GSS code, also a former one, or a name")]


@router.get("")
async def list_engineers(session: Transaction, actor: Viewer, council: Council = None) -> Page[EngineerOut]:
    """List who visits homes: from where, when, with which skills and what in the van."""
    found = await PlanningRepository(session, actor.councils).engineers(council)
    return Page(items=[EngineerOut.model_validate(row) for row in found], next=None)


@router.put("/{user_id}")
async def put_engineer(user_id: UUID, body: EngineerIn, session: Transaction, actor: Planner) -> EngineerOut:
    """Say how somebody with the role engineer works who visits homes of a council."""
    check_council(actor, body.council_id)
    user = await _engineer(session, user_id, body.council_id)
    planning = PlanningRepository(session, actor.councils)
    row = await planning.put_engineer(user.id, name=user.display_name, **body.model_dump(mode="json"))
    await AuditRepository(session).add(actor, "engineer_saved", "engineer", user_id, body.council_id)
    return EngineerOut.model_validate(row)


@router.delete("/{user_id}/councils/{council}", status_code=204)
async def remove_engineer(user_id: UUID, council: Code, session: Transaction, actor: Planner) -> None:
    """Say that somebody visits homes of a council no more; what is booked for them stays booked."""
    await PlanningRepository(session, actor.councils).remove_engineer(council, user_id)
    await AuditRepository(session).add(actor, "engineer_removed", "engineer", user_id, council)


@router.post("/{user_id}/absences", status_code=201)
async def note_absence(user_id: UUID, body: AwayIn, session: Transaction, actor: Planner) -> AwayOut:
    """Write down that somebody is away, and order the plan of these days anew: `plan` is the one that is made now.

    The same days again are the same absence. Nothing moves before somebody accepts the new plan.
    """
    planning = PlanningRepository(session, actor.councils)
    await planning.engineer(body.council_id, user_id)
    there = await planning.same_absence(user_id, body.council_id, body.first_on, body.last_on)
    if there is None:
        there = await planning.add_absence(user_id=user_id, made_by=actor.label, **body.model_dump())
        await AuditRepository(session).add(
            actor, "engineer_away", "engineer", user_id, body.council_id, reason=body.reason
        )
    plan = await replan_of(session, actor, there)
    shown = None if plan is None else PlanListed.model_validate(plan)
    return AwayOut(absence=AbsenceOut.model_validate(there), plan=shown)


@absences.get("")
async def list_absences(session: Transaction, actor: Planner, council: Council = None) -> Page[AbsenceOut]:
    """List who is away from today on. Reasons may tell of somebody's health: for those who plan."""
    today = (await database_now(session)).astimezone(LONDON).date()
    found = await PlanningRepository(session, actor.councils).away(council, today)
    return Page(items=[AbsenceOut.model_validate(row) for row in found], next=None)


@absences.delete("/{absence_id}", status_code=204)
async def remove_absence(absence_id: UUID, session: Transaction, actor: Planner) -> None:
    """Take back that somebody is away; plans that were made stay as they are."""
    planning = PlanningRepository(session, actor.councils)
    found = await planning.absence(absence_id)
    await planning.remove_absence(found)
    await AuditRepository(session).add(actor, "engineer_back", "engineer", found.user_id, found.council_id)


@rules.get("/{council}")
async def get_rules(council: Code, session: Transaction, actor: Viewer) -> RulesOut:
    """Show what binds all visits of a council."""
    check_council(actor, council)
    row = await PlanningRepository(session, actor.councils).rules(council)
    said = RulesIn() if row is None else RulesIn.model_validate(row.document)
    saved = {"saved_at": row.saved_at if row else None, "saved_by": row.saved_by if row else None}
    return RulesOut(council_id=council, **said.model_dump(), **saved)


@rules.put("/{council}")
async def put_rules(council: Code, body: RulesIn, session: Transaction, actor: Planner) -> RulesOut:
    """Save what binds all visits of a council; plans that are made from now on follow it."""
    check_council(actor, council)
    await PlanningRepository(session).put_rules(council, body.model_dump(mode="json"), actor.label)
    await AuditRepository(session).add(actor, "planning_rules_saved", "planning_rules", council, council)
    return await get_rules(council, session, actor)


async def replan_of(session: AsyncSession, actor: Actor, away: EngineerAbsence) -> SwitchoverPlan | None:
    """Order anew the plan that holds while somebody is away; None when no plan has these days."""
    planning = PlanningRepository(session, actor.councils)
    plan = await planning.concerning(away.council_id, away.first_on, away.last_on)
    if plan is None:
        return None
    row, new = await planning.order(
        council_id=plan.council_id, first_on=plan.first_on, last_on=plan.last_on, replaces_id=plan.id,
        programme_id=plan.programme_id, wave_id=plan.wave_id, seconds=REPLAN_SECONDS, made_by=actor.label,
    )  # fmt: skip
    if new:
        await note_plan(session, actor, "plan_ordered", row, replaces_id=str(plan.id))
    return row


async def _engineer(session: AsyncSession, user_id: UUID, council: str) -> User:
    user = await UserRepository(session).get(user_id)
    fits = user is not None and user.active and user.role == UserRole.ENGINEER
    if user is None or not fits or (user.councils and council not in user.councils):
        errors = [{"where": "path.user_id", "what": "no active engineer of this council has this id"}]
        raise InvalidError("There is no such engineer", errors=errors)
    return user
