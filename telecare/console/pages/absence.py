"""Planned absences: whoever is in hospital or on holiday is expected to be silent, until a day that is said."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlalchemy import RowMapping
from starlette.responses import RedirectResponse, Response

from alarms.rota.wallclock import first_moment
from devices.presence.schemas import AbsenceIn
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import presence as api
from telecare.console.forms import FormError, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.kernel.errors import InvalidError

router = APIRouter()

Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_FLEET))]
_WORDS = {
    "until": "Write until when, such as 24/12/2026 18:00; within a year",
    "why": "Say why, in 1 to 200 characters",
}
_FIELDS = {f"body.{name}": name for name in _WORDS}


class LocalUntil(BaseModel):
    """A time of the wall clock in Europe/London, where to go back to, and why."""

    until: datetime
    why: str
    back: Literal["hub", "person"] = "hub"


@router.post("/fleet/{hub_id}/absence")
async def plan(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """Plan an absence; with a fault the form comes back with what was typed."""
    form = await typed(request, "absence")
    hub = await HubRepository(session, actor.councils).require(hub_id)
    try:
        local = read(LocalUntil, form.values, _WORDS)
        until = first_moment(local.until.replace(tzinfo=None), LONDON)
        body = read(AbsenceIn, {"until": until, "why": local.why}, _WORDS)
        await api.plan_absence(hub_id, body, session, actor)
    except (FormError, InvalidError) as error:
        status, faults = refused(error, "until", _FIELDS)
        again = form.wrong(*faults)
        now = await database_now(session)
        return page(request, "absence.html", actor, status, hub=hub, form=again, back=form.value("back"), now=now)
    return RedirectResponse(_back(hub, form.value("back")), 303)


@router.post("/fleet/{hub_id}/absence/end")
async def end(request: Request, hub_id: str, session: Transaction, actor: Editor) -> Response:
    """End an absence now."""
    form = await typed(request, "absence")
    hub = await HubRepository(session, actor.councils).require(hub_id)
    await api.end_absence(hub_id, session, actor)
    return RedirectResponse(_back(hub, form.value("back")), 303)


def _back(hub: RowMapping, back: str) -> str:
    if back == "person" and hub["person_id"] is not None:
        return f"/people/{hub['person_id']}#protection"
    return f"/fleet/{quote(hub['hub_id'], safe='')}#absence"
