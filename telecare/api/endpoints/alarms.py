"""Alarms: the ranked list, one with its log, and the commands of operators, each with the version it was given on."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import (
    Acked,
    Attended,
    Closed,
    ContactAttempted,
    Escalated,
    Held,
    Input,
    NoSpeech,
    Noted,
    Released,
    Renewed,
    Shelved,
)
from alarms.handling.domain import board_key
from alarms.handling.repository import AlarmRepository
from alarms.handling.schemas import (
    AckIn,
    AlarmOut,
    AlarmWithLog,
    AttendIn,
    CloseIn,
    ContactAttemptIn,
    NoteIn,
    ReasonIn,
    RenewIn,
    ShelveIn,
)
from alarms.handling.service import AlarmService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, ServicesDep, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router

router = api_router("/alarms", "alarms")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Handler = Annotated[Actor, Depends(Needs(Permission.HANDLE_ALARMS))]


@router.get("")
async def list_alarms(
    session: Transaction,
    actor: Viewer,
    handling: Annotated[Literal["open", "raised", "acked", "attending", "closed"] | None, Query()] = None,
    hub_id: Annotated[str | None, Query(max_length=200)] = None,
    person_id: UUID | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AlarmOut]:
    """List alarms as the board ranks them: fire first, then class, then age. `handling=open`: all not closed."""
    after = decode_cursor(cursor, int, datetime, UUID)
    alarms = await AlarmRepository(session).page(
        actor.sight, handling=handling, hub_id=hub_id, person_id=person_id, after=after, limit=limit + 1
    )
    return page_of(
        alarms, limit, AlarmOut.model_validate, lambda alarm: board_key(alarm.rank, alarm.raised_at, alarm.id)
    )


@router.get("/{alarm_id}")
async def get_alarm(alarm_id: UUID, session: Transaction, actor: Viewer) -> AlarmWithLog:
    """Show one alarm with its log; looking at it is written to the audit."""
    alarms = AlarmRepository(session)
    alarm = await alarms.require(alarm_id, actor.sight)
    log = await alarms.log_of(alarm_id)
    await AuditRepository(session).add(actor, "alarm_viewed", "alarm", alarm_id, alarm.council_id)
    return AlarmWithLog.of(alarm, log)


class Desk:
    """One operator's hand on one alarm: a command goes in with the version it was given on, the alarm comes out."""

    def __init__(self, alarm_id: UUID, session: Transaction, services: ServicesDep, actor: Handler) -> None:
        self.alarm_id = alarm_id
        self.actor = actor
        self.by = Holder(str(actor.id), actor.name)
        self._service = AlarmService(session, services.settings.public_url)

    async def give(self, event: Input, as_of: int | None) -> AlarmOut:
        """Apply a command; 409 with the present state when it is stale or a rule forbids it."""
        alarm = await self._service.command(self.alarm_id, event, councils=self.actor.sight, as_of=as_of)
        return AlarmOut.model_validate(alarm)

    async def reroute(self, as_of: int) -> AlarmOut:
        """Move the alarm to the policy of now, as `give` does a command."""
        alarm = await self._service.reroute_as_of(self.alarm_id, self.by, councils=self.actor.sight, as_of=as_of)
        return AlarmOut.model_validate(alarm)


AtDesk = Annotated[Desk, Depends(scope="function")]


@router.post("/{alarm_id}/ack")
async def ack(body: AckIn, desk: AtDesk) -> AlarmOut:
    """Claim an alarm. Exactly one of two who try at once gets it; the other is told who has it."""
    return await desk.give(Acked(desk.by, body.take_over), body.as_of)


@router.post("/{alarm_id}/renew")
async def renew(body: RenewIn, desk: AtDesk) -> AlarmOut:
    """Say that you still have it; a claim that is not renewed lapses and the alarm is open again."""
    return await desk.give(Renewed(desk.by), body.as_of)


@router.post("/{alarm_id}/attend")
async def attend(body: AttendIn, desk: AtDesk) -> AlarmOut:
    """Somebody is on the way; their arrival is asked for when it is due."""
    seconds = None if body.arrive_in_minutes is None else body.arrive_in_minutes * 60
    return await desk.give(Attended(desk.by, body.who, seconds), body.as_of)


@router.post("/{alarm_id}/hold")
async def hold(body: ReasonIn, desk: AtDesk) -> AlarmOut:
    """Put the call on hold; after 60 s a second human is told."""
    return await desk.give(Held(desk.by, body.reason), body.as_of)


@router.post("/{alarm_id}/release")
async def release(body: ReasonIn, desk: AtDesk) -> AlarmOut:
    """Give the alarm back; the ladder goes on at once."""
    return await desk.give(Released(desk.by, body.reason), body.as_of)


@router.post("/{alarm_id}/escalate")
async def escalate(body: ReasonIn, desk: AtDesk) -> AlarmOut:
    """Send the alarm one step up the ladder now."""
    return await desk.give(Escalated(desk.by, body.reason), body.as_of)


@router.post("/{alarm_id}/shelve")
async def shelve(body: ShelveIn, desk: AtDesk) -> AlarmOut:
    """Put a technical alarm aside for a while, with a reason; life-safety and urgent alarms never are."""
    return await desk.give(Shelved(desk.by, body.minutes * 60, body.reason), body.as_of)


@router.post("/{alarm_id}/no-speech")
async def no_speech(body: RenewIn, desk: AtDesk) -> AlarmOut:
    """The line is open and nobody speaks: contacts and responders are told at once, all of them."""
    return await desk.give(NoSpeech(desk.by), body.as_of)


@router.post("/{alarm_id}/reroute")
async def reroute(body: ReasonIn, desk: AtDesk) -> AlarmOut:
    """Begin anew with the policy that fits the alarm now; refused when it has that one already."""
    return await desk.reroute(body.as_of)


@router.post("/{alarm_id}/note")
async def note(body: NoteIn, desk: AtDesk) -> AlarmOut:
    """Write a note into the log."""
    return await desk.give(Noted(desk.by, body.text), body.as_of)


@router.post("/{alarm_id}/contact-attempt")
async def contact_attempt(body: ContactAttemptIn, desk: AtDesk) -> AlarmOut:
    """Log that a contact was tried. Voicemail is not reached."""
    return await desk.give(ContactAttempted(desk.by, body.contact, body.reached, body.text), body.as_of)


@router.post("/{alarm_id}/close")
async def close(body: CloseIn, desk: AtDesk) -> AlarmOut:
    """End an alarm with an outcome code; 409 says what an outcome still needs."""
    supervisor = desk.actor.may(Permission.SUPERVISE)
    return await desk.give(Closed(desk.by, body.outcome, body.reason, body.voice_confirmed, supervisor), body.as_of)
