"""Visits of the switchover: a list with filters, and one with what may follow."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import HubRepository, ModelRepository
from devices.switchover.visits.domain import VisitState, follows
from devices.switchover.visits.repository import VisitFilter, VisitRepository
from devices.switchover.visits.schemas import (
    AsOfIn,
    CancelIn,
    ContactIn,
    ExceptionIn,
    StepIn,
    VisitIn,
    VisitNoteIn,
    VoiceIn,
    show_visit,
    show_with_log,
)
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository, UserRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints import visits as api
from telecare.console import switchover_view
from telecare.console.acting import REFUSED, SEE_OTHER, acted
from telecare.console.forms import NOTHING, Form, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError
from telecare.switchover.evidence import Evidence
from telecare.switchover.new_hubs import stock_for

router = APIRouter(prefix="/switchover")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Swapper = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]
Speaker = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_ALARMS))]
Text = Annotated[str, Query(max_length=120)]
At = Annotated[int, Query(ge=1, le=100_000)]

ON_A_PAGE = 50
_STEP = {
    "why": "Say why, in 3 to 500 characters",
    "next_contact_on": "Give the day on which somebody takes it up again",
    "owner": "Write who has it, in 100 characters at most",
    "new_hub_id": "Choose the new hub",
    "engineer_id": "Choose the engineer",
    "second_engineer_id": "Choose somebody else than who leads it, or nobody",
    "starts_at": "Give the time at which the visit begins",
    "ends_at": "Give the time at which the visit ends",
    "as_of": "The visit has changed: look and try again",
    "to": "Choose what happens next",
    "network": "Write the network that was measured, in 100 characters at most",
    "signal_dbm": "Write the signal in dBm, from -200 to 0, such as -88",
    "notes": "Write what else was found, in 4000 characters at most",
}
_SURVEY = ("network", "signal_dbm", "socket", "ethernet", "notes")
_NOTE = {"text": "Write something down, in 4000 characters at most"}
_CONTACT = {"channel": "Choose the way", "outcome": "Choose what came of it", "note": "4000 characters at most"}
_EXCEPTION = {
    "items": "Choose what is left out",
    "why": "Say why it is left out, in 3 to 500 characters",
    "retest_on": "Give the day by which it is tested",
    "as_of": "The visit has changed: look and try again",
}
_CANCEL = {"reason": "Say why nothing more comes of it, in 3 to 500 characters", "as_of": _STEP["as_of"]}


@router.post("/units/{unit_id}/visit")
async def make(request: Request, unit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Make a visit for a unit, or go to the one that is under way."""
    await typed(request, "make")
    try:
        async with session.begin_nested():
            visit = await api.make_visit(VisitIn(unit_id=unit_id), session, actor)
    except ConflictError as error:
        there = error.extra.get("visit_id")
        if there is None:
            raise
        return RedirectResponse(f"/switchover/visits/{there}", SEE_OTHER)
    return RedirectResponse(f"/switchover/visits/{visit.id}?done=made", SEE_OTHER)


@router.get("/visits")
async def visits(
    request: Request,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    state: Text = "",
    q: Text = "",
    show: Text = "",
    at: At = 1,
) -> Response:
    """Show visits by their time; every filter stands in the address."""
    repository, today = (
        VisitRepository(session, actor.councils),
        (await database_now(session)).astimezone(LONDON).date(),
    )
    chosen = {
        "council": council_code(council), "state": state if state in list(VisitState) else "", "q": q.strip(),
        "show": show if show in {"due", "mine", "over"} else "",
    }  # fmt: skip
    wanted = VisitFilter(
        council=chosen["council"] or None,
        state=VisitState(chosen["state"]) if chosen["state"] else None,
        engineer_id=actor.id if chosen["show"] == "mine" else None,
        due=today if chosen["show"] == "due" else None,
        q=chosen["q"] or None,
        over=chosen["show"] == "over",
    )
    total = await repository.count(wanted)
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(at, pages)
    found = await repository.page(wanted, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    councils = await ModelRepository(session).councils()
    return page(
        request,
        "switchover_visits.html",
        actor,
        visits=[show_visit(row) for row in found],
        total=total,
        at=at,
        pages=pages,
        chosen=chosen,
        kept=urlencode({name: value for name, value in chosen.items() if value}),
        councils=[row for row in councils if not actor.councils or row.code in actor.councils],
        states=[(str(each), switchover_view.state_words(each)) for each in VisitState],
        words=switchover_view,
    )


@router.get("/visits/{visit_id}")
async def visit(request: Request, visit_id: UUID, session: Transaction, actor: Viewer, done: Text = "") -> Response:
    """Show a visit: what the new hub must show, what became of it, and what may follow."""
    facts = await _facts(session, actor, visit_id, NOTHING, done)
    return page(request, "switchover_visit.html", actor, **facts)


@router.get("/visits/{visit_id}/proof")
async def proof(request: Request, visit_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Give what the new hub has shown by now, for the page to tick what has arrived."""
    row = await VisitRepository(session, actor.councils).shown(visit_id)
    proofs = await Evidence(session).proofs(row["Visit"])
    return page(request, "_visit_proof.html", actor, visit=show_visit(row), proofs=proofs, words=switchover_view)


@router.post("/visits/{visit_id}/step")
async def step(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Take a visit on."""
    form = await typed(request, "step")
    return await acted(
        session,
        lambda: api.step(visit_id, _wish(form), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "to"),
        f"/switchover/visits/{visit_id}?done=stepped",
    )


@router.post("/visits/{visit_id}/contact")
async def contact(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Note an attempt to reach somebody."""
    form = await typed(request, "contact")
    return await acted(
        session,
        lambda: api.note_contact(visit_id, read(ContactIn, form.values, _CONTACT), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "channel"),
        f"/switchover/visits/{visit_id}?done=noted",
    )


@router.post("/visits/{visit_id}/note")
async def note(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Write something down."""
    form = await typed(request, "note")
    return await acted(
        session,
        lambda: api.note_on_visit(visit_id, read(VisitNoteIn, form.values, _NOTE), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "text"),
        f"/switchover/visits/{visit_id}?done=noted",
    )


@router.post("/visits/{visit_id}/voice")
async def voice(request: Request, visit_id: UUID, session: Transaction, actor: Speaker) -> Response:
    """Confirm as an operator that one and the home have heard each other."""
    form = await typed(request, "voice")
    return await acted(
        session,
        lambda: api.confirm_voice(visit_id, VoiceIn(), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "confirm"),
        f"/switchover/visits/{visit_id}?done=voice",
    )


@router.post("/visits/{visit_id}/exception")
async def exception(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Ask for an exception from all that is missing, as the first of two."""
    form = await typed(request, "exception")
    row = await VisitRepository(session, actor.councils).require(visit_id)
    missing = (await Evidence(session).proofs(row)).missing
    try:
        async with session.begin_nested():
            values = {**form.values, "items": list(missing)}
            await api.ask_exception(visit_id, read(ExceptionIn, values, _EXCEPTION), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, visit_id, form, error, "why")
    return RedirectResponse(f"/switchover/visits/{visit_id}?done=asked", SEE_OTHER)


@router.post("/visits/{visit_id}/exception/confirm")
async def confirm(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Confirm an exception as the second of two."""
    form = await typed(request, "confirm")
    return await acted(
        session,
        lambda: api.confirm_exception(visit_id, read(AsOfIn, form.values, _STEP), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "go"),
        f"/switchover/visits/{visit_id}?done=confirmed",
    )


@router.post("/visits/{visit_id}/cancel")
async def cancel(request: Request, visit_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """End a visit while its new hub is not in the home."""
    form = await typed(request, "cancel")
    return await acted(
        session,
        lambda: api.cancel_visit(visit_id, read(CancelIn, form.values, _CANCEL), session, actor),
        lambda error: _again(request, session, actor, visit_id, form, error, "reason"),
        f"/switchover/visits/{visit_id}?done=cancelled",
    )


def _wish(form: Form) -> StepIn:
    """Return the step that a form asks for; a booking with nobody chosen as the second has none."""
    wish = read(StepIn, _step(form), _STEP)
    alone = wish.to is VisitState.BOOKED and wish.second_engineer_id is None
    return wish.model_copy(update={"second_engineer_id": None}) if alone else wish


def _step(form: Form) -> dict[str, Any]:
    """Return what a step's form says; times in it are those of the wall clock here."""
    values: dict[str, Any] = {name: value for name, value in form.values.items() if value}
    day, start, end = (values.pop(name, "") for name in ("day", "from", "until"))
    found = {name: values.pop(name) for name in _SURVEY if name in values}
    if found:
        values["survey"] = found
    for name, time in (("starts_at", start), ("ends_at", end)):
        if day and time:
            try:
                values[name] = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=LONDON).isoformat()
            except ValueError:
                values[name] = f"{day} {time}"
    return values


async def _again(
    request: Request, session: AsyncSession, actor: Actor, visit_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    names = {f"body.{name}": name for name in (*_STEP, *_NOTE, *_CONTACT, *_EXCEPTION, *_CANCEL)}
    status, faults = refused(error, field, names)
    facts = await _facts(session, actor, visit_id, form.wrong(*faults), "")
    return page(request, "switchover_visit.html", actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, visit_id: UUID, form: Form, done: str) -> dict[str, Any]:
    visits = VisitRepository(session, actor.councils)
    row = await visits.shown(visit_id)
    proofs = await Evidence(session).proofs(row["Visit"])
    shown = show_with_log(row, await visits.log_of(visit_id), await visits.contacts_of(visit_id))
    await AuditRepository(session).add(
        actor, "visit_viewed", "visit", visit_id, shown.council_id, details={"person_id": str(shown.person_id)}
    )
    resumes = VisitState(shown.resumes) if shown.resumes else None
    now = await database_now(session)
    hubs = HubRepository(session, actor.councils)
    return {
        "new_hub": await hubs.require(shown.new_hub_id) if shown.new_hub_id else None,
        "now": now,
        "visit": shown,
        "proofs": proofs,
        "next_states": follows(shown.state, resumes, over=shown.over_at is not None),
        "stock": await stock_for(session, row["Visit"]),
        "engineers": await UserRepository(session).engineers(shown.council_id),
        "form": form,
        "done": switchover_view.DONE.get(done, ""),
        "words": switchover_view,
        "today": now.astimezone(LONDON).date(),
    }
