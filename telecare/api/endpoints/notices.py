"""Notices: what will hurt unless somebody mends it."""

from typing import Annotated

from fastapi import Depends

from alarms.handling.lookout import Lookout
from alarms.handling.schemas import NoticeList, NoticeOut
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.routing import api_router

router = api_router("/notices", "notices")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]


@router.get("")
async def list_notices(session: Transaction, services: ServicesDep, actor: Viewer) -> NoticeList:
    """List what will hurt unless somebody mends it: of policies, of rotas, and of alarms that nobody has."""
    found = await Lookout(session, services.settings.unclaimed_limit).look(actor.councils)
    return NoticeList(items=[NoticeOut.model_validate(notice) for notice in found])
