"""What providers report, over real HTTP from the simulated one: late, twice, backwards, forged, unknown."""

import hashlib

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked
from alarms.handling.reported import Reported
from alarms.handling.service import AlarmService
from alarms.notify.callbacks import CallbackService
from alarms.notify.hooks import Key
from alarms.notify.reading import read_twilio_key
from simulators.provider.behaviour import Answer, Behaviour, Pickup, Service, When
from simulators.provider.desk import AUTH_TOKEN, CALLBACK_TOKEN
from simulators.provider.signing import signature
from telecare.kernel.outbox import OutboxMessage, OutboxRepository
from tests.integration.notify.providers import ANOTHER, NUMBER, Desk, Send

pytestmark = pytest.mark.usefixtures("reached")

R08 = ("queued", "delivered", "sent", "delivered")


async def through_twilio(desk: Desk, behaviour: Behaviour) -> None:
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.QUOTA))
    desk.provider.behave(Service.TWILIO_SMS, behaviour)


@pytest.mark.parametrize("when", [When.EARLY, When.ON_TIME, When.LATE])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("twice", [False, True])
async def test_reports_in_any_order_end_in_delivered_with_one_line_each(
    desk: Desk, send: Send, when: When, backwards: bool, twice: bool
):
    """R08."""
    await through_twilio(desk, Behaviour(reports=R08, when=when, backwards=backwards, twice=twice))
    await send()
    alarm_id = await desk.raise_alarm()
    message_id = await desk.tell("sms", NUMBER, alarm_id=alarm_id)
    await desk.outbox.done(message_id)
    await desk.provider.until(lambda: len(desk.provider.reporter.sent) == len(R08) * (2 if twice else 1))
    message = await desk.until_delivery(message_id, "delivered")
    assert {callback.status for callback in desk.provider.reporter.sent} == {204}
    assert (message.state, message.provider) == ("sent", "twilio")
    assert message.delivered_at is not None
    assert sorted(await desk.reports()) == [("delivered", "applied"), ("queued", "applied"), ("sent", "applied")]
    log = await desk.log(alarm_id)
    assert [sum(word in line for line in log) for word in ("Delivered", "way: queued", "way: sent")] == [1, 1, 1]


async def test_a_receipt_of_notify(desk: Desk, send: Send):
    await send()
    message_id = await desk.tell("sms", NUMBER)
    message = await desk.until_delivery(message_id, "delivered")
    assert message.provider == "notify"


async def test_never_a_report_is_a_message_handed_over(desk: Desk, send: Send):
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(when=When.NEVER))
    await send()
    message_id = await desk.tell("sms", NUMBER)
    assert (await desk.outbox.done(message_id)).delivery == "handed_over"


async def test_a_failure_moves_the_ladder_on_at_once(desk: Desk, send: Send):
    """R05, S56."""
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(reports=("permanent-failure",)))
    await send()
    alarm_id = await desk.raise_alarm()
    message_id = await desk.tell("sms", NUMBER, alarm_id=alarm_id)
    await desk.until_delivery(message_id, "failed")
    async with desk.database.transaction() as session:
        query = text("SELECT next_due_at <= clock_timestamp() FROM alarm WHERE id = :id")
        assert (await session.execute(query, {"id": alarm_id})).scalar_one()
    assert "does not exist" in (await desk.log(alarm_id))[-1]


async def test_a_late_failure_after_somebody_took_it_is_logged_and_no_more(desk: Desk, send: Send):
    """R08."""
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(when=When.NEVER))
    await send()
    alarm_id = await desk.raise_alarm()
    message_id = await desk.tell("sms", NUMBER, alarm_id=alarm_id)
    message = await desk.outbox.done(message_id)
    ailsa = Holder("0198c0de-0000-7000-8000-000000000002", "Ailsa")
    async with desk.database.transaction() as session:
        await AlarmService(session).feed(alarm_id, Acked(ailsa))
    before = await due(desk, alarm_id)
    await desk.provider.reporter.to_notify_callback(
        {"id": message.provider_ref, "reference": message.effect_key, "status": "temporary-failure"}
    )
    assert await desk.delivery(message_id) == "failed"
    assert await due(desk, alarm_id) == before
    assert "failed" in (await desk.log(alarm_id))[-1]


async def due(desk: Desk, alarm_id: object) -> tuple[object, ...]:
    async with desk.database.transaction() as session:
        query = text("SELECT next_due_at, handling, version FROM alarm WHERE id = :id")
        return tuple((await session.execute(query, {"id": alarm_id})).one())


async def test_what_was_delivered_is_not_sent_again(desk: Desk, send: Send):
    """R04: the provider took it, died, and reported the delivery meanwhile."""
    for service in (Service.NOTIFY_SMS, Service.TWILIO_SMS):
        desk.provider.behave(service, Behaviour(Answer.UNAVAILABLE))
    desk.provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.DIE, when=When.EARLY), times=1)
    await send()
    message_id = await desk.tell("sms", NUMBER)
    message = await desk.until_delivery(message_id, "delivered")
    assert message.state in {"sent", "sending"}
    await desk.outbox.alter(due_at=message.created_at)
    assert (await desk.outbox.done(message_id)).state in {"sent", "failed"}
    assert len(desk.provider.texts) == 1


async def test_a_report_that_is_too_early_waits_for_its_message(desk: Desk):
    """R09: the report comes before the message can be found."""
    await desk.provider.reporter.to_notify_callback({"id": "early", "reference": None, "status": "delivered"})
    assert desk.provider.reporter.sent[0].status == 204
    assert await desk.reports() == [("delivered", "held")]
    message_id = await desk.tell("sms", NUMBER)
    await desk.try_held()
    assert await desk.delivery(message_id) is None
    await desk.outbox.alter(provider="notify", provider_ref="early")
    await desk.try_held()
    assert await desk.delivery(message_id) == "delivered"
    assert await desk.reports() == [("delivered", "applied")]


async def test_a_report_of_nothing_of_ours_is_given_up_after_a_minute(desk: Desk):
    """R09."""
    for _ in range(2):
        await desk.provider.reporter.to_notify_callback({"id": "whose", "reference": "x", "status": "delivered"})
    assert [callback.status for callback in desk.provider.reporter.sent] == [204, 204]
    await desk.age_reports(59)
    await desk.try_held()
    assert await desk.reports() == [("delivered", "held")]
    await desk.age_reports(2)
    await desk.try_held()
    assert await desk.reports() == [("delivered", "orphan")]


async def test_forged_reports_change_nothing(desk: Desk, send: Send):
    """R44: of both providers, and of a call."""
    await through_twilio(desk, Behaviour(reports=R08, signed=False))
    desk.provider.behave(Service.CALL, Behaviour(signed=False, key="1"))
    await send()
    alarm_id = await desk.raise_alarm()
    first = await desk.tell("sms", NUMBER, alarm_id=alarm_id)
    second = await desk.tell("voice", NUMBER, alarm_id=alarm_id)
    for message_id in (first, second):
        await desk.outbox.done(message_id)
    await desk.provider.until(lambda: len(desk.provider.reporter.sent) >= 9)
    await desk.provider.reporter.to_notify_callback({"id": "1", "status": "delivered"}, signed=False)
    assert {callback.status for callback in desk.provider.reporter.sent} == {403}
    assert await desk.reports() == []
    assert [await desk.delivery(message_id) for message_id in (first, second)] == ["handed_over", "handed_over"]


@pytest.mark.parametrize("path", ["notify", "twilio/status", "twilio/gather", "twilio/sms"])
async def test_nothing_of_a_stranger_is_read(desk: Desk, path: str):
    url = f"{desk.settings.callback_url}/api/v1/callbacks/{path}"
    async with httpx.AsyncClient(trust_env=False) as client:
        for content, kind in ((b"{", "application/json"), (b"\xff\xfe", "text/plain"), (b"", "application/json")):
            headers = {"Content-Type": kind, "X-Twilio-Signature": "x\u00e9".encode(), "Authorization": "Bearer x"}
            assert (await client.post(url, content=content, headers=headers)).status_code == 403
    assert await desk.reports() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b'{"id": ""}', b'{"id": "1", "status": 4}', b"\xff"])
async def test_a_report_that_cannot_be_read_is_refused_in_words(desk: Desk, body: bytes):
    url = f"{desk.settings.callback_url}/api/v1/callbacks/notify"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {CALLBACK_TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        assert (await client.post(url, content=body, headers=headers)).status_code == 422


async def test_a_body_of_json_is_proven_by_its_hash_in_the_address(desk: Desk):
    message_id = await desk.tell("sms", NUMBER)
    body = b'{"MessageSid": "SM7", "MessageStatus": "delivered"}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"{desk.settings.callback_url}/api/v1/callbacks/twilio/status?message={message_id}&bodySHA256={digest}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature(AUTH_TOKEN, url, {})}
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url, content=body + b" ", headers=headers)).status_code == 403
        assert (await client.post(url, content=body, headers=headers)).status_code == 204
    assert await desk.delivery(message_id) == "delivered"


@pytest.mark.parametrize(
    ("pickup", "state", "words"),
    [
        (Pickup.VOICEMAIL, "not_reached", "voicemail"),
        (Pickup.BUSY, "not_reached", "busy"),
        (Pickup.NO_ANSWER, "not_reached", "no answer"),
        (Pickup.PERSON, "delivered", "a person answered"),
    ],
)
async def test_who_answers_a_call(desk: Desk, send: Send, pickup: Pickup, state: str, words: str):
    """C10: only a person is reached."""
    desk.provider.behave(Service.CALL, Behaviour(pickup=pickup))
    await send()
    alarm_id = await desk.raise_alarm()
    message_id = await desk.tell("voice", NUMBER, alarm_id=alarm_id)
    await desk.until_delivery(message_id, state)
    assert any(words in line for line in await desk.log(alarm_id))


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("1", "Fiona goes there, said on the telephone; arrival asked in 45 min."),
        ("3", "Fiona cannot go, said on the telephone."),
        ("4", "Fiona goes there, said on the telephone; arrival asked in 45 min."),
        ("6", "A responder attended."),
    ],
)
async def test_a_key_on_a_call(desk: Desk, send: Send, key: str, line: str):
    """S23: the alarm is read out twice, the key is told to the alarm once, though it is reported twice."""
    desk.provider.behave(Service.CALL, Behaviour(key=key, twice=True))
    await send()
    alarm_id = await desk.raise_alarm()
    message_id = await desk.tell("voice", NUMBER, alarm_id=alarm_id)
    await desk.until_delivery(message_id, "delivered")
    (call,) = desk.provider.calls
    await desk.provider.until(lambda: call.status == "completed")
    says = "Pendant pressed. Ùna MacLeod. 1 Hàrbour Street. Press 1 to accept. Press 3 to decline."
    assert call.heard[:2] == [says, says]
    assert [said for said in await desk.log(alarm_id) if said == line] == [line]


async def test_a_key_that_means_nothing_may_be_followed_by_one_that_does(desk: Desk, send: Send):
    desk.provider.behave(Service.CALL, Behaviour(key="91"))
    await send()
    alarm_id = await desk.raise_alarm()
    await desk.tell("voice", NUMBER, alarm_id=alarm_id)
    await desk.provider.until(lambda: any(call.status == "completed" for call in desk.provider.calls))
    assert any("Fiona goes there" in line for line in await desk.log(alarm_id))
    assert any("means nothing" in heard for heard in desk.provider.calls[0].heard)


async def test_a_call_that_rings_is_stopped_when_somebody_has_the_alarm(desk: Desk, send: Send):
    """R31."""
    desk.provider.behave(Service.CALL, Behaviour(pickup=Pickup.RINGS))
    await send()
    message_id = await desk.tell("voice", NUMBER)
    await desk.until_delivery(message_id, "sent")
    (call,) = desk.provider.calls
    assert not call.ended.is_set()
    await desk.outbox.cancel(message_id)
    desk.outbox.wake.set()
    await desk.provider.until(lambda: call.status == "canceled")


class Takes(Reported):
    """Takes the alarm when a key is pressed, which calls off whoever else is called."""

    async def on_keypress(self, session: AsyncSession, message: OutboxMessage, key: Key) -> str | None:
        assert key is Key.ACCEPT
        await OutboxRepository(session).cancel_pending(message.subject_id)
        return "You have it"


async def test_the_call_on_which_the_alarm_is_taken_is_not_cut_off(desk: Desk, send: Send):
    """R31: the others are."""
    desk.provider.behave(Service.CALL, Behaviour(pickup=Pickup.RINGS))
    await send()
    alarm_id = await desk.raise_alarm()
    mine = await desk.tell("voice", NUMBER, alarm_id=alarm_id)
    other = await desk.tell("voice", ANOTHER, alarm_id=alarm_id)
    for message_id in (mine, other):
        await desk.until_delivery(message_id, "sent")
    calls = {call.to: call for call in desk.provider.calls}
    pressed = read_twilio_key({"CallSid": calls[NUMBER].sid, "Digits": "1"}, str(mine))
    async with desk.database.transaction() as session:
        assert await CallbackService(session, Takes()).take(pressed) == "You have it"
    desk.outbox.wake.set()
    await desk.provider.until(lambda: calls[ANOTHER].status == "canceled")
    assert not calls[NUMBER].ended.is_set()


async def test_a_text_of_somebody_is_taken_once(desk: Desk):
    url = f"{desk.settings.callback_url}/api/v1/callbacks/twilio/sms"
    for _ in range(2):
        await desk.provider.twilio.receive_text(url, NUMBER, "ack 17", sid="SM1")
    await desk.provider.twilio.receive_text(url, NUMBER, " Stop. ", sid="SM2")
    assert [callback.status for callback in desk.provider.reporter.sent] == [200, 200, 200]
    assert await desk.reports() == [("received", "applied"), ("received", "applied")]
