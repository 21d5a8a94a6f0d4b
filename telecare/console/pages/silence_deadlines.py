"""By when somebody sees to a silent hub of a council, by risk tier: the form by which an administrator sets it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.handling.deadline_schemas import SilenceDeadlinesIn
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import silence_deadlines as api
from telecare.console import missed_view
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/fleet/missed/deadlines")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

_WORDS = {
    "a": "Write 5 to 1,440 minutes",
    "b": "Write 5 to 1,440 minutes",
    "c": "Write 5 to 1,440 minutes",
    "d": "Write 5 to 10,080 minutes (7 days), or leave it empty",
    "reason": "Say why, in 3 to 500 characters",
}


@router.get("/{council}")
async def deadlines(request: Request, council: api.Code, session: Transaction, actor: Viewer) -> Response:
    """Show the deadlines of a council, as a form for its administrators."""
    return page(request, "silence_deadlines.html", actor, **await _facts(session, actor, council, NOTHING))


@router.post("/{council}")
async def save(request: Request, council: api.Code, session: Transaction, actor: Administrator) -> Response:
    """Set the deadlines of a council."""
    form = await typed(request, "deadlines")

    async def put() -> None:
        await api.put_deadlines(council, read(SilenceDeadlinesIn, form.values, _WORDS), session, actor)

    async def again(error: Exception) -> Response:
        status, faults = refused(error, "a")
        facts = await _facts(session, actor, council, form.wrong(*faults))
        return page(request, "silence_deadlines.html", actor, status, **facts)

    return await acted(session, put, again, f"/fleet/missed?council={council}&done=deadlines")


async def _facts(session: AsyncSession, actor: Actor, council: str, form: Form) -> dict[str, Any]:
    return {
        "council": council,
        "said": await api.get_deadlines(council, session, actor),
        "form": form,
        "may": actor.may(Permission.ADMINISTER),
        "missed_view": missed_view,
    }
