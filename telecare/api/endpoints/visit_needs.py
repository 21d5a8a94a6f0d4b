"""What binds the visits of one home: who must be there, how long it takes, when it can and cannot be."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from devices.switchover.planning.needs import VisitNeeds
from devices.switchover.planning.schemas import NeedIn, NeedOut
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.routing import api_router

router = api_router("/switchover/homes", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Swapper = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]


@router.get("/{premises_id}/needs")
async def get_needs(premises_id: UUID, session: Transaction, actor: Viewer) -> NeedOut:
    """Show what binds the visits of a home; it tells of people's lives, so who looked is written to the audit."""
    shown = await VisitNeeds(session, actor.councils).show(premises_id)
    await AuditRepository(session).add(actor, "visit_needs_viewed", "premises", premises_id, shown.council_id)
    return shown


@router.put("/{premises_id}/needs")
async def put_needs(premises_id: UUID, body: NeedIn, session: Transaction, actor: Swapper) -> NeedOut:
    """Write down what binds the visits of a home, in place of what was; plans that are made from now on follow it."""
    needs = VisitNeeds(session, actor.councils)
    before, shown = await needs.show(premises_id), await needs.put(premises_id, body)
    changed = [name for name in NeedIn.model_fields if getattr(before, name) != getattr(shown, name)]
    await AuditRepository(session).add(
        actor, "visit_needs_changed", "premises", premises_id, shown.council_id, details={"fields": changed}
    )
    return shown
