"""Who visits homes: from where, when, with which skills and what in the van; and who of them is away."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import ModelRepository
from devices.switchover.planning.schemas import WORK_WEEK, AwayIn, EngineerIn
from telecare.access.domain import Actor, Permission
from telecare.access.repository import UserRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_engineers as api
from telecare.console import plan_view
from telecare.console.acting import SEE_OTHER, acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, check_sure, read, refused, typed
from telecare.console.pages.needs import DAYS, minute_of
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/switchover/engineers")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Planner = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
USUAL = {
    "council_id": "",
    "base_latitude": "",
    "base_longitude": "",
    "weekdays": WORK_WEEK,
    "starts_at": 510,
    "ends_at": 990,
    "skills": (),
    "van": {"hub": 8},
}
"""What the form for somebody new holds before anything is typed."""
_WORDS = {
    "base_latitude": "Give the latitude of where their day begins, such as 56.2",
    "base_longitude": "Give the longitude of where their day begins, such as -3.1",
    "council_id": "Choose the council",
    "weekdays": "Tick the days of the week on which they work",
    "starts_at": "Give the time at which they begin: 08:30",
    "ends_at": "Give a time after the one at which they begin: 16:30",
    "skills": "Write at most 30 skills, with commas between them",
    "van": "Write what the van holds, an item and its number: hub 8, key safe 2",
}
_AWAY = {
    "first_on": "Give the first day",
    "last_on": "Give the last day, from the first one on",
    "from_minute": "Give the time of the first day from which they are away: 13:00",
    "reason": "Say why, in 3 to 500 characters",
    "council_id": "Choose the council",
}
_DONE = {
    "saved": "It is written down. Plans that are made from now on follow it; one that is there already is not changed.",
    "removed": "They visit homes of this council no more. What is booked for them stays booked.",
    "away": "The absence is written down. A plan of these days is made anew; nothing moves before you book its days.",
    "back": "The absence is taken back. Plans that were made stay as they are.",
}


@router.get("")
async def engineers(request: Request, session: Transaction, actor: Viewer, done: str = "") -> Response:
    """Show who visits homes, each with a form for those who plan."""
    return page(request, "switchover_engineers.html", actor, **await _facts(session, actor, NOTHING, done))


@router.post("/save")
async def save(request: Request, session: Transaction, actor: Planner) -> Response:
    """Say how somebody works."""
    form = _named(await typed(request))

    async def put() -> None:
        await api.put_engineer(_user(form), _profile(form), session, actor)

    return await acted(
        session, put, lambda error: _again(request, session, actor, form, error), "/switchover/engineers?done=saved"
    )


@router.post("/remove")
async def remove(request: Request, session: Transaction, actor: Planner) -> Response:
    """Say that somebody visits homes of a council no more."""
    form = _named(await typed(request))

    async def take() -> None:
        check_sure(form)
        await api.remove_engineer(_user(form), form.value("council_id"), session, actor)

    return await acted(
        session, take, lambda error: _again(request, session, actor, form, error), "/switchover/engineers?done=removed"
    )


@router.post("/away")
async def away(request: Request, session: Transaction, actor: Planner) -> Response:
    """Write down that somebody is away."""
    form = _named(await typed(request))

    async def note() -> None:
        given = {name: form.value(name) for name in _AWAY}
        begins = minute_of(form.value("from_minute")) if form.value("from_minute") else 0
        if begins is None:
            raise FormError(Fault("from_minute", _AWAY["from_minute"]))
        given |= {"from_minute": begins, "last_on": form.value("last_on") or form.value("first_on")}
        await api.note_absence(_user(form), read(AwayIn, given, _AWAY), session, actor)

    return await acted(
        session, note, lambda error: _again(request, session, actor, form, error), "/switchover/engineers?done=away"
    )


@router.post("/absences/{absence_id}/remove")
async def back(absence_id: UUID, session: Transaction, actor: Planner) -> Response:
    """Take back that somebody is away."""
    await api.remove_absence(absence_id, session, actor)
    return RedirectResponse("/switchover/engineers?done=back", SEE_OTHER)


def _named(form: Form) -> Form:
    """Return a form under the name of whom it is about: the page has one for each."""
    known = form.value("known")
    return Form(f"{form.value('engineer')}-{form.value('council_id')}" if known else "new", form.values)


def _user(form: Form) -> UUID:
    try:
        return UUID(form.value("engineer"))
    except ValueError as error:
        raise FormError(Fault("engineer", "Choose who it is")) from error


def _profile(form: Form) -> EngineerIn:
    """Return what was typed of how somebody works, or raise FormError with what is wrong where."""
    faults: list[Fault] = []
    values: dict[str, Any] = {name: form.value(name) for name in ("council_id", "base_latitude", "base_longitude")}
    for name in ("starts_at", "ends_at"):
        values[name] = minute_of(form.value(name))
        if values[name] is None:
            faults.append(Fault(name, _WORDS[name]))
    values["weekdays"] = [day for day in range(7) if form.value(f"day{day}")]
    values["skills"] = _listed(form.value("skills"))
    values["van"] = {}
    for written in _listed(form.value("van")):
        item, _, count = written.rpartition(" ")
        if not item or not count.isdecimal():
            faults.append(Fault("van", _WORDS["van"]))
            break
        values["van"][item.strip()] = count
    if not values["weekdays"]:
        faults.append(Fault("weekdays", _WORDS["weekdays"]))
    if not faults and values["ends_at"] <= values["starts_at"]:
        faults.append(Fault("ends_at", _WORDS["ends_at"]))
    if faults:
        raise FormError(*faults)
    return read(EngineerIn, values, _WORDS)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


async def _again(request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception) -> Response:
    """Show the page again with what was typed and why it was refused."""
    names = {"path.user_id": "engineer"} | {f"body.{name}": name for name in (*_WORDS, *_AWAY)}
    status, faults = refused(error, "base_latitude", names)
    facts = await _facts(session, actor, form.wrong(*faults), "")
    return page(request, "switchover_engineers.html", actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, form: Form, done: str) -> dict[str, Any]:
    plans = actor.may(Permission.SUPERVISE)
    councils = await ModelRepository(session).councils()
    people = await UserRepository(session).engineers() if plans else []
    return {
        "engineers": (await api.list_engineers(session, actor)).items,
        "absences": (await api.list_absences(session, actor)).items if plans else [],
        "people": [(each.id, each.display_name) for each in people if _visits_for(actor, each.councils)],
        "councils": [(each.code, each.name) for each in councils if actor.sees(each.code)],
        "usual": USUAL,
        "days": DAYS,
        "plans": plans,
        "form": form,
        "done": _DONE.get(done, ""),
        "clock": plan_view.clock,
    }


def _visits_for(actor: Actor, councils: list[str]) -> bool:
    """Say whether somebody visits homes of a council of the actor's."""
    return not actor.councils or not councils or not actor.councils.isdisjoint(councils)
