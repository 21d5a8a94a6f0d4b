"""Programmes of the switchover: how far each is, its units with their dated reasons; made, and parted into waves."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.domain import Connection, RiskTier
from devices.registry.repository import ModelRepository
from devices.switchover.programmes.domain import PSTN_ENDS, ReasonKind
from devices.switchover.programmes.repository import ProgrammeRepository, UnitFilter
from devices.switchover.programmes.schemas import AssignIn, ProgrammeIn, WaveIn, show_unit
from devices.switchover.visits.domain import VisitState
from devices.switchover.visits.repository import VisitFilter, VisitRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_programmes as api
from telecare.console import switchover_view
from telecare.console.acting import SEE_OTHER, acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now

router = APIRouter(prefix="/switchover")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Planner = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Text = Annotated[str, Query(max_length=120)]
At = Annotated[int, Query(ge=1, le=100_000)]

ON_A_PAGE = 50
ALL = "all"
"""Stands for all councils of whoever makes a programme."""
_PROGRAMME = {
    "name": "Name it, in 100 characters at most",
    "cause": "Choose what retires",
    "deadline": "Give the last day of the old units",
    "council": "Choose the council whose units it takes",
    "network": "Write the name of the network, in 100 characters at most",
}
_WAVE = {
    "name": "Name the wave, in 100 characters at most",
    "starts_on": "Give its first day as on the calendar",
    "ends_on": "Give its last day as on the calendar",
}
_ASSIGN = {"wave_id": "Choose the wave"}
_NARROWED = ("council", "connection", "tier", "reason")
"""The filters of the list by which units go into a wave."""


@router.get("")
async def front(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Show each programme: how far it is, how its units are connected, how long it is until its deadline."""
    return page(request, "switchover.html", actor, **await _front(session, actor, NOTHING))


@router.post("/programmes")
async def make(request: Request, session: Transaction, actor: Planner) -> Response:
    """Make a programme, and look for its units at once: an empty one helps nobody."""
    form = await typed(request, "programme")
    made: list[UUID] = []

    async def act() -> None:
        chosen = form.value("council")
        known = [row.code for row in await _councils(session, actor)]
        values = {**form.values, "councils": known if chosen == ALL else [chosen] if chosen else []}
        values.pop("council", None)
        words = {**_PROGRAMME, "councils": _PROGRAMME["council"]}
        shown = await api.make_programme(read(ProgrammeIn, values, words), session, actor)
        await api.find_units(shown.id, session, actor)
        made.append(shown.id)

    async def again(error: Exception) -> Response:
        names = {f"body.{name}": name for name in _PROGRAMME} | {"body.councils": "council"}
        status, faults = refused(error, "name", names)
        tied = [Fault("council", each.words) if each.field == "councils" else each for each in faults]
        return page(request, "switchover.html", actor, status, **await _front(session, actor, form.wrong(*tied)))

    reply = await acted(session, act, again, "/switchover")
    return RedirectResponse(f"/switchover/programmes/{made[0]}?done=programme", SEE_OTHER) if made else reply


@router.get("/programmes/{programme_id}")
async def programme(
    request: Request,
    programme_id: UUID,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    connection: Text = "",
    tier: Text = "",
    reason: Text = "",
    state: Text = "",
    wave: Text = "",
    at: At = 1,
    done: Text = "",
) -> Response:
    """Show the units of a programme; every filter stands in the address."""
    asked = {
        "council": council, "connection": connection, "tier": tier, "reason": reason, "state": state, "wave": wave,
    }  # fmt: skip
    facts = await _programme(session, actor, programme_id, asked, NOTHING, at)
    return page(request, "switchover_programme.html", actor, done=switchover_view.DONE.get(done, ""), **facts)


@router.post("/programmes/{programme_id}/find")
async def find(request: Request, programme_id: UUID, session: Transaction, actor: Planner) -> Response:
    """Look for the units of a programme now."""
    await typed(request, "find")
    await api.find_units(programme_id, session, actor)
    return RedirectResponse(f"/switchover/programmes/{programme_id}?done=found", SEE_OTHER)


@router.post("/programmes/{programme_id}/waves")
async def add_wave(request: Request, programme_id: UUID, session: Transaction, actor: Planner) -> Response:
    """Add a wave."""
    form = await typed(request, "wave")
    return await acted(
        session,
        lambda: api.add_wave(programme_id, read(WaveIn, form.values, _WAVE), session, actor),
        lambda error: _again(request, session, actor, programme_id, form, error, "name"),
        f"/switchover/programmes/{programme_id}?done=wave",
    )


@router.post("/programmes/{programme_id}/assign")
async def assign(request: Request, programme_id: UUID, session: Transaction, actor: Planner) -> Response:
    """Put all units that the filters of the list leave into a wave, or out of theirs."""
    form = await typed(request, "assign")
    kept = urlencode({name: form.value(name) for name in (*_NARROWED, "wave") if form.value(name)})

    async def act() -> None:
        values: dict[str, Any] = {name: form.value(name) for name in _NARROWED}
        if form.value("wave") == "none":
            values["no_wave"] = True
        if not any(values.values()):
            raise FormError(Fault("wave_id", "Narrow the list first: a slip must not move a whole programme"))
        if form.value("wave_id") != "none":
            values["wave_id"] = form.value("wave_id") or "?"
        await api.assign_units(programme_id, read(AssignIn, values, _ASSIGN), session, actor)

    return await acted(
        session,
        act,
        lambda error: _again(request, session, actor, programme_id, form, error, "wave_id"),
        f"/switchover/programmes/{programme_id}?{kept.replace('wave=none', '')}&done=assigned",
    )


async def _again(
    request: Request, session: AsyncSession, actor: Actor, programme_id: UUID, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field, {f"body.{name}": name for name in (*_WAVE, *_ASSIGN)})
    asked = {name: str(form.value(name)) for name in (*_NARROWED, "wave")} if form.name == "assign" else {}
    facts = await _programme(session, actor, programme_id, asked, form.wrong(*faults))
    return page(request, "switchover_programme.html", actor, status, done="", **facts)


async def _councils(session: AsyncSession, actor: Actor) -> list[Any]:
    councils = await ModelRepository(session).councils()
    return [row for row in councils if not actor.councils or row.code in actor.councils]


async def _front(session: AsyncSession, actor: Actor, form: Form) -> dict[str, Any]:
    visits, today = VisitRepository(session, actor.councils), (await database_now(session)).astimezone(LONDON).date()
    return {
        "programmes": (await api.list_programmes(session, actor)).items,
        "due": await visits.count(VisitFilter(due=today)),
        "councils": await _councils(session, actor),
        "form": form,
        "pstn_ends": PSTN_ENDS,
        "words": switchover_view,
    }


async def _programme(
    session: AsyncSession, actor: Actor, programme_id: UUID, asked: dict[str, str], form: Form, at: int = 1
) -> dict[str, Any]:
    programmes = ProgrammeRepository(session, actor.councils)
    shown = await api.get_programme(programme_id, session, actor)
    waves = {str(each.id): each.id for each in shown.waves}
    known: dict[str, set[str]] = {
        "connection": {*Connection}, "tier": {*RiskTier}, "reason": {*ReasonKind}, "wave": {*waves, "none"},
        "state": {"no_visit", "done", "left", *map(str, VisitState)},
    }  # fmt: skip
    chosen = {name: asked.get(name, "") if asked.get(name, "") in values else "" for name, values in known.items()}
    chosen["council"] = council_code(asked.get("council", ""))
    wanted = UnitFilter(
        chosen["council"] or None, chosen["connection"] or None, waves.get(chosen["wave"]), chosen["wave"] == "none",
        chosen["tier"] or None, chosen["reason"] or None, chosen["state"] or None,
    )  # fmt: skip
    total = await programmes.count(programme_id, wanted)
    pages = max(1, -(-total // ON_A_PAGE))
    at = min(at, pages)
    found = await programmes.page(programme_id, wanted, None, ON_A_PAGE, (at - 1) * ON_A_PAGE)
    return {
        "programme": shown,
        "units": [show_unit(row) for row in found],
        "total": total,
        "at": at,
        "pages": pages,
        "chosen": chosen,
        "kept": urlencode({name: value for name, value in chosen.items() if value}),
        "narrows": [name for name in _NARROWED if chosen[name]] + ["wave"] * (chosen["wave"] == "none"),
        # What the list shows is what goes into the wave: a visit's state or a wave is no filter of that.
        "assignable": not chosen["state"] and chosen["wave"] in {"", "none"},
        "councils": [row for row in await ModelRepository(session).councils() if row.code in shown.councils],
        "reasons": [(str(each), str(each).replace("_", " ")) for each in ReasonKind],
        "states": [(each, switchover_view.state_words(each)) for each in ("no_visit", *map(str, VisitState), "done")],
        "words": switchover_view,
        "form": form,
    }
