"""Whom to ring about the times that a plan proposes: what to say, and a form for what they answer."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.proposals.domain import AGAIN_IN
from devices.switchover.proposals.schemas import AnsweredOut, AnswerIn
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_proposals as api
from telecare.console import proposal_view
from telecare.console.acting import REFUSED, SEE_OTHER
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.switchover.proposals import Proposals

router = APIRouter(prefix="/switchover/plan/{plan_id}/ring")

Asker = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]
Day = Annotated[date | None, Query()]
At = Annotated[int, Query(ge=1, le=100_000)]

ON_A_PAGE = 25
_ANSWER = {
    "answer": "Choose what they answered",
    "note": "Write down what they said, in 3 to 500 characters",
    "next_contact_on": "Give the day on which somebody takes it up again",
    "owner": "Write who has it, in 100 characters at most",
    "channel": "Choose how they were reached",
    "told_before": "Choose how else they were told of it",
    "as_of": "The visit has changed: look and try again",
    "hub_id": "Choose the home again",
}


@router.get("")
async def ring(
    request: Request, plan_id: UUID, session: Transaction, actor: Asker, day: Day = None, at: At = 1, done: str = ""
) -> Response:
    """Show whom to ring about a day of a plan, or all of it."""
    return await _page(request, session, actor, plan_id, day, at, done=proposal_view.DONE.get(done, ""))


@router.post("")
async def answer(request: Request, plan_id: UUID, session: Transaction, actor: Asker) -> Response:
    """Write down what a household answered; what keeps it from being booked is said on the page that follows."""
    form = await typed(request)
    values = {name: value for name, value in form.values.items() if name in _ANSWER}
    form = Form(f"ring-{form.value('hub_id')}", form.values)
    day, at = _day(form.value("day")), _at(form.value("at"))
    try:
        async with session.begin_nested():
            body = read(AnswerIn, values, _ANSWER)
            told = await api.take_answer(plan_id, body, session, actor)
    except REFUSED as error:
        status, faults = refused(error, "answer", {f"body.{name}": name for name in _ANSWER})
        return await _page(request, session, actor, plan_id, day, at, form.wrong(*faults), status)
    if told.why:
        return await _page(request, session, actor, plan_id, day, at, told=told)
    where = proposal_view.address(plan_id, day.isoformat() if day else "", at, body.answer)
    return RedirectResponse(where, SEE_OTHER)


def _day(written: str) -> date | None:
    """Return the day that the list was of; what is no day is all of them."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _at(written: str) -> int:
    return max(1, min(int(written), 100_000)) if written.isascii() and written.isdecimal() else 1


async def _page(
    request: Request, session: AsyncSession, actor: Actor, plan_id: UUID, day: date | None, at: int,
    form: Form = NOTHING, status: int = 200, *, done: str = "", told: AnsweredOut | None = None,
) -> Response:  # fmt: skip
    proposals = Proposals(session, actor)
    found = await proposals.open(plan_id, day, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    pages = max(1, -(-found.total // ON_A_PAGE))
    if at > pages:
        at = pages
        found = await proposals.open(plan_id, day, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    await api.note_seen(session, actor, found.plan, found.items)
    plan, today = found.plan, (await database_now(session)).astimezone(LONDON).date()
    holds = await PlanningRepository(session, actor.councils).concerning(plan.council_id, plan.first_on, plan.last_on)
    return page(
        request,
        "switchover_proposals.html",
        actor,
        status,
        plan=plan,
        newer=holds if holds is not None and holds.id != plan.id else None,
        day=day,
        proposals=found.items,
        total=found.total,
        at=at,
        pages=pages,
        again_on=today + AGAIN_IN,
        form=form,
        done=done,
        told=told,
        words=proposal_view,
    )
