"""Trying triggers out: the panel on a hub's page, which ticks by itself, and the quiet lines of the board."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import HubRepository
from devices.testing.repository import WindowRepository
from devices.testing.schemas import WindowIn
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import testing as api
from telecare.console import testing_view
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_FLEET))]
Operator = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
SEE_OTHER = 303
MOST_LINES = 20


@router.get("/fleet/{hub_id}/test-window")
async def panel(request: Request, hub_id: str, session: Transaction, actor: Viewer) -> Response:
    """Give the panel as it is now, for the page to tick what has arrived."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    facts = await testing_facts(request, session, hub)
    return page(request, "_testing.html", actor, hub_id=hub_id, now=await database_now(session), **facts)


@router.post("/fleet/{hub_id}/test-window")
async def open_window(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Open a test window over the triggers that are ticked, and go back to the hub's page."""
    form = await request.form()
    devices = [str(device) for device in form.getlist("device")]
    asked = {
        "devices": [device for device in devices if device],
        "unit": "" in devices,
        "minutes": str(form.get("minutes", "")),
        "reason": str(form.get("reason", "")),
    }
    try:
        await api.open_test_window(hub_id, WindowIn.model_validate(asked), session, actor)
    except (ConflictError, InvalidError) as error:
        return _back(hub_id, error.extra["errors"][0]["what"] if "errors" in error.extra else error.detail)
    except ValidationError:
        return _back(hub_id, "Write 1 to 120 minutes, and in 3 to 500 characters why you test")
    return _back(hub_id)


@router.post("/fleet/{hub_id}/test-window/end")
async def end_window(hub_id: str, session: Transaction, actor: Editor) -> Response:
    """End the test window, and go back to the hub's page."""
    try:
        await api.end_test_window(hub_id, session, actor)
    except NotFoundError:
        return _back(hub_id, "The test window was over already")
    return _back(hub_id)


@router.get("/board/tests")
async def tests(request: Request, session: Transaction, actor: Operator) -> Response:
    """Give the lines of the board about triggers that are being tried out."""
    return page(request, "_tests_now.html", actor, tests=await tests_now(session, actor))


async def testing_facts(request: Request, session: AsyncSession, hub: RowMapping | None) -> dict[str, Any]:
    """Collect what the panel shows."""
    if hub is None:
        return {"window": None, "choices": [], "testing_refused": "", "testing_view": testing_view}
    now = await database_now(session)
    window = await WindowRepository(session).latest(hub["hub_id"])
    return {
        "window": await api.shown(session, window, now) if window else None,
        "choices": testing_view.choices(await HubRepository(session, frozenset()).peripherals(hub["hub_id"])),
        "testing_refused": request.query_params.get("untested", "")[:500],
        "testing_view": testing_view,
    }


async def tests_now(session: AsyncSession, actor: Actor) -> list[testing_view.Line]:
    """Return a line for each test window that is on, the oldest first."""
    now = await database_now(session)
    hubs = HubRepository(session, actor.councils)
    rows = await WindowRepository(session).on(actor.councils, now, limit=MOST_LINES)
    return [testing_view.line(await api.shown(session, row, now), await hubs.require(row.hub_id), now) for row in rows]


def _back(hub_id: str, refused: str = "") -> Response:
    query = f"?untested={quote(refused)}" if refused else ""
    return RedirectResponse(f"/fleet/{quote(hub_id, safe='')}{query}#testing", SEE_OTHER)
