"""What is asked of a hub from its page, by a plain form."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.commands.domain import CommandName, out_of_reach
from devices.commands.repository import CommandRepository
from devices.commands.schemas import CommandIn, show_command
from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.hub_commands import ask, may_ask
from telecare.console.render import PageNeeds
from telecare.kernel.errors import ConflictError, ForbiddenError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
SHOWN = 5


@router.post("/fleet/{hub_id}/commands")
async def command(request: Request, hub_id: str, session: Transaction, actor: Viewer) -> Response:
    """Ask the hub for what the form says, and go back to its page."""
    form = {name: str(value) for name, value in (await request.form()).items() if value}
    body: dict[str, Any] = {"command": form.get("command")}
    if "interval_s" in form:
        body["args"] = {"interval_s": form["interval_s"]}
    if "version" in form:
        body["args"] = {"version": form["version"]}
    target = f"/fleet/{quote(hub_id, safe='')}"
    try:
        await ask(session, actor, hub_id, CommandIn.model_validate(body))
    except (ConflictError, ForbiddenError) as error:
        return RedirectResponse(f"{target}?refused={quote(error.detail)}#commands", 303)
    except ValidationError as error:
        return RedirectResponse(f"{target}?refused={quote(error.errors()[0]['msg'])}#commands", 303)
    return RedirectResponse(f"{target}#commands", 303)


async def command_facts(session: AsyncSession, actor: Actor, hub: RowMapping | None) -> dict[str, Any]:
    """Collect what the page shows: the last commands, what this person may ask, and why nothing can be asked."""
    if hub is None:
        return {"commands": [], "may_ask": frozenset(), "unheard": None}
    presence = Presence(hub["presence"])
    rows = await CommandRepository(session).page(hub["hub_id"], None, SHOWN)
    return {
        "commands": [show_command(row, presence, hub["firmware"]) for row in rows],
        "may_ask": frozenset(name for name in CommandName if may_ask(actor, name)),
        "unheard": out_of_reach(HubStatus(hub["status"]), Connection(hub["connection"]), presence),
    }
