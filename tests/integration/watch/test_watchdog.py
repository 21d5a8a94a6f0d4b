"""The watchdog on a real database, with its own ways out to real sinks (R18, C26)."""

import asyncio
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from simulators.provider.inbox import Mode
from simulators.provider.sink import SmtpSink, WebhookSink
from telecare.kernel.pure.signing import sign
from telecare.kernel.settings import Settings
from telecare.watch.domain import START_S, Check
from telecare.watch.watchdog import Watchdog
from tests.integration.alarms.world import World

SECRET = "shared with the receiver"


@pytest.fixture
def settings(database_url: str, smtp: SmtpSink, hook: WebhookSink) -> Settings:
    return Settings(
        database_url=database_url,
        mqtt_url=f"mqtt://127.0.0.1:{hook.port}",  # somebody listens there: it stands for the broker
        canary_mqtt_url="mqtt://telecare-canary:pw@127.0.0.1",
        watchdog_smtp_url=f"smtp://127.0.0.1:{smtp.port}",
        watchdog_mail_to="on-call@council.example, second@council.example",
        watchdog_webhook_url=f"{hook.url}page",
        deadman_url=f"{hook.url}ping/5e2b?rid=1",
        webhook_secret=SECRET,
    )


def awake(settings: Settings, for_s: float = 3600) -> Watchdog:
    """A watchdog that has been at it for a while."""
    watchdog = Watchdog(settings)
    watchdog._started -= for_s
    watchdog.watch = replace(watchdog.watch, started_at=watchdog._started)
    return watchdog


async def overdue(world: World, seconds: int, kind: str = "pendant") -> None:
    alarm_id = await world.raise_alarm(kind)
    values = {"id": alarm_id, "s": seconds}
    await world.sql("UPDATE alarm SET next_due_at = clock_timestamp() - :s * interval '1 s' WHERE id = :id", **values)


async def test_all_is_well_pings_and_says_nothing(
    world: World, settings: Settings, smtp: SmtpSink, hook: WebhookSink
) -> None:
    await overdue(world, 5)
    await world.sql("INSERT INTO canary VALUES (gen_random_uuid(), now() - interval '30 s', now() - interval '29 s')")
    watchdog = awake(settings)
    assert await watchdog.problems() == {}
    await watchdog.step()
    assert [(request.method, request.path) for request in hook.requests if request.path != "/page"] == [
        ("GET", "/ping/5e2b?rid=1")
    ]
    assert smtp.messages == []


async def test_an_engine_that_stands_still_is_paged_by_each_way_and_the_dead_man_told_once(
    world: World, settings: Settings, smtp: SmtpSink, hook: WebhookSink
) -> None:
    await overdue(world, 60, "mains_fail")
    await overdue(world, 30)
    await world.sql("INSERT INTO canary VALUES (gen_random_uuid(), now(), now())")
    watchdog = awake(settings)
    await watchdog.step()
    await watchdog.step()
    (mail,) = smtp.messages
    assert set(mail.recipients) == {"on-call@council.example", "second@council.example"}
    assert mail.subject == "Telecare is NOT WELL: engine"
    assert "60 s overdue (of a life-safety alarm 30 s)" in mail.text
    (page,) = [request for request in hook.requests if request.path == "/page"]
    assert page.json()["kind"] == "down"
    assert set(page.json()["problems"]) == {"engine"}
    at = int(page.headers["x-telecare-signature"].partition(",")[0].removeprefix("t="))
    assert page.headers["x-telecare-signature"] == sign(SECRET, at, page.body.encode())
    assert [request.path for request in hook.requests if request.path != "/page"] == ["/ping/5e2b/fail?rid=1"]
    assert watchdog.watch.told == {Check.ENGINE}


async def test_one_way_that_is_down_is_no_excuse_for_the_other(
    world: World, settings: Settings, smtp: SmtpSink, hook: WebhookSink
) -> None:
    await overdue(world, 30)
    hook.inbox.mode = Mode.TEMPORARY
    watchdog = awake(settings, START_S)
    await watchdog.step()
    assert len(smtp.messages) == 1
    assert watchdog.watch.told == {Check.ENGINE}


async def test_a_page_that_reaches_nobody_is_not_taken_for_told(
    world: World, settings: Settings, smtp: SmtpSink, hook: WebhookSink
) -> None:
    await overdue(world, 30)
    hook.inbox.mode = smtp.inbox.mode = Mode.TEMPORARY
    watchdog = awake(settings, START_S)
    await watchdog.step()
    assert watchdog.watch.told == frozenset()
    assert watchdog.watch.try_again_at is not None
    hook.inbox.mode = smtp.inbox.mode = Mode.ACCEPT
    watchdog.watch = replace(watchdog.watch, try_again_at=time.monotonic())
    await watchdog.step()
    assert watchdog.watch.told == {Check.ENGINE}


async def test_three_missed_canaries_are_a_problem_and_two_are_not(world: World, settings: Settings) -> None:
    await world.sql("INSERT INTO canary VALUES (gen_random_uuid(), now() - interval '150 s', now() - interval '149 s')")
    await world.sql("INSERT INTO canary VALUES (gen_random_uuid(), now() - interval '90 s', now() - interval '60 s')")
    assert await awake(settings).problems() == {}
    await world.sql("UPDATE canary SET sent_at = sent_at - interval '60 s', arrived_at = arrived_at - interval '60 s'")
    (words,) = (await awake(settings).problems()).values()
    assert words.startswith("3 test alarms in a row did not come through within 5 s")
    assert await awake(settings, 100).problems() == {}, "a watchdog that has just come has seen none missing yet"


async def test_without_a_canary_none_is_missed(settings: Settings) -> None:
    assert set(await awake(settings).problems()) == {Check.CANARY}, "where one is set up and none was ever sent"
    assert await awake(settings.model_copy(update={"canary_mqtt_url": None})).problems() == {}


async def test_a_message_that_should_have_left_long_ago_is_a_problem_and_a_canarys_is_not(
    world: World, settings: Settings
) -> None:
    settings = settings.model_copy(update={"canary_mqtt_url": None})
    row = (
        "INSERT INTO outbox (id, effect_key, subject_id, rank, target, channel, address, message, due_at) VALUES "
        "(gen_random_uuid(), :channel, gen_random_uuid(), 10, 't', :channel, 'a', '{}', now() - interval '2 min')"
    )
    await world.sql(row, channel="canary")
    assert await awake(settings).problems() == {}
    await world.sql(row, channel="email")
    assert set(await awake(settings).problems()) == {Check.SENDER}
    await world.sql("UPDATE outbox SET state = 'sending', lease_until = now() + interval '5 s'")
    assert await awake(settings).problems() == {}, "a sender has it in hand"


async def test_a_database_and_a_broker_that_are_away_are_told_apart_and_found_again(
    settings: Settings,
) -> None:
    away = settings.model_copy(
        update={
            "canary_mqtt_url": None,
            "database_url": Settings(database_url="postgresql://telecare@127.0.0.1:1/telecare").database_url,
            "mqtt_url": Settings(mqtt_url="mqtt://127.0.0.1:1").mqtt_url,
        }
    )
    watchdog = awake(away)
    assert set(await watchdog.problems()) == {Check.DATABASE, Check.BROKER}
    watchdog._settings = settings.model_copy(update={"canary_mqtt_url": None})
    assert await watchdog.problems() == {}
    assert watchdog._connection is not None
    watchdog._connection.terminate()
    assert await watchdog.problems() == {}, "a lost connection is made anew"


async def test_it_looks_again_and_again_and_ends_when_told_to(settings: Settings, hook: WebhookSink) -> None:
    stop = asyncio.Event()
    quick = settings.model_copy(update={"canary_mqtt_url": None})
    running = asyncio.create_task(Watchdog(quick).run(stop, every_s=0.01))
    await hook.wait_for(1)
    stop.set()
    assert await asyncio.wait_for(running, 20) == 0


async def test_a_watchdog_whom_nobody_would_hear_says_so() -> None:
    stop = asyncio.Event()
    stop.set()
    with capture_logs() as logs:
        await Watchdog(Settings()).run(stop)
    assert "watchdog_is_deaf" in [entry["event"] for entry in logs]
