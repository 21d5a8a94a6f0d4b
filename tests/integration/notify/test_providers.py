"""Real clients of real providers against the simulated one: what each answer comes to, and who takes a message over."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from alarms.notify.channels import channels
from alarms.notify.delivery import Permanent, Result, Sent, Temporary
from simulators.provider.behaviour import Answer, Behaviour, Service
from simulators.provider.browser import Browser
from simulators.provider.desk import SERVICE_ID
from simulators.provider.simulator import ProviderSimulator
from simulators.provider.sink import SmtpSink
from telecare.kernel.settings import Settings
from tests.integration.notify.providers import ANOTHER, NUMBER, Desk, Send

GRAVE, TECHNICAL = 10, 50
MESSAGE = {
    "subject": "Pendant pressed, Ùna MacLeod",
    "text": "Ùna is waiting",
    "brief": {"what": "Pendant pressed", "who": "Ùna MacLeod", "where": "1 Hàrbour Street"},
    "data": {"alarm_id": "7"},
    "id": "0198c0de-0000-7000-8000-000000000001",
}


async def by(settings: Settings, channel: str, address: str, rank: int = GRAVE, attempt: int = 1) -> Result:
    async with AsyncExitStack() as stack:
        ways = await channels(settings, stack)
        return await ways[channel].send(address, f"key:{channel}", {**MESSAGE, "rank": rank, "attempt": attempt})


async def test_a_text_goes_through_notify_under_our_reference(provided: Settings, provider: ProviderSimulator):
    result = await by(provided, "sms", NUMBER)
    (text,) = provider.texts
    assert result == Sent("accepted", "notify", text.id)
    assert (text.to, text.reference) == (NUMBER, "key:sms")
    assert text.text == "Pendant pressed. Una MacLeod. 1 Hàrbour Street"


async def test_a_mail_goes_through_notify_and_by_our_own_server_when_its_quota_is_used_up(
    provided: Settings, provider: ProviderSimulator, smtp: SmtpSink
):
    assert isinstance(await by(provided, "email", "fiona@council.example"), Sent)
    assert provider.mails[0].text == "Pendant pressed, Ùna MacLeod\nÙna is waiting"
    provider.behave(Service.NOTIFY_EMAIL, Behaviour(Answer.QUOTA))
    result = await by(provided, "email", "fiona@council.example", TECHNICAL)
    assert isinstance(result, Sent)
    assert result.provider == "smtp"
    assert smtp.messages[0].text == "Ùna is waiting"


@pytest.mark.parametrize(
    ("answer", "grave", "technical"),
    [
        (Answer.QUOTA, "twilio", "twilio"),
        (Answer.FORBIDDEN, "twilio", "twilio"),
        (Answer.UNAVAILABLE, "twilio", Temporary),
        (Answer.RATE_LIMITED, "twilio", Temporary),
        (Answer.DIE, "twilio", Temporary),
        (Answer.REJECT, "twilio", Permanent),
    ],
)
async def test_the_second_provider_takes_what_the_first_cannot(
    provided: Settings, provider: ProviderSimulator, answer: Answer, grave: str, technical: str | type
):
    """R45: for life-safety whatever the first one answers."""
    provider.behave(Service.NOTIFY_SMS, Behaviour(answer))
    for rank, expected in ((GRAVE, grave), (TECHNICAL, technical)):
        result = await by(provided, "sms", NUMBER, rank)
        if isinstance(expected, str):
            assert isinstance(result, Sent), result
            assert result.provider == expected
        else:
            assert isinstance(result, expected), result


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.QUOTA, Permanent),
        (Answer.FORBIDDEN, Permanent),
        (Answer.REJECT, Permanent),
        (Answer.UNAVAILABLE, Temporary),
        (Answer.RATE_LIMITED, Temporary),
        (Answer.DIE, Temporary),
    ],
)
@pytest.mark.parametrize("channel", ["sms", "voice"])
async def test_when_no_provider_takes_it(
    provided: Settings, provider: ProviderSimulator, channel: str, answer: Answer, kind: type
):
    for service in (Service.NOTIFY_SMS, Service.TWILIO_SMS, Service.CALL):
        provider.behave(service, Behaviour(answer))
    result = await by(provided, channel, NUMBER)
    assert isinstance(result, kind), result
    assert result.detail


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.ACCEPT, Sent),
        (Answer.REJECT, Permanent),
        (Answer.UNAVAILABLE, Temporary),
        (Answer.RATE_LIMITED, Temporary),
        (Answer.DIE, Temporary),
    ],
)
async def test_a_browser(provided: Settings, provider: ProviderSimulator, answer: Answer, kind: type):
    provider.behave(Service.PUSH, Behaviour(answer))
    browser = Browser(f"{provider.url}/push/abc")
    assert isinstance(await by(provided, "push", browser.subscription), kind)
    for shown in provider.pushes:
        assert browser.read(shown.body)["title"] == "Pendant pressed, Ùna MacLeod"
        assert shown.headers["urgency"] == "high"
        assert shown.headers["ttl"] == "600"


@pytest.mark.parametrize(
    "subscription", ["", "{}", '{"endpoint": "http://127.0.0.1/", "keys": {"p256dh": "a", "auth": "b"}}']
)
async def test_what_is_no_browser_is_a_failure_for_good(provided: Settings, subscription: str):
    assert isinstance(await by(provided, "push", subscription), Permanent)


async def test_apprise(provided: Settings, provider: ProviderSimulator):
    address = f"json://127.0.0.1:{provider.port}/hook"
    assert isinstance(await by(provided, "apprise", address), Sent)
    assert "na is waiting" in provider.webhooks[0].text
    provider.behave(Service.WEBHOOK, Behaviour(Answer.UNAVAILABLE))
    assert isinstance(await by(provided, "apprise", address), Temporary)
    assert isinstance(await by(provided, "apprise", "pigeon://loft"), Permanent)


async def test_channels_that_are_not_set_up_say_so(settings: Settings):
    for channel in ("sms", "voice", "push"):
        result = await by(settings, channel, NUMBER)
        assert isinstance(result, Permanent)
        assert "set up" in result.detail


async def test_wrong_credentials_are_the_providers_matter(provided: Settings):
    """The next one is asked, for a technical message too: it is not the message that was refused."""
    wrong = Settings(**{**provided.model_dump(), "notify_api_key": f"live-{SERVICE_ID}-{SERVICE_ID}"})
    result = await by(wrong, "sms", NUMBER, TECHNICAL)
    assert isinstance(result, Sent)
    assert result.provider == "twilio"


async def test_a_provider_that_hangs_is_passed_by_at_the_next_try(desk: Desk, send: Send):
    """R07, R45: the first try is lost, the second goes to the other provider."""
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.HANG))
    await send(timeout_s=0.5)
    message_id = await desk.tell("sms", NUMBER)
    message = await desk.outbox.done(message_id)
    assert (message.state, message.provider, message.attempts) == ("sent", "twilio", 2)


async def test_a_provider_that_hangs_holds_up_no_other_channel(desk: Desk, send: Send):
    """R07: texts of every rank hang, calls and browsers are served."""
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.HANG))
    desk.provider.behave(Service.TWILIO_SMS, Behaviour(Answer.HANG))
    alarm_id = await desk.raise_alarm()
    for n in range(30):
        await desk.tell("sms", f"+4477009001{n:02}", alarm_id=alarm_id)
    await send(timeout_s=60)
    await desk.provider.until(lambda: len(desk.provider.attempts) >= 24)
    call = await desk.tell("voice", ANOTHER)
    push = await desk.tell("push", Browser(f"{desk.provider.url}/push/a").subscription, rank=TECHNICAL)
    assert (await desk.outbox.done(call)).state == "sent"
    assert (await desk.outbox.done(push)).state == "sent"
    for service in (Service.NOTIFY_SMS, Service.TWILIO_SMS):
        desk.provider.behave(service, Behaviour())
    await desk.provider.until(lambda: len(desk.provider.texts) == 30)


@pytest.mark.parametrize(("honours", "shown"), [(True, 1), (False, 2)])
async def test_taken_and_died_is_sent_again_under_the_same_reference(desk: Desk, send: Send, honours: bool, shown: int):
    """R04: one message where the provider knows the reference, two where it does not, never none."""
    desk.provider.govuk.honours_reference = honours
    desk.provider.behave(Service.TWILIO_SMS, Behaviour(Answer.UNAVAILABLE))
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.DIE), times=1)
    await send()
    message_id = await desk.tell("sms", NUMBER)
    message = await desk.outbox.done(message_id)
    assert (message.state, message.provider) == ("sent", "notify")
    assert len(desk.provider.texts) == shown
    assert {text.reference for text in desk.provider.texts} == {message.effect_key}


async def test_a_quota_drops_nothing(desk: Desk, send: Send):
    """R45: forty life-safety texts while the first provider's quota is used up: all of them arrive, told as sent."""
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.QUOTA))
    alarm_id = await desk.raise_alarm()
    ids = [await desk.tell("sms", f"+4477009002{n:02}", alarm_id=alarm_id) for n in range(40)]
    await send()
    async with asyncio.timeout(30):
        for message_id in ids:
            message = await desk.outbox.done(message_id)
            assert (message.state, message.provider) == ("sent", "twilio")
    assert {text.to for text in desk.provider.texts} == {f"+4477009002{n:02}" for n in range(40)}
