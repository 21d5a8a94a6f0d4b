"""The forecast of a programme in sentences and as a burn-down; what it takes, and what if it were otherwise."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from devices.registry.councils import COUNCILS
from devices.switchover.forecast.repository import ForecastRepository
from devices.switchover.forecast.schemas import ForecastOut, ForecastQuestion
from devices.switchover.forecast.service import RATE_WORDS, working_days
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.programmes.repository import ProgrammeRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.forecast import get_forecast
from telecare.console import forecast_picture
from telecare.console.forms import Fault
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page

router = APIRouter(prefix="/switchover/forecast")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Text = Annotated[str, Query(max_length=1000)]
NOBODY_IN = RATE_WORDS[1]
MOST_SATURDAYS = 12
"""So many are offered to tick; a forecast of a year has more."""


@router.get("")
async def burn_down(
    request: Request,
    session: Transaction,
    actor: Viewer,
    programme: Text = "",
    wave: Text = "",
    council: Text = "",
    of: Text = "",
    engineers: Text = "",
    pace: Text = "",
    no_access: Text = "",
    days_off: Text = "",
    saturday: Annotated[list[str] | None, Query(max_length=60)] = None,
) -> Response:
    """Show a forecast as it is and, when something is asked for, as it would be; the question is in the address."""
    every = await ForecastRepository(session, actor.councils).programmes()
    named = next((each for each in every if str(each.id) == programme), every[0] if every else None)
    if named is None:
        return page(request, "forecast.html", actor, programmes=[], found=None, faults=[])
    seen = [code for code in named.councils if actor.sees(code)]
    code = council_code(council)
    code = code if code in seen else seen[0] if len(seen) == 1 else ""
    waves = await ProgrammeRepository(session, actor.councils).waves([named.id])
    chosen = next((each.id for each in waves if str(each.id) == wave), None)
    plain = ForecastQuestion(programme=named.id, wave=chosen, council=code or None)
    base = await get_forecast(plain, session, actor)
    typed = {"engineers": engineers, "pace": pace, "no_access": no_access, "days_off": days_off}
    if of and of != _of(base):
        # The sliders stand where they stood for other homes: nobody has asked for that.
        typed |= {"engineers": "", "pace": "", "no_access": ""}
    asked, faults = _asked(plain, base, typed, saturday or [])
    found = await get_forecast(asked, session, actor) if asked.supposes else base
    local = await PlanningRepository(session).local_holidays(seen)
    idle = working_days(plain, local).idle_saturdays(base.bands[0].day, base.until)
    return page(
        request,
        "forecast.html",
        actor,
        422 if faults else 200,
        programmes=every,
        waves=waves,
        councils=[(each, COUNCILS.get(each, each)) for each in seen],
        found=found,
        of=_of(found),
        base=base,
        asked=asked,
        faults=faults,
        sliders=_sliders(base, asked),
        days_off=days_off,
        saturdays=idle[:MOST_SATURDAYS],
        picture=forecast_picture.picture(found.bands, named.deadline, base.bands if asked.supposes else ()),
        weekly=forecast_picture.weekly(found.bands),
        whole=not code,
    )


def _of(found: ForecastOut) -> str:
    """Return what names the homes of a forecast."""
    return f"{found.programme_id}/{found.wave_id or ''}/{found.council_id or ''}"


def _asked(
    plain: ForecastQuestion, base: ForecastOut, typed: dict[str, str], saturdays: list[str]
) -> tuple[ForecastQuestion, list[Fault]]:
    """Return what is asked for that is not so, and what of it cannot be read."""
    now = {"engineers": base.engineers, "pace": base.pace, "no_access": _percent(base)}
    values: dict[str, Any] = plain.model_dump()
    faults: list[Fault] = []
    for name, at_present in now.items():
        text = typed[name].strip()
        if not text:
            continue
        try:
            number = float(text)
        except ValueError:
            faults.append(Fault(name, f"“{text}” is no number"))
            continue
        if number != at_present:
            values[name] = number / 100 if name == "no_access" else number
    values["days_off"] = _days(typed["days_off"], "days_off", faults)
    values["saturdays"] = _days(" ".join(saturdays), "saturday", faults)
    try:
        return ForecastQuestion.model_validate(values), faults
    except ValidationError as error:
        found = [Fault(str(fault["loc"][0]), fault["msg"]) for fault in error.errors()]
        return plain, [*faults, *found]


def _days(text: str, field: str, faults: list[Fault]) -> list[date]:
    found = []
    for word in re.split(r"[\s,;]+", text.strip()):
        try:
            found += [date.fromisoformat(word)] if word else []
        except ValueError:
            faults.append(Fault(field, f"“{word}” is no day: write it as 2026-12-24, several with commas"))
    return found


def _percent(found: ForecastOut) -> float:
    return float(round(100 * next(rate.middle for rate in found.rates if rate.name == NOBODY_IN)))


def _sliders(base: ForecastOut, asked: ForecastQuestion) -> list[dict[str, Any]]:
    """Return the sliders: name, words, ends, step, value now, and how it is at present."""
    nobody_in = None if asked.no_access is None else round(100 * asked.no_access)
    return [
        _slider(
            "engineers", "Engineers a day", (0, max(12.0, 3 * base.engineers), 0.5), asked.engineers, base.engineers
        ),
        _slider("pace", "Visits by engineer and day", (0.5, 10, 0.1), asked.pace, base.pace),
        _slider("no_access", "Nobody in at the first visit, %", (0, 60, 1), nobody_in, _percent(base)),
    ]


def _slider(
    name: str, words: str, scale: tuple[float, float, float], asked: float | None, now: float
) -> dict[str, Any]:
    low, high, step = scale
    value = now if asked is None else asked
    return {
        "name": name, "words": words, "low": f"{low:g}", "high": f"{high:g}", "step": f"{step:g}",
        "value": f"{value:g}", "now": f"{now:g}",
    }  # fmt: skip
