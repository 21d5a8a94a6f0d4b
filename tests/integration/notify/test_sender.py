"""The sender on a real database with real providers: results, retries, priorities, and what hangs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from simulators.provider.sink import Mode, SmtpSink, WebhookSink
from telecare.kernel.outbox import OutboxMessage, OutboxRepository
from tests.integration.notify.world import Outbox, Start, Told, until

FIONA = "fiona@council.example"


async def test_a_message_is_sent_by_each_channel_and_reported(
    outbox: Outbox, start: Start, told: Told, smtp: SmtpSink, hook: WebhookSink
):
    await start()
    (mail,) = await outbox.add("email", FIONA)
    (call,) = await outbox.add("webhook", hook.url)
    for message_id in (mail, call):
        message = await outbox.done(message_id)
        assert (message.state, message.attempts, message.last_error) == ("sent", 1, None)
        assert message.finished_at is not None
    assert sorted((message_id, ok) for message_id, ok, _ in told.results) == sorted([(mail, True), (call, True)])
    assert (len(smtp.messages), len(hook.requests)) == (1, 1)


async def test_a_refusal_is_reported_at_once(outbox: Outbox, start: Start, told: Told, hook: WebhookSink):
    hook.inbox.mode = Mode.REJECT
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    message = await outbox.done(message_id)
    assert (message.state, message.attempts, message.last_error) == ("failed", 1, "HTTP 400 Bad Request")
    assert told.results == [(message_id, False, "HTTP 400 Bad Request")]


async def test_a_channel_that_nobody_serves_fails_in_words_and_does_not_wait_for_ever(
    outbox: Outbox, start: Start, told: Told
):
    await start()
    (message_id,) = await outbox.add("pigeon", "loft 3")
    assert (await outbox.done(message_id)).state == "failed"
    assert told.results == [(message_id, False, "there is no sender for “pigeon”")]


async def test_not_now_three_times_then_taken(outbox: Outbox, start: Start, told: Told, hook: WebhookSink):
    hook.inbox.fail_times(3)
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    for attempt, wait in ((1, 1), (2, 2), (3, 4)):
        message = await outbox.until(message_id, "pending", attempts=attempt)
        assert told.results == []
        assert message.last_error == "HTTP 503 Service Unavailable"
        assert abs(message.due_at - datetime.now(UTC) - timedelta(seconds=wait)) < timedelta(seconds=0.9)
        await outbox.alter(due_at=datetime.now(UTC))
    assert (await outbox.done(message_id)).state == "sent"
    assert [ok for _, ok, _ in told.results] == [True]
    assert len(hook.requests) == 1


async def test_not_now_for_too_long_is_a_failure(outbox: Outbox, start: Start, told: Told, hook: WebhookSink):
    hook.inbox.mode = Mode.TEMPORARY
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    for attempt in (1, 2, 3):
        await outbox.until(message_id, "pending", attempts=attempt)
        await outbox.alter(due_at=datetime.now(UTC))
    message = await outbox.done(message_id)
    assert (message.state, message.attempts) == ("failed", 4)
    assert [ok for _, ok, _ in told.results] == [False]


async def test_what_may_have_arrived_goes_out_again_under_the_same_key(
    outbox: Outbox, start: Start, told: Told, hook: WebhookSink
):
    hook.inbox.mode = Mode.DIE
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    await outbox.until(message_id, "pending", attempts=1)
    hook.inbox.mode = Mode.ACCEPT
    await outbox.alter(due_at=datetime.now(UTC))
    assert (await outbox.done(message_id)).state == "sent"
    first, second = hook.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert [ok for _, ok, _ in told.results] == [True]


async def test_one_that_hangs_holds_up_nobody(outbox: Outbox, start: Start, smtp: SmtpSink, hook: WebhookSink):
    """R07: two providers hang, full of work of every rank; what can go goes at once."""
    hook.inbox.mode = smtp.inbox.mode = Mode.HANG
    async with WebhookSink() as well:
        await outbox.add("webhook", hook.url, rank=50, n=60)
        await outbox.add("webhook", hook.url, rank=10, n=60)
        await outbox.add("email", FIONA, rank=0, n=60)
        await start(timeout_s=60)
        await hook.inbox.wait_for_attempts(8)
        await smtp.inbox.wait_for_attempts(8)
        (technical,) = await outbox.add("webhook", well.url, rank=50)
        (grave,) = await outbox.add("webhook", well.url, rank=10)
        assert (await outbox.done(technical)).state == "sent"
        assert (await outbox.done(grave)).state == "sent"
    hook.inbox.mode = smtp.inbox.mode = Mode.ACCEPT
    await smtp.wait_for(60)


async def test_an_answer_that_never_comes_is_tried_again(outbox: Outbox, start: Start, hook: WebhookSink):
    hook.inbox.mode = Mode.HANG
    await start(timeout_s=0.2)
    (message_id,) = await outbox.add("webhook", hook.url)
    message = await outbox.until(message_id, "pending", attempts=1)
    assert message.last_error == "no answer within 0.2 s; it may have arrived"
    hook.inbox.mode = Mode.ACCEPT
    await outbox.alter(due_at=datetime.now(UTC))
    assert (await outbox.done(message_id)).state == "sent"


async def test_life_safety_is_next_whatever_waits(outbox: Outbox, start: Start, hook: WebhookSink):
    """R22: before the sender starts, and while it works through a backlog."""
    await outbox.add("webhook", hook.url + "technical", rank=50, n=500)
    await outbox.add("webhook", hook.url + "pendant", rank=10)
    await outbox.add("webhook", hook.url + "fire", rank=0)
    await start()
    await hook.wait_for(40)
    assert {request.path for request in hook.requests[:2]} == {"/fire", "/pendant"}
    before = len(hook.requests)
    (second_fire,) = await outbox.add("webhook", hook.url + "fire2", rank=0)
    await outbox.done(second_fire)
    position = next(i for i, request in enumerate(hook.requests) if request.path == "/fire2")
    assert position - before <= 24, "only what was on its way already goes first"
    await hook.wait_for(503, 30)


async def test_two_senders_send_nothing_twice(outbox: Outbox, start: Start, told: Told, hook: WebhookSink):
    await start()
    await start()
    await outbox.add("webhook", hook.url, rank=50, n=150)
    await hook.wait_for(150)

    async def all_told() -> bool:
        return len(told.results) >= 150

    await until(all_told)
    keys = [request.headers["idempotency-key"] for request in hook.requests]
    assert len(keys) == len(set(keys)) == 150
    assert len({message_id for message_id, _, _ in told.results}) == 150


async def test_a_cancelled_message_does_not_leave(outbox: Outbox, start: Start, told: Told, hook: WebhookSink):
    (message_id,) = await outbox.add("webhook", hook.url)
    await outbox.cancel(message_id)
    await start()
    (later,) = await outbox.add("webhook", hook.url)
    await outbox.done(later)
    assert (await outbox.get(message_id)).state == "cancelled"
    assert [told_of for told_of, _, _ in told.results] == [later]
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("mode", "state", "told_of"), [(Mode.ACCEPT, "sent", [True]), (Mode.TEMPORARY, "cancelled", [])]
)
async def test_cancelled_on_its_way(
    outbox: Outbox, start: Start, told: Told, hook: WebhookSink, mode: Mode, state: str, told_of: list
):
    """E4: what had left before the close is logged; what did not arrive is not tried again."""
    hook.inbox.mode = Mode.HANG
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    await hook.inbox.wait_for_attempts(1)
    await outbox.cancel(message_id)
    hook.inbox.mode = mode
    (later,) = await outbox.add("webhook", hook.url)
    await outbox.until(later, "sent", "pending", attempts=1)
    assert (await outbox.until(message_id, state)).attempts == 1
    assert [ok for told_id, ok, _ in told.results if told_id == message_id] == told_of


async def test_a_late_result_does_not_count_against_the_sender_that_took_over(
    outbox: Outbox, start: Start, hook: WebhookSink
):
    hook.inbox.mode = Mode.HANG
    await start()
    (message_id,) = await outbox.add("webhook", hook.url)
    await hook.inbox.wait_for_attempts(1)
    await outbox.alter(attempts=2, lease_until=datetime.now(UTC) + timedelta(minutes=1))
    hook.inbox.mode = Mode.REJECT
    (later,) = await outbox.add("webhook", hook.url)
    await outbox.done(later)
    assert (await outbox.get(message_id)).state == "sending"


async def test_the_result_and_what_follows_from_it_are_one_transaction(outbox: Outbox, start: Start, hook: WebhookSink):
    """A first try that the database breaks off leaves nothing behind; the second writes both."""
    tries = []

    async def on_result(session: AsyncSession, message: OutboxMessage, _ok: bool, _detail: str) -> None:
        OutboxRepository(session).add([{**follow_up, "subject_id": message.subject_id}])
        tries.append(message.id)
        if len(tries) == 1:
            raise ConnectionResetError("the database went away")

    follow_up = {
        "effect_key": "what follows", "council_id": None, "rank": 50, "target": "supervisor",
        "channel": "email", "address": FIONA, "due_at": datetime.now(UTC) + timedelta(days=1), "message": {},
    }  # fmt: skip
    await start(on_result=on_result)
    (message_id,) = await outbox.add("webhook", hook.url)
    assert (await outbox.done(message_id)).state == "sent"
    assert tries == [message_id] * 2
    assert len(hook.requests) == 1


async def test_a_result_that_cannot_be_told_is_not_sent_for_ever(outbox: Outbox, start: Start, hook: WebhookSink):
    async def on_result(*_: object) -> None:
        raise LookupError("there is no such alarm")

    await start(on_result=on_result)
    (message_id,) = await outbox.add("webhook", hook.url)
    assert (await outbox.done(message_id)).state == "sent"
    assert len(hook.requests) == 1
