"""By when a human must see to a silent hub of a council, by the person's risk tier."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, Path

from alarms.handling.deadline_repository import DeadlineRepository, minutes_of
from alarms.handling.deadline_schemas import SilenceDeadlinesIn, SilenceDeadlinesOut
from alarms.handling.deadlines import USUAL
from devices.registry.fields import CouncilRef
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction, check_council
from telecare.api.routing import api_router

router = api_router("/councils/{council}/silence-deadlines", "silence deadlines")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]
Code = Annotated[CouncilRef, Path(description="a GSS code, also a former one, or a name")]


@router.get("")
async def get_deadlines(council: Code, session: Transaction, actor: Viewer) -> SilenceDeadlinesOut:
    """Show by when a human must see to a silent hub of a council."""
    check_council(actor, council)
    return SilenceDeadlinesOut.of(council, await DeadlineRepository(session).latest(council))


@router.put("")
async def put_deadlines(
    council: Code, body: SilenceDeadlinesIn, session: Transaction, actor: Administrator
) -> SilenceDeadlinesOut:
    """Set them. Open silences move to what is sooner within seconds; what is later counts for new ones only."""
    check_council(actor, council)
    deadlines = DeadlineRepository(session)
    was = await deadlines.latest(council)
    row = await deadlines.add(council, body.minutes, actor.label, body.reason)
    details = {"from": asdict(minutes_of(was) if was else USUAL), "to": asdict(body.minutes)}
    await AuditRepository(session).add(
        actor, "silence_deadlines_set", "council", council, council, reason=body.reason, details=details
    )
    return SilenceDeadlinesOut.of(council, row)
