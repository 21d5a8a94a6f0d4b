"""What leaves the house by each channel, and how each answer of a provider is understood."""

import hashlib
import hmac
import json

import pytest

from alarms.notify.channels.email import EmailChannel
from alarms.notify.channels.webhook import WebhookChannel
from alarms.notify.delivery import Permanent, Result, Sent, Temporary
from simulators.provider.sink import Mode, SmtpSink, WebhookSink
from telecare.embedded.ports import free_port
from telecare.kernel.settings import Settings

KEY = "0198c0de:3:webhook:https://example.org/ä?x=%20y"
MESSAGE = {"subject": "Life-safety alarm: Fall, Ùna", "text": "Ùna fell.\n.\nFrom us", "data": {"place": "Hàrbour"}}


async def by_webhook(settings: Settings, address: str) -> Result:
    async with WebhookChannel(settings) as channel:
        return await channel.send(address, KEY, MESSAGE)


async def test_a_mail_arrives_as_written_and_a_repeat_of_it_can_be_recognised(settings: Settings, smtp: SmtpSink):
    channel = EmailChannel(settings)
    assert isinstance(await channel.send("fiona@council.example", KEY, MESSAGE), Sent)
    assert isinstance(await channel.send("fiona@council.example", KEY, MESSAGE), Sent)
    assert isinstance(await channel.send("fiona@council.example", "another", MESSAGE), Sent)
    first, second, other = smtp.messages
    assert (first.subject, first.text) == (MESSAGE["subject"], MESSAGE["text"])
    assert (first.sender, first.recipients) == ("alarms@council.example", ["fiona@council.example"])
    assert first.message["Message-ID"] == second.message["Message-ID"] != other.message["Message-ID"]
    assert first.message["Message-ID"].endswith("@council.example>")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(Mode.REJECT, Permanent), (Mode.TEMPORARY, Temporary), (Mode.DIE, Temporary)],
)
async def test_answers_of_a_mail_server(settings: Settings, smtp: SmtpSink, mode: Mode, kind: type):
    smtp.inbox.mode = mode
    result = await EmailChannel(settings).send("fiona@council.example", KEY, MESSAGE)
    assert isinstance(result, kind)
    assert result.detail


async def test_no_mail_server_is_temporary_and_an_impossible_address_is_not(settings: Settings):
    closed = settings.model_copy(update={"smtp_url": type(settings.smtp_url)(f"smtp://127.0.0.1:{free_port()}")})
    assert isinstance(await EmailChannel(closed).send("fiona@council.example", KEY, MESSAGE), Temporary)
    injected = "fiona@council.example\nBcc: everybody@council.example"
    assert isinstance(await EmailChannel(settings).send(injected, KEY, MESSAGE), Permanent)


async def test_a_webhook_is_signed_and_carries_its_key(settings: Settings, hook: WebhookSink):
    assert await by_webhook(settings, hook.url) == Sent("HTTP 200 OK")
    (request,) = hook.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == KEY.replace("ä", "%C3%A4")
    assert json.loads(request.body) == MESSAGE["data"]
    at, _, digest = request.headers["x-telecare-signature"].partition(",v1=")
    signed = f"{at.removeprefix('t=')}.{request.body}".encode()
    assert hmac.new(b"shared with the receiver", signed, hashlib.sha256).hexdigest() == digest


async def test_without_a_secret_nothing_is_signed(settings: Settings, hook: WebhookSink):
    bare = settings.model_copy(update={"webhook_secret": type(settings.webhook_secret)("")})
    assert isinstance(await by_webhook(bare, hook.url), Sent)
    assert "x-telecare-signature" not in hook.requests[0].headers


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(Mode.REJECT, Permanent), (Mode.TEMPORARY, Temporary), (Mode.DIE, Temporary)],
)
async def test_answers_of_a_webhook(settings: Settings, hook: WebhookSink, mode: Mode, kind: type):
    hook.inbox.mode = mode
    assert isinstance(await by_webhook(settings, hook.url), kind)


@pytest.mark.parametrize("address", ["nonsense", "ftp://example.org/", "http://", "http://[::1"])
async def test_an_address_that_cannot_be_used_is_permanent(settings: Settings, address: str):
    assert isinstance(await by_webhook(settings, address), Permanent)


async def test_a_closed_port_is_temporary(settings: Settings):
    assert isinstance(await by_webhook(settings, f"http://127.0.0.1:{free_port()}/"), Temporary)
