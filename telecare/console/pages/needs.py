"""What binds the visits of a home, entered: who must be there, how long it takes, when it can and cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.registry.homes import PremisesRepository
from devices.switchover.planning.schemas import NeedIn, NeedOut, Span
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import visit_needs as api
from telecare.console.acting import acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/switchover/homes")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Swapper = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SPARE = 2
"""So many empty lines are offered below those that are filled in."""
MOST = 20
_WORDS = {
    "people": "Say whether one or two people must be there",
    "minutes": "Give 10 to 480 minutes, or leave it empty for the usual",
    "skills": "Write at most 30 skills, with commas between them",
    "open": "Write the hours in which the household is there",
    "busy": "Write the hours in which nobody can come",
}


@router.get("/{premises_id}/needs")
async def needs(request: Request, premises_id: UUID, session: Transaction, actor: Viewer, done: str = "") -> Response:
    """Show what binds the visits of a home, as a form."""
    facts = await _facts(session, actor, premises_id, NOTHING)
    return page(request, "switchover_needs.html", actor, done=done == "saved", **facts)


@router.post("/{premises_id}/needs")
async def save(request: Request, premises_id: UUID, session: Transaction, actor: Swapper) -> Response:
    """Write down what binds the visits of a home."""
    form = await typed(request, "needs")

    async def again(error: Exception) -> Response:
        places = {f"body.{name}": f"{name}1_from" if name in {"open", "busy"} else name for name in _WORDS}
        status, faults = refused(error, "people", places)
        facts = await _facts(session, actor, premises_id, form.wrong(*faults))
        return page(request, "switchover_needs.html", actor, status, done=False, **facts)

    return await acted(
        session,
        lambda: api.put_needs(premises_id, _read(form), session, actor),
        again,
        f"/switchover/homes/{premises_id}/needs?done=saved",
    )


def _read(form: Form) -> NeedIn:
    """Return what was typed, or raise FormError with what is wrong in which line."""
    faults: list[Fault] = []
    spans = {name: list(_spans(form.values, name, faults)) for name in ("open", "busy")}
    if faults:
        raise FormError(*faults)
    skills = [skill.strip() for skill in form.value("skills").split(",") if skill.strip()]
    values = {"people": form.value("people"), "minutes": form.value("minutes"), "skills": skills, **spans}
    return read(NeedIn, values, _WORDS)


def _spans(values: Mapping[str, str], name: str, faults: list[Fault]) -> Iterator[dict[str, Any]]:
    """Yield the filled-in lines of one kind; a line that cannot be read is a fault at its own place."""
    for number in range(1, MOST + 1):
        line = f"{name}{number}_"
        given = [values.get(f"{line}{end}", "") for end in ("from", "until")]
        days = [day for day in range(7) if values.get(f"{line}{day}")]
        why = values.get(f"{line}why", "").strip()
        if not any(given) and not days and not why:
            continue
        start, end = (minute_of(text) for text in given)
        if start is None or end is None:
            faults.append(Fault(f"{line}{'from' if start is None else 'until'}", "Give from when until when: 09:15"))
        elif (end or 24 * 60) <= start:
            faults.append(Fault(f"{line}until", "The end must be after the start; 00:00 is the end of the day"))
        elif not days:
            faults.append(Fault(f"{line}0", "Tick the days of the week"))
        else:
            yield {"start": start, "end": end or 24 * 60, "weekdays": days, "why": why or None}


def minute_of(text: str) -> int | None:
    """Return the minutes since midnight of 09:15, None for what is no time."""
    hour, _, minute = text.partition(":")
    if not (hour.isdecimal() and minute[:2].isdecimal()) or int(hour) > 23 or int(minute[:2]) > 59:  # noqa: PLR2004
        return None
    return int(hour) * 60 + int(minute[:2])


async def _facts(session: AsyncSession, actor: Actor, premises_id: UUID, form: Form) -> dict[str, Any]:
    need = await api.get_needs(premises_id, session, actor)
    return {
        "need": need,
        "premises": await PremisesRepository(session, actor.councils).require(premises_id),
        "lines": {name: _lines(need, form, name) for name in ("open", "busy")},
        "days": DAYS,
        "form": form,
    }


def _lines(need: NeedOut, form: Form, name: str) -> list[dict[str, Any]]:
    """Return the lines of one kind as they are shown: what was typed, else what is kept, and some empty ones."""
    kept: Sequence[Span] = getattr(need, name)
    typed_in = max((n for n in range(1, MOST + 1) if form.value(f"{name}{n}_from")), default=0) if form.values else 0
    shown = min(MOST, max(len(kept), typed_in) + SPARE)
    lines = []
    for number in range(1, shown + 1):
        span = kept[number - 1] if number <= len(kept) and not form.values else None
        line = f"{name}{number}_"
        days = set(span.weekdays) if span else {day for day in range(7) if form.value(f"{line}{day}")}
        end = span.end % (24 * 60) if span else 0
        lines.append(
            {
                "name": line,
                "from": f"{span.start // 60:02d}:{span.start % 60:02d}" if span else "",
                "until": f"{end // 60:02d}:{end % 60:02d}" if span else "",
                "why": (span.why or "") if span else "",
                "days": days,
            }
        )
    return lines
