"""Teams: responders who are told together, in their order."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.responders.schemas import TeamIn, TeamPatch
from alarms.responders.service import ResponderService
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import teams as api
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Fault, Form, FormError, check_sure, read, refused, typed
from telecare.console.render import PageNeeds, page

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

MOST = 1000
PLACE = "place-"
_WORDS = {
    "name": "Write a name of at most 100 characters, in one line",
    "key": "Write a key of small letters, digits and hyphens, such as mobile-wardens",
    "council_id": "Choose a council of the list",
    "members": "A team has at most 100 members",
}


@router.get("/teams")
async def teams(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Show the teams with their members."""
    return page(request, "teams.html", actor, **await _facts(session, actor, NOTHING))


@router.post("/teams")
async def create(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Add a team."""
    form = await typed(request, "new")
    try:
        values = {name: form.value(name) for name in ("key", "name", "council_id")} | {"members": _members(form)}
        async with session.begin_nested():
            await api.create_team(read(TeamIn, values, _WORDS), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "key")
    return RedirectResponse("/teams", SEE_OTHER)


@router.post("/teams/{team_id}")
async def change(request: Request, team_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Change the name and the members of a team, or remove it."""
    form = await typed(request, f"team-{team_id}")
    try:
        if form.value("do") == "remove":
            check_sure(form)
            await api.remove_team(team_id, session, actor)
        else:
            patch = read(TeamPatch, {"name": form.value("name"), "members": _members(form)}, _WORDS)
            async with session.begin_nested():
                await api.change_team(team_id, patch, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "sure" if form.value("do") == "remove" else "name")
    return RedirectResponse("/teams", SEE_OTHER)


def _members(form: Form) -> list[str]:
    """Return whom the form gives a place, in the order of the places."""
    placed = []
    for name, place in form.values.items():
        if name.startswith(PLACE) and place.strip():
            if not place.strip().isdecimal():
                raise FormError(Fault(name, "Write places as numbers: 1 is told first"))
            placed.append((int(place), name.removeprefix(PLACE)))
    return [member for _, member in sorted(placed)]


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, field: str
) -> Response:
    status, faults = refused(error, field)
    return page(request, "teams.html", actor, status, **await _facts(session, actor, form.wrong(*faults)))


async def _facts(session: AsyncSession, actor: Actor, form: Form) -> dict[str, Any]:
    service = ResponderService(session)
    listed = await service.teams.page(actor.councils, None, MOST)
    councils = await ModelRepository(session).councils()
    return {
        "teams": listed,
        "members": await service.teams.members([team.id for team in listed]),
        "people": await service.responders.page(actor.councils, None, MOST),
        "councils": [(row.code, row.name) for row in councils if not actor.councils or row.code in actor.councils],
        "form": form,
    }
