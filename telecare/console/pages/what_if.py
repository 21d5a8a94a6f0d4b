"""“What would happen?”: an alarm at a moment, by the policies as they are or by a draft, as a picture and a table."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.policy.document import Tier
from alarms.policy.schemas import SimulateIn, TimelineOut
from alarms.rota.wallclock import first_moment
from devices.registry.homes import PersonRepository
from devices.registry.models import Person
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Services, ServicesDep, Transaction
from telecare.api.endpoints.people import note_search
from telecare.api.endpoints.policies import simulate_policy
from telecare.console import policy_view
from telecare.console.forms import Fault, Form, FormError, read, refusal
from telecare.console.render import PageNeeds, page
from telecare.console.view import LONDON
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError, InvalidError, NotFoundError
from telecare.kernel.pure.jsonsafe import clean_text

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]


FOUND = 20
NOBODY = "nobody"
"""What the form says for nobody in particular, when people were found to choose from."""
PLACES = {"body.at": "day", "body.person_id": "person"}


class AskedIn(BaseModel):
    """What the form asks: local date and time in Europe/London."""

    type: Annotated[str, Field(max_length=64)]
    day: Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
    time: time
    minutes: Annotated[int, Field(ge=1, le=1440)]
    council: Annotated[str, Field(pattern=r"^S12[0-9]{6}$")] | None = None
    tier: Tier | None = None
    step: Annotated[int, Field(ge=1, le=50)] | None = None
    person: UUID | None = None

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
    "person": "Choose a person of the list",
}
SEARCH = ("who", "do")


@router.get("/policies/what-if")
async def what_if(request: Request, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Show what would happen by the policies as they are; the question stands in the address."""
    sent = {name: clean_text(value)[:100] for name, value in request.query_params.items() if name in (*WORDS, *SEARCH)}
    form, trial, choice = Form("what-if", sent), None, Choice()
    try:
        choice = await _choice(session, actor, form)
        form = await _filled(session, actor, form, choice)
        if form.values and not choice.asks:
            trial = await try_out(session, services, actor, form)
    except FormError as error:
        form = form.wrong(*error.faults)
    except (InvalidError, ForbiddenError) as error:
        form = form.wrong(*refusal(error, "type", PLACES))
    facts = await question_facts(session, actor, form, None)
    status = 422 if form.faults else 200
    shown = {"form": form, "trial": trial, "choice": choice, "words": policy_view}
    return page(request, "what_if.html", actor, status, **shown, **facts)


@dataclass(frozen=True)
class Choice:
    """Whose alarm it may be: the person who was chosen, or those who were found by name."""

    person: Person | None = None
    found: tuple[Person, ...] = ()
    more: bool = False

    @property
    def asks(self) -> bool:
        """Whether somebody must choose first."""
        return bool(self.found)


async def _choice(session: AsyncSession, actor: Actor, form: Form) -> Choice:
    """Return who was chosen or found, within the council of the form; FormError when nobody was."""
    who, chosen, council = (form.value(name).strip() for name in ("who", "person", "council"))
    if not actor.may(Permission.SEE_PEOPLE):
        return Choice()
    people = PersonRepository(session, actor.councils)
    if who and (form.value("do") == "find" or not chosen):
        found = await people.page(who, council or None, None, FOUND + 1)
        await note_search(session, actor, who, council or None, min(len(found), FOUND))
        if not found:
            raise FormError(Fault("who", "Nobody of this council has this name: write another, or leave it empty"))
        return Choice(found=tuple(found[:FOUND]), more=len(found) > FOUND)
    if chosen in ("", NOBODY):
        return Choice()
    try:
        return Choice(await people.require(UUID(chosen)))
    except (ValueError, NotFoundError) as error:
        raise FormError(Fault("person", WORDS["person"])) from error


async def _filled(session: AsyncSession, actor: Actor, form: Form, choice: Choice) -> Form:
    """Return the form with what follows from the person; a link that names nobody but them asks about this moment."""
    values = {name: value for name, value in form.values.items() if name not in SEARCH}
    if choice.asks:
        return Form(form.name, dict(form.values))
    if choice.person is None:
        return Form(form.name, {name: value for name, value in values.items() if (name, value) != ("person", NOBODY)})
    if values.keys() == {"person"}:
        facts = await question_facts(session, actor, form, choice.person.council_id)
        values = {**facts["question"], **values}
    return Form(form.name, {**values, "council": values.get("council") or choice.person.council_id})


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
        person_id=asked.person,
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
