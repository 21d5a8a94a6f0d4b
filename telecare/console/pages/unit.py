"""A unit in the switchover: why it must go and by when, what its receiving centre counted of it, and both forms."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.registry.schemas import HandshakesIn, HubPatch
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import hubs as api
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/switchover/units")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_FLEET))]

_HANDSHAKES = {
    "count": "Write how many calls failed as a whole number, 0 for none",
    "until": "Give the last day of what was counted",
}
_BATTERY = {"battery_due_on": "Give the day by which its battery must be replaced, or leave it empty"}
_DONE = {
    "handshakes": "It is written down. Plans that are made from now on count it.",
    "battery": "It is written down. Programmes of batteries have it when their units are next looked for.",
}


@router.get("/{hub_id}")
async def unit(request: Request, hub_id: str, session: Transaction, actor: Viewer, done: str = "") -> Response:
    """Show a unit in the switchover, with its form."""
    facts = await _facts(session, actor, hub_id, NOTHING)
    return page(request, "switchover_unit.html", actor, done=_DONE.get(done, ""), **facts)


@router.post("/{hub_id}/failed-handshakes")
async def tell_handshakes(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Write down how many calls of it failed on its tones."""
    form = await typed(request, "handshakes")

    async def act() -> None:
        body = read(HandshakesIn, form.values, _HANDSHAKES)
        await api.tell_failed_handshakes(hub_id, body, session, actor)

    async def again(error: Exception) -> Response:
        status, faults = refused(error, "count", {"body.until": "until"})
        facts = await _facts(session, actor, hub_id, form.wrong(*faults))
        return page(request, "switchover_unit.html", actor, status, done="", **facts)

    return await acted(session, act, again, f"/switchover/units/{quote(hub_id, safe='')}?done=handshakes")


@router.post("/{hub_id}/battery")
async def set_battery(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Write down by when its battery must be replaced; an empty day leaves it to its age and model."""
    form = await typed(request, "battery")

    async def act() -> None:
        body = read(HubPatch, {"battery_due_on": form.value("battery_due_on")}, _BATTERY)
        await api.change_hub(hub_id, HubPatch(battery_due_on=body.battery_due_on), session, actor)

    async def again(error: Exception) -> Response:
        status, faults = refused(error, "battery_due_on")
        facts = await _facts(session, actor, hub_id, form.wrong(*faults))
        return page(request, "switchover_unit.html", actor, status, done="", **facts)

    return await acted(session, act, again, f"/switchover/units/{quote(hub_id, safe='')}?done=battery")


async def _facts(session: AsyncSession, actor: Actor, hub_id: str, form: Form) -> dict[str, Any]:
    hub = await api.get_hub(hub_id, session, actor)
    return {"hub": hub, "retirement": await api.get_retirement(hub_id, session, actor), "form": form}
