"""“Was it there?”: where a hub stood at a moment that somebody asks about, on its page."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.rota.wallclock import first_moment
from telecare.access.domain import Actor
from telecare.api.endpoints.presence import presence_at
from telecare.console.view import LONDON


async def then_facts(session: AsyncSession, actor: Actor, hub: Any, asked: str) -> dict[str, Any]:
    """Return what a hub's page says of `asked`, a local time such as 2026-10-09T03:12; nothing when it is empty."""
    facts: dict[str, Any] = {"asked": asked, "then": None, "then_fault": ""}
    if hub is None or not asked:
        return facts
    try:
        moment = first_moment(datetime.fromisoformat(asked).replace(tzinfo=None), LONDON)
    except (ValueError, OverflowError):
        return facts | {"then_fault": f"“{asked[:40]}” is no moment: give a day and a time, such as 2026-10-09T03:12"}
    return facts | {"then": await presence_at(hub["hub_id"], session, actor, moment)}
