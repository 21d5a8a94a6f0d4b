"""The case: one alarm with everything needed to speak in the first three seconds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.escalation.domain import Holder, Party
from alarms.escalation.outcomes import OUTCOMES, Needs
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.intake.repository import IntakeRepository
from alarms.responders.repository import ResponderRepository
from devices.jobs.repository import JobFilter, JobRepository
from devices.registry.homes import PersonRepository, PremisesRepository
from devices.registry.repository import HubRepository
from devices.registry.service import RegistryService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import ServicesDep, Transaction
from telecare.console import case_view, protection_view
from telecare.console.case_commands import command as read_command
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError, ProblemError
from telecare.kernel.outbox import OutboxRepository
from telecare.protection.report_repository import ProtectionReports
from telecare.protection.schemas import StandingOut

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.HANDLE_ALARMS))]
Revealer = Annotated[Actor, Depends(PageNeeds(Permission.REVEAL_KEY_SAFE))]
MESSAGES = 200
"""How many of an alarm's messages are looked through for the last one to each address."""
SHOWN_S = 60
"""A key-safe code is shown for so long."""


@router.get("/alarms/{alarm_id}")
async def case(request: Request, alarm_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Show a case; that it was looked at is written to the audit."""
    alarm = await AlarmRepository(session).require(alarm_id, actor.sight)
    await AuditRepository(session).add(actor, "alarm_viewed", "alarm", alarm_id, alarm.council_id)
    return page(request, "case.html", actor, **await _facts(session, actor, alarm))


@router.get("/alarms/{alarm_id}/live")
async def live(request: Request, alarm_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Give the case as it is now, for a page that shows it already; audited too, as anybody can ask for it alone."""
    alarm = await AlarmRepository(session).require(alarm_id, actor.sight)
    await AuditRepository(session).add(actor, "alarm_viewed", "alarm", alarm_id, alarm.council_id)
    return page(request, "_case.html", actor, **await _facts(session, actor, alarm))


@router.post("/alarms/{alarm_id}/key-safe")
async def key_safe(
    request: Request,
    alarm_id: UUID,
    session: Transaction,
    services: ServicesDep,
    actor: Revealer,
    reason: Annotated[str, Form(min_length=3, max_length=500)],
) -> Response:
    """Show the code of the key safe for a minute where no script can hide it; who asked and why is kept."""
    alarm = await AlarmRepository(session).require(alarm_id, actor.sight)
    if alarm.premises_id is None:
        raise NotFoundError("This alarm has no premises")
    registry = RegistryService(session, _scope(actor, alarm))
    premises, code = await registry.open_key_safe(services.sealer, alarm.premises_id)
    await AuditRepository(session).add(actor, "key_safe_revealed", "premises", premises.id, premises.council_id, reason)
    return page(request, "key_safe.html", actor, alarm=alarm, premises=premises, code=code, seconds=SHOWN_S)


@router.post("/alarms/{alarm_id}/{command}")
async def command(
    request: Request, alarm_id: UUID, command: str, session: Transaction, services: ServicesDep, actor: Handler
) -> Response:
    """Take a command from a plain form; the scripts use the API, this is for when they do not run."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    service = AlarmService(session, services.settings.public_url)
    try:
        if command == "reroute":
            by, as_of = (
                Holder(str(actor.id), actor.name),
                int(form["as_of"]) if form.get("as_of", "").isdecimal() else 0,
            )
            await service.reroute_as_of(alarm_id, by, councils=actor.sight, as_of=as_of)
            return RedirectResponse(f"/alarms/{alarm_id}", 303)
        given = read_command(command, actor, form)
        await service.command(alarm_id, given.event, councils=actor.sight, as_of=given.as_of)
    except (ConflictError, InvalidError) as refused:
        # Nothing was changed. The page comes back with what was typed and the words of the rule.
        alarm = await AlarmRepository(session).require(alarm_id, actor.sight)
        facts = await _facts(session, actor, alarm, refused, form)
        return page(request, "case.html", actor, refused.status, **facts)
    return RedirectResponse("/" if command == "close" else f"/alarms/{alarm_id}", 303)


async def _facts(
    session: AsyncSession,
    actor: Actor,
    alarm: Alarm,
    refused: ProblemError | None = None,
    typed: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Collect what the page shows of the alarm, the person, the home and the hub."""
    scope = _scope(actor, alarm)
    alarms, people = AlarmRepository(session), PersonRepository(session, scope)
    seq = await alarms.board_seq()
    now = await database_now(session)
    log = await alarms.log_of(alarm.id)
    before = await alarms.last_closed(alarm)
    try:
        hub = await HubRepository(session, scope).require(alarm.hub_id)
    except NotFoundError:
        hub = None
    person = await people.require(alarm.person_id) if alarm.person_id else None
    premises = None
    if alarm.premises_id:
        premises = await PremisesRepository(session, scope).require(alarm.premises_id)
    return {
        "alarm": alarm,
        "own": actor.sees(alarm.council_id),
        "seq": seq,
        "now": now,
        "hold": _hold(alarm, actor),
        "log": log,
        "ladder": case_view.ladder(alarm),
        "pinned": case_view.pinned(alarm),
        "newer": await AlarmService(session).newer_ladder(alarm) if case_view.pinned(alarm) else None,
        "going": case_view.going(alarm),
        "told": case_view.told(await OutboxRepository(session).of_subject(alarm.id, MESSAGES)),
        "to_come": case_view.to_come(alarm, await _ways(session, alarm, now)),
        "person": person,
        "contacts": await people.contacts(person.id) if person else [],
        "tried": case_view.tried(log),
        "premises": premises,
        "hub": hub,
        "proofs": await IntakeRepository(session).proofs_of(alarm.hub_id),
        "standing": await _standing(session, scope, alarm),
        "protected": protection_view,
        "jobs": await JobRepository(session, scope).count(JobFilter(hub_id=alarm.hub_id, done=False), now),
        "others": await alarms.others_of_case(alarm),
        "history": case_view.history(alarm, await alarms.history_of_hub(alarm.hub_id, actor.sight)),
        "before": before,
        "before_note": case_view.last_note(await alarms.log_of(before.id)) if before else None,
        "outcomes": [
            outcome
            for outcome in OUTCOMES.values()
            if outcome.needs is not Needs.SYSTEM
            and (outcome.needs is not Needs.SUPERVISOR or actor.may(Permission.SUPERVISE))
        ],
        "refused": refused,
        "typed": typed or {},
    }


async def _standing(session: AsyncSession, scope: frozenset[str], alarm: Alarm) -> StandingOut | None:
    """Return whether the person of an alarm is protected."""
    row = await ProtectionReports(session, scope).of_person(alarm.person_id) if alarm.person_id else None
    return StandingOut.of(row) if row else None


def _scope(actor: Actor, alarm: Alarm) -> frozenset[str]:
    """Return of which councils a case may show people, homes and hubs: a case that somebody stands in for is whole."""
    if not actor.councils or alarm.council_id is None:
        return actor.councils
    return actor.councils | {alarm.council_id}


async def _ways(session: AsyncSession, alarm: Alarm, now: datetime) -> Mapping[str, Party]:
    """Return the rules, as they are now, of those who are yet to be told; a person's contacts have none to look up."""
    waiting = [UUID(turn.party) for turn in case_view.waiting(alarm)]
    found = await ResponderRepository(session).parties(waiting, alarm.class_, now) if waiting else {}
    return {party.id: party for party in found.values()}


def _hold(alarm: Alarm, actor: Actor) -> str:
    """Say whose the alarm is, as seen by this user: free, mine, others or closed."""
    if alarm.handling == "closed":
        return "closed"
    if alarm.assigned_to is None:
        return "free"
    return "mine" if alarm.assigned_to == actor.id else "others"
