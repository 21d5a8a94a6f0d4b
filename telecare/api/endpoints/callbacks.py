"""Where providers report: GOV.UK Notify with a bearer token, Twilio with its signature. No session, no user.

These are the providers' contracts and no part of ours, so the description of the API leaves them out. Nothing of a
request is read, and nothing changes, before it has proven whose it is (R44).
"""

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from twilio.twiml.messaging_response import MessagingResponse

from alarms.handling.reported import Reported
from alarms.notify.callbacks import CallbackService
from alarms.notify.channels.twilio_client import GATHER_PATH
from alarms.notify.channels.voice import answer
from alarms.notify.hooks import Key
from alarms.notify.reading import (
    InboundText,
    read_notify,
    read_twilio_key,
    read_twilio_status,
    read_twilio_text,
)
from alarms.notify.signatures import brings_token, signed_form, signed_json
from telecare.api.deps import ServicesDep, Transaction
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.errors import ForbiddenError, InvalidError
from telecare.kernel.pure.jsonsafe import clean

router = api_router("/callbacks", "callbacks")

XML = "application/xml"
SIDE = Reported()


async def twilio_params(request: Request, services: ServicesDep) -> Mapping[str, str]:
    """Return what Twilio sent, form or JSON, once its signature fits the address that we gave it."""
    settings, url = services.settings, request.url
    base = settings.callbacks_at
    token = settings.twilio_auth_token.get_secret_value()
    signature = request.headers.get("x-twilio-signature", "")
    if base is None or not token or not signature:
        raise ForbiddenError("This takes requests that Twilio has signed")
    asked = f"{base.rstrip('/')}{url.path}" + (f"?{url.query}" if url.query else "")
    body = (await request.body()).decode(errors="replace")
    if request.headers.get("content-type", "").startswith("application/json"):
        genuine, pairs = signed_json(token, asked, body, signature), None
    else:
        pairs = parse_qsl(body, keep_blank_values=True)
        genuine = signed_form(token, asked, pairs, signature)
    if not genuine:
        raise ForbiddenError("The signature does not fit")
    params = dict(pairs) if pairs is not None else _object(body)
    return {name: clean(value) for name, value in params.items() if isinstance(value, str)}


TwilioParams = Annotated[Mapping[str, str], Depends(twilio_params)]


def notify_callback(request: Request, services: ServicesDep) -> None:
    """Refuse what does not bring the token that GOV.UK Notify was given."""
    token = services.settings.notify_callback_token.get_secret_value()
    if not brings_token(request.headers.get("authorization", ""), token):
        raise ForbiddenError("This takes requests of GOV.UK Notify, with the token that it was given")


@router.post("/notify", status_code=204, include_in_schema=False, dependencies=[Depends(notify_callback)])
@never_replayed
async def notify(request: Request, session: Transaction) -> None:
    """Take in a delivery receipt of GOV.UK Notify, or a text that it received."""
    try:
        found = read_notify(clean(await request.json()))
    except ValueError as error:
        raise _unreadable(error) from error
    service = CallbackService(session, SIDE)
    await (service.take_text(found) if isinstance(found, InboundText) else service.take(found))


@router.post("/twilio/status", status_code=204, include_in_schema=False)
@never_replayed
async def twilio_status(params: TwilioParams, session: Transaction, message: str | None = None) -> None:
    """Take in how far a text or a call got, or who answered a call."""
    try:
        report = read_twilio_status(params, message)
    except ValueError as error:
        raise _unreadable(error) from error
    await CallbackService(session, SIDE).take(report)


@router.post("/twilio/gather", include_in_schema=False)
@never_replayed
async def twilio_gather(
    params: TwilioParams, services: ServicesDep, session: Transaction, message: str | None = None
) -> Response:
    """Take in the key that was pressed on a call; the answer is what the call says next."""
    try:
        report = read_twilio_key(params, message)
    except ValueError as error:
        raise _unreadable(error) from error
    words = await CallbackService(session, SIDE).take(report)
    if report.digit not in set(Key):
        base = (services.settings.callbacks_at or "").rstrip("/")
        return Response(
            answer("This key means nothing.", f"{base}{GATHER_PATH}?message={message or ''}"), 200, None, XML
        )
    return Response(answer(words or "Thank you. Goodbye."), 200, None, XML)


@router.post("/twilio/sms", include_in_schema=False)
@never_replayed
async def twilio_sms(params: TwilioParams, session: Transaction) -> Response:
    """Take in a text that somebody sent to our number; the answer is the text that goes back, if any."""
    try:
        text = read_twilio_text(params)
    except ValueError as error:
        raise _unreadable(error) from error
    words = await CallbackService(session, SIDE).take_text(text)
    reply = MessagingResponse()
    if words:
        reply.message(words)
    return Response(str(reply), 200, None, XML)


def _object(body: str) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError("This is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidError("This takes an object")
    return found


def _unreadable(error: ValueError) -> InvalidError:
    return InvalidError("The report cannot be read", errors=[{"where": "body", "what": str(error)}])
