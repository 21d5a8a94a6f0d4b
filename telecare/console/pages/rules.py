"""What binds all visits of a council, entered: when lines end, holidays, days without swaps, the store, ferries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.registry.repository import ModelRepository
from devices.switchover.planning.schemas import FerryIn, Freeze, ModelFaults, RulesIn, RulesOut, StockIn
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_engineers as api
from telecare.console import plan_view
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.pages.needs import minute_of
from telecare.console.render import PageNeeds, page
from telecare.kernel.errors import NotFoundError

router = APIRouter(prefix="/switchover/rules")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Planner = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Chosen = Annotated[str, Query(max_length=9, description="the council's code; left out: the first that one sees")]

SPARE = 2
"""So many empty entries are offered below those that are filled in; one that is emptied is taken away."""


@dataclass(frozen=True)
class Kind:
    """A list of entries: its schema, what each field must be, and how many there can be."""

    schema: type[BaseModel]
    words: Mapping[str, str]
    most: int


KINDS = {
    "freezes": Kind(
        Freeze,
        {
            "start": "Give the first day without swaps",
            "end": "Give the last day without swaps",
            "why": "Say in one line why",
            "area": "Write a postcode district, such as IV27, or leave it empty",
            "island": "Write the island's name, or leave it empty",
            "item": "Write the item that is not to be fitted, or leave it empty",
        },
        200,
    ),
    "stock": Kind(
        StockIn,
        {
            "item": "Write what comes into the store, such as hub",
            "on": "Give the day on which it comes",
            "quantity": "Write how many come, up to 10,000",
        },
        500,
    ),
    "models": Kind(
        ModelFaults,
        {
            "model": "Write make and model as the register has them",
            "percent": "Write how many calls of a hundred fail, above 0 and up to 100",
            "why": "Say in one line who says so",
        },
        100,
    ),
    "ferries": Kind(
        FerryIn,
        {
            "island": "Write the island's name",
            "areas": "Write the postcode districts on it, with commas between: KA27, KA28",
            "port_latitude": "Give the latitude of the port on this side, such as 55.64",
            "port_longitude": "Give the longitude of the port on this side, such as -4.82",
            "landing_latitude": "Give the latitude of the landing on the island",
            "landing_longitude": "Give the longitude of the landing on the island",
            "out": "Write when ferries leave for the island, with commas between: 07:00, 09:45",
            "back": "Write when ferries leave the island, with commas between: 08:20, 16:40",
            "minutes": "Write how many minutes the crossing takes, 1 to 600",
        },
        50,
    ),
}
_WORDS = {
    "lines_end_on": "Give the day on which analogue lines end, or leave it empty",
    "margin_days": "Write 0 to 60 days",
    "undo_minutes": "Write 0 to 240 minutes",
    "before_holiday_minutes": "Write 0 to 600 minutes",
    "metres_a_minute": "Write how many metres a van makes in a minute, 50 to 2,000",
    "local_holidays": "Write at most 100 days, with commas between: 2027-04-19, 2027-05-24",
}
_MODELS = {"models": "models1_model"}
"""Where a model is named that nobody knows."""
_LISTED, _TIMES = ("areas",), ("out", "back")


@router.get("")
async def rules(
    request: Request, session: Transaction, actor: Viewer, council: Chosen = "", done: str = ""
) -> Response:
    """Show what binds the visits of a council, as a form for those who plan."""
    facts = await _facts(session, actor, council, NOTHING)
    return page(request, "switchover_rules.html", actor, done=done == "saved", **facts)


@router.post("")
async def save(request: Request, session: Transaction, actor: Planner) -> Response:
    """Write down what binds the visits of a council."""
    form = await typed(request, "rules")
    council = form.value("council")

    async def again(error: Exception) -> Response:
        places = {f"body.{name}": f"{name}1_{next(iter(kind.words))}" for name, kind in KINDS.items()}
        status, faults = refused(error, "margin_days", places | {f"body.{name}": name for name in _WORDS} | _MODELS)
        facts = await _facts(session, actor, council, form.wrong(*faults))
        return page(request, "switchover_rules.html", actor, status, done=False, **facts)

    async def put() -> None:
        known = _one_of(await _councils(session, actor), council)
        await api.put_rules(known, _read(form), session, actor)

    return await acted(session, put, again, f"/switchover/rules?council={council}&done=saved")


def _read(form: Form) -> RulesIn:
    """Return what was typed, or raise FormError with what is wrong in which entry."""
    faults: list[Fault] = []
    given: dict[str, Any] = {name: form.value(name) for name in _WORDS if form.value(name)}
    given["local_holidays"] = _listed(form.value("local_holidays"))
    try:
        # An empty end of the lines is one that never comes, and no field that was left out.
        simple = read(RulesIn, given, _WORDS)
        if not form.value("lines_end_on"):
            simple = simple.model_copy(update={"lines_end_on": None})
    except FormError as error:
        faults += error.faults
    lists = {name: _entries(form, name, kind, faults) for name, kind in KINDS.items()}
    if faults:
        raise FormError(*faults)
    return simple.model_copy(update=lists)


def _entries(form: Form, name: str, kind: Kind, faults: list[Fault]) -> tuple[BaseModel, ...]:
    """Return the filled-in entries of a list; what is wrong with one is a fault at its own field."""
    found = []
    for number in range(1, kind.most + 1):
        start = f"{name}{number}_"
        given = {each: form.value(start + each).strip() for each in kind.words}
        if not any(given.values()):
            continue
        try:
            values = {each: _value(each, text) for each, text in given.items()}
            found.append(read(kind.schema, values, kind.words))
        except FormError as error:
            faults += [Fault(start + fault.field, fault.words) for fault in error.faults]
    return tuple(found)


def _value(name: str, text: str) -> Any:
    """Return what was typed as the schema takes it; a time that is none as one that it refuses."""
    if name in _TIMES:
        times = [minute_of(each) for each in _listed(text)]
        return [-1 if each is None else each for each in times]
    return _listed(text) if name in _LISTED else text


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


async def _councils(session: AsyncSession, actor: Actor) -> list[tuple[str, str]]:
    return [(each.code, each.name) for each in await ModelRepository(session).councils() if actor.sees(each.code)]


def _one_of(seen: Sequence[tuple[str, str]], council: str) -> str:
    """Return the code of a council that somebody sees, the first one for none."""
    chosen = next((code for code, _ in seen if council in {"", code}), None)
    if chosen is None:
        raise NotFoundError(f"There is no council {council} of yours")
    return chosen


async def _facts(session: AsyncSession, actor: Actor, council: str, form: Form) -> dict[str, Any]:
    seen = await _councils(session, actor)
    chosen = _one_of(seen, council)
    said = await api.get_rules(chosen, session, actor)
    return {
        "rules": said,
        "councils": seen,
        "council": chosen,
        "holidays": ", ".join(day.isoformat() for day in said.local_holidays),
        "lists": {name: _lines(said, form, name, kind) for name, kind in KINDS.items()},
        "form": form,
        "plans": actor.may(Permission.SUPERVISE),
    }


def _lines(said: RulesOut, form: Form, name: str, kind: Kind) -> list[dict[str, str]]:
    """Return the entries of a list as they are shown: what was typed, else what is kept, and some empty ones."""
    kept: Sequence[BaseModel] = getattr(said, name)
    there = max((n for n in range(1, kind.most + 1) if _any(form, f"{name}{n}_", kind)), default=0)
    shown = min(kind.most, (there if form.values else len(kept)) + SPARE)
    return [
        {each: _text(each, getattr(kept[number], each)) if number < len(kept) else "" for each in kind.words}
        for number in range(shown)
    ]


def _any(form: Form, start: str, kind: Kind) -> bool:
    return any(form.value(start + each) for each in kind.words)


def _text(name: str, value: Any) -> str:
    """Return a value as it is typed."""
    if name in _TIMES:
        return ", ".join(plan_view.clock(minute) for minute in value)
    if isinstance(value, list | tuple):
        return ", ".join(value)
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
