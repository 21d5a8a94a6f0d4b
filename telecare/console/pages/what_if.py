"""“What would happen?”: an alarm at a moment, by the policies as they are or by a draft, as a picture and a table."""

from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.policy.document import Tier
from alarms.policy.schemas import SimulateIn, TimelineOut
from alarms.rota.wallclock import first_moment
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Services, ServicesDep, Transaction
from telecare.api.endpoints.policies import simulate_policy
from telecare.console import policy_view
from telecare.console.forms import Form, FormError, read, refusal
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError, InvalidError
from telecare.kernel.pure.jsonsafe import clean_text

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]


class AskedIn(BaseModel):
    """What the form asks: local date and time in Europe/London."""

    type: Annotated[str, Field(max_length=64)]
    day: Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
    time: time
    minutes: Annotated[int, Field(ge=1, le=1440)]
    council: Annotated[str, Field(pattern=r"^S12[0-9]{6}$")] | None = None
    tier: Tier | None = None
    step: Annotated[int, Field(ge=1, le=50)] | None = None

    def moment(self) -> datetime:
        """Return the moment that the wall clock means."""
        return first_moment(datetime.combine(self.day, self.time.replace(tzinfo=None)), LONDON)


WORDS = {
    "type": "Choose a type of alarm",
    "day": "Write a date, such as 2027-01-03",
    "time": "Write a time, such as 03:12",
    "minutes": "Look ahead from 1 to 1,440 minutes",
    "council": "Choose a council of the list",
    "tier": "Choose a risk tier of the list",
    "step": "Say a step from 1 to 50, or leave it empty",
}


@router.get("/policies/what-if")
async def what_if(request: Request, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Show what would happen by the policies as they are; the question stands in the address."""
    asked = {name: clean_text(value)[:100] for name, value in request.query_params.items() if name in WORDS}
    form, trial = Form("what-if", asked), None
    try:
        trial = await try_out(session, services, actor, form) if asked else None
    except FormError as error:
        form = form.wrong(*error.faults)
    except (InvalidError, ForbiddenError) as error:
        form = form.wrong(*refusal(error, "type", {"body.at": "day"}))
    facts = await question_facts(session, actor, form, None)
    return page(
        request, "what_if.html", actor, 422 if form.faults else 200, form=form, trial=trial, words=policy_view, **facts
    )


async def try_out(
    session: AsyncSession, services: Services, actor: Actor, form: Form, text: str | None = None
) -> TimelineOut:
    """Return the timeline that a form asks for, of a draft when there is a text; FormError for what cannot be asked."""
    asked = read(AskedIn, {name: form.value(name) for name in WORDS}, WORDS)
    body = SimulateIn(
        text=text,
        type=asked.type,
        at=asked.moment(),
        council_id=asked.council,
        tier=asked.tier,
        answered_at_step=asked.step,
        minutes=asked.minutes,
    )
    return await simulate_policy(body, session, services, actor)


async def question_facts(session: AsyncSession, actor: Actor, form: Form, council: str | None) -> dict[str, Any]:
    """Return what the form of a question offers, and what it holds before anybody has typed."""
    now = (await database_now(session)).astimezone(LONDON)
    whole = (*sorted(actor.councils), None)[0] if council is None else council
    usual = {
        "type": "pendant",
        "council": whole or "",
        "day": f"{now:%Y-%m-%d}",
        "time": f"{now:%H:%M}",
        "minutes": "60",
        "tier": "",
        "step": "",
    }
    listed = await ModelRepository(session).councils()
    return {
        "question": {name: form.value(name, otherwise) for name, otherwise in usual.items()},
        "types": policy_view.types(),
        "councils": [row for row in listed if not actor.councils or row.code in actor.councils],
        "now": now,
    }
