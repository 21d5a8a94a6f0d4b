"""The notices on pages: only for those who can act on them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.schemas import NoticeOut
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Services
from telecare.api.endpoints.notices import list_notices


async def to_mend(session: AsyncSession, services: Services, actor: Actor) -> Sequence[NoticeOut]:
    """Return what a supervisor or an administrator should mend; nothing for anybody else."""
    if not actor.may(Permission.SUPERVISE):
        return ()
    return (await list_notices(session, services, actor)).items
