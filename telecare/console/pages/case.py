"""The case: one alarm with everything needed to speak in the first three seconds."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.escalation.domain import (
    Acked,
    Attended,
    Closed,
    ContactAttempted,
    Escalated,
    Held,
    Holder,
    Input,
    Noted,
    Released,
    Renewed,
)
from alarms.escalation.outcomes import OUTCOMES, Needs
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.intake.repository import IntakeRepository
from devices.registry.homes import PersonRepository, PremisesRepository
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import ServicesDep, Transaction
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, NotFoundError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_ALARMS))]
SPANS = (("24 h", timedelta(hours=24)), ("7 days", timedelta(days=7)), ("90 days", timedelta(days=90)))


@router.get("/alarms/{alarm_id}")
async def case(request: Request, alarm_id: UUID, session: Transaction, actor: Viewer, refused: str = "") -> Response:
    """Show a case; that it was looked at is written to the audit."""
    alarm = await AlarmRepository(session).require(alarm_id, actor.councils)
    await AuditRepository(session).add(actor, "alarm_viewed", "alarm", alarm_id, alarm.council_id)
    return page(request, "case.html", actor, refused=refused[:500], **await _facts(session, actor, alarm))


@router.get("/alarms/{alarm_id}/live")
async def live(request: Request, alarm_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Give the parts of a case that change by themselves: its state and its log."""
    alarm = await AlarmRepository(session).require(alarm_id, actor.councils)
    log = await AlarmRepository(session).log_of(alarm_id)
    return page(request, "_case_live.html", actor, alarm=alarm, log=log, now=await database_now(session))


@router.post("/alarms/{alarm_id}/{command}")
async def command(
    request: Request, alarm_id: UUID, command: str, session: Transaction, services: ServicesDep, actor: Handler
) -> Response:
    """Take a command from a plain form; the scripts use the API, this is for when they do not run."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    as_of = int(form["as_of"]) if form.get("as_of", "").isdecimal() else None
    target = f"/alarms/{alarm_id}"
    try:
        await AlarmService(session, services.settings.public_url).command(
            alarm_id, _command(command, actor, form), councils=actor.councils, as_of=as_of
        )
    except ConflictError as error:
        return RedirectResponse(f"{target}?refused={quote(error.detail)}", 303)
    return RedirectResponse("/" if command == "close" else target, 303)


def _command(name: str, actor: Actor, form: dict[str, str]) -> Input:
    by = Holder(str(actor.id), actor.name)
    reason = form.get("reason", "")[:2000]
    commands: dict[str, Input] = {
        "ack": Acked(by, form.get("take_over") == "true"),
        "renew": Renewed(by),
        "release": Released(by, reason),
        "hold": Held(by, reason),
        "escalate": Escalated(by, reason),
        "attend": Attended(by, form.get("who", "")[:200] or "Somebody"),
        "note": Noted(by, form.get("text", "")[:2000]),
        "contact-attempt": ContactAttempted(by, form.get("contact", "")[:200], form.get("reached") == "true"),
        "close": Closed(
            by, form.get("outcome", ""), reason, form.get("voice_confirmed") == "true", actor.may(Permission.SUPERVISE)
        ),
    }
    if name not in commands:
        raise NotFoundError("There is no such command")
    return commands[name]


async def _facts(session: AsyncSession, actor: Actor, alarm: Alarm) -> dict[str, Any]:
    """Collect what the page shows of the alarm, the person, the home and the hub."""
    now = await database_now(session)
    alarms, people = AlarmRepository(session), PersonRepository(session, actor.councils)
    earlier = await alarms.page(
        actor.councils, handling=None, hub_id=alarm.hub_id, person_id=None, after=None, limit=500
    )
    try:
        hub = await HubRepository(session, actor.councils).require(alarm.hub_id)
    except NotFoundError:
        hub = None
    person = await people.require(alarm.person_id) if alarm.person_id else None
    return {
        "alarm": alarm,
        "log": await alarms.log_of(alarm.id),
        "now": now,
        "person": person,
        "contacts": await people.contacts(person.id) if person else [],
        "premises": (
            await PremisesRepository(session, actor.councils).require(alarm.premises_id) if alarm.premises_id else None
        ),
        "hub": hub,
        "proofs": await IntakeRepository(session).proofs_of(alarm.hub_id),
        "others": await alarms.others_of_case(alarm),
        "history": [(words, sum(now - other.raised_at <= span for other in earlier)) for words, span in SPANS],
        "outcomes": [outcome for outcome in OUTCOMES.values() if outcome.needs is not Needs.SYSTEM],
    }
