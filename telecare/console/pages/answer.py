"""The page behind the link in a message: who, where, how to get in, and what whoever was asked can say.

There is no log-in: the link itself is the key, good for one alarm and one person. Each look and each answer is audited
under the name of who was asked. A contact sees no address, as in the message.
"""

import json
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.escalation.codec import load_state
from alarms.escalation.domain import Handling, State, Target
from alarms.handling.answers import AnswerService
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.invitations.domain import Answer
from alarms.invitations.models import Invitation
from alarms.invitations.repository import InvitationRepository
from alarms.notify.channels.push import public_key
from alarms.responders.service import ResponderService
from devices.registry.homes import PersonRepository, PremisesRepository
from devices.registry.models import Person, Premises
from telecare.access.repository import AuditRepository
from telecare.access.service import check_own_form
from telecare.api.deps import ServicesDep, Transaction
from telecare.console.render import page
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError
from telecare.kernel.pure.jsonsafe import clean_text

router = APIRouter()

SEE_OTHER = 303
ARRIVALS = (10, 20, 30, 45)
"""Minutes that somebody can say they need."""


@dataclass(frozen=True)
class Standing:
    """How it stands between an alarm and one who was asked."""

    going: bool
    there: bool
    others: tuple[str, ...]
    ended: bool


@router.get("/a/{token}")
async def show(request: Request, token: str, session: Transaction, services: ServicesDep, said: str = "") -> Response:
    """Show what somebody was asked, and the answers that are open to them now."""
    invitation = await InvitationRepository(session).by_token(token)
    if invitation is None:
        return page(request, "answer_gone.html", None, 404)
    alarm = (await AlarmRepository(session).by_ids([invitation.alarm_id]))[0]
    standing = _standing(load_state(alarm.state), invitation.party_id)
    staff = invitation.target != Target.CONTACTS
    person, premises = await _home(session, alarm) if staff and not standing.ended else (None, None)
    await AuditRepository(session).add(
        _label(invitation), "invitation_opened", "alarm", alarm.id, alarm.council_id, details={"by": invitation.channel}
    )
    return page(
        request,
        "answer.html",
        None,
        alarm=alarm,
        invitation=invitation,
        standing=standing,
        person=person,
        premises=premises,
        staff=staff,
        arrivals=ARRIVALS,
        said=clean_text(said)[:300],
        push_key=public_key(services.settings) if await _is_responder(session, invitation) else None,
        now=await database_now(session),
    )


@router.post("/a/{token}")
async def answer(
    request: Request,
    token: str,
    session: Transaction,
    say: Annotated[Answer, Form()],
    minutes: Annotated[int | None, Form(ge=1, le=60)] = None,
    text: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Take an answer, and show how it stands now. The same answer twice is no harm."""
    check_own_form(request)
    invitation = await InvitationRepository(session).by_token(token)
    if invitation is None:
        return page(request, "answer_gone.html", None, 404)
    told = await AnswerService(session).answer(
        invitation, say, "link", text=clean_text(text), arrive_in_s=None if minutes is None else minutes * 60
    )
    await AuditRepository(session).add(
        _label(invitation), "invitation_answered", "alarm", invitation.alarm_id, invitation.council_id,
        details={"said": say, "done": told.done},
    )  # fmt: skip
    address = request.url_for("show", token=token).include_query_params(said=told.words)
    return RedirectResponse(f"{address.path}?{address.query}", SEE_OTHER)


class Subscription(BaseModel):
    """A browser's own words for where notifications to it go (Push API)."""

    endpoint: Annotated[str, Field(max_length=2000)]
    keys: dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=200)]]


@router.post("/a/{token}/push", status_code=204)
async def notify_me(request: Request, token: str, session: Transaction, subscription: Subscription) -> None:
    """Let the responder whose link this is have alarms shown by this browser."""
    check_own_form(request)
    invitation = await InvitationRepository(session).by_token(token)
    service = ResponderService(session)
    responder = None if invitation is None else await service.responders.get(invitation.party_id)
    if invitation is None or responder is None:
        raise NotFoundError("Only a responder can be told by a browser: this link is none of theirs, or has ended")
    address = json.dumps({"endpoint": subscription.endpoint, "keys": subscription.keys}, sort_keys=True)
    method = await service.add_own_browser(responder, address)
    await AuditRepository(session).add(
        _label(invitation), "contact_method_added", "responder", responder.id, responder.council_id,
        details={"method": str(method.id), "channel": method.channel},
    )  # fmt: skip


def _standing(state: State, party_id: UUID) -> Standing:
    mine = next((one for one in state.acceptances if one.by.id == str(party_id)), None)
    others = tuple(one.by.name for one in state.acceptances if one is not mine)
    return Standing(
        going=mine is not None,
        there=mine is not None and mine.arrived,
        others=others,
        ended=state.handling is Handling.CLOSED,
    )


async def _home(session: AsyncSession, alarm: Alarm) -> tuple[Person | None, Premises | None]:
    """Return the person and home as a responder must know them; the key safe's code is asked of the control room."""
    everywhere: frozenset[str] = frozenset()
    person = await PersonRepository(session, everywhere).require(alarm.person_id) if alarm.person_id else None
    premises = await PremisesRepository(session, everywhere).require(alarm.premises_id) if alarm.premises_id else None
    return person, premises


async def _is_responder(session: AsyncSession, invitation: Invitation) -> bool:
    return await ResponderService(session).responders.get(invitation.party_id) is not None


def _label(invitation: Invitation) -> str:
    """Return how the audit names whoever holds the link."""
    return f"asked:{invitation.party_name}#{invitation.party_id.hex[-6:]}"
