"""What waits in a real broker is deafness: nobody is judged by it, and it is over when all that waited is written."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import paho.mqtt.publish
import pytest
from pydantic import SecretStr

from devices.presence import verdict_repository
from devices.presence.domain import Presence
from devices.presence.verdict_repository import Ear as Hearing
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.embedded import EmbeddedBroker
from telecare.embedded.mosquitto import Mosquitto, find_mosquitto
from telecare.embedded.ports import free_port
from telecare.ingest import ear, lane, read_ahead
from telecare.ingest.slot import SlotLease
from telecare.ingest.taker import HeartbeatTaker
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.devices.standing import INTERVAL_S, Fleet

LIMIT_S = 120.0
MANY = 2000
PASSWORD = "a-password-of-tests"

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=needs_mosquitto)])
async def port(
    request: pytest.FixtureRequest, database: Database, settings: Settings, tmp_path: Path
) -> AsyncIterator[int]:
    """A broker with our accounts."""
    async with database.transaction() as session:
        await set_broker_account(session, "telecare", PASSWORD, BrokerRole.SERVICE)
        await set_broker_account(session, "relay", PASSWORD, BrokerRole.GATEWAY)
    free = free_port()
    if request.param == "mosquitto":
        broker: Mosquitto | EmbeddedBroker = Mosquitto(settings, tmp_path / "broker", port=free)
    else:
        broker = EmbeddedBroker(settings.database_url.get_secret_value(), port=free, log_file=tmp_path / "broker.log")
    await broker.start()
    yield free
    await broker.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds for minutes; and little is read at once, so that what waits is in the broker and what is read is new."""
    monkeypatch.setattr(lane, "MAX_IN_HAND_BYTES", 10_000)
    monkeypatch.setattr(read_ahead, "AHEAD", 2048)
    monkeypatch.setattr(ear, "MARKS_EVERY_S", 0.05)
    monkeypatch.setattr(ear, "BEHIND_S", 0.5)
    monkeypatch.setattr(verdict_repository, "DEAF_AFTER", timedelta(seconds=1))


@pytest.fixture
async def fleet(database: Database) -> Fleet:
    """A hub that is online, and as yet nobody who hears."""
    fleet = Fleet(database)
    await fleet.settle()
    await fleet.beats()
    await fleet.judge()
    await fleet.sql("DELETE FROM listening")
    return fleet


class Service:
    """What takes heartbeats: it can end, and begin anew."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        stop, taker = asyncio.Event(), HeartbeatTaker(self._settings, self._database)
        lease = SlotLease(self._settings, [taker.connection])
        self._running = [asyncio.create_task(lease.run(stop)), asyncio.create_task(taker.run(lease, stop))]

    async def end(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


@pytest.fixture
async def service(port: int, database: Database, settings: Settings) -> AsyncIterator[Service]:
    url = SecretStr(f"mqtt://telecare:{PASSWORD}@127.0.0.1:{port}")
    service = Service(settings.model_copy(update={"mqtt_url": url}), database)
    service.start()
    yield service
    await service.end()


async def hearing(fleet: Fleet) -> Hearing:
    async with fleet.database.transaction() as session:
        return await VerdictRepository(session).ear()


async def until_deaf(fleet: Fleet, *, deaf: bool) -> Hearing:
    async with asyncio.timeout(LIMIT_S):
        while (found := await hearing(fleet)).deaf != deaf:  # noqa: ASYNC110 - the service's doing
            await asyncio.sleep(0.01)
        return found


async def let_many_wait(port: int) -> None:
    """Fill the broker's queue; h1's own heartbeat is the last in it."""
    topics = [*(f"telecare/v1/x{number}/heartbeat" for number in range(MANY)), "telecare/v1/h1/heartbeat"]
    messages: paho.mqtt.publish.MessagesList = [(topic, b"{}", 1, False) for topic in topics]
    login: paho.mqtt.publish.AuthParameter = {"username": "relay", "password": PASSWORD}
    await asyncio.to_thread(
        paho.mqtt.publish.multiple, messages, hostname="127.0.0.1", port=port, auth=login, client_id="relay"
    )


async def write_slowly(fleet: Fleet) -> None:
    """Let a heartbeat take the database a millisecond."""
    await fleet.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END $$"
    )
    await fleet.sql("CREATE TRIGGER slow BEFORE INSERT ON heartbeat FOR EACH ROW EXECUTE FUNCTION slow()")


async def seen_at(fleet: Fleet) -> datetime:
    ((at,),) = await fleet.sql("SELECT last_seen_at FROM hub_live WHERE hub_id = 'h1'")
    assert isinstance(at, datetime)
    return at


@pytest.mark.usefixtures("service")
async def test_heartbeats_that_wait_in_the_broker_make_us_deaf_until_they_are_written(port: int, fleet: Fleet) -> None:
    await until_deaf(fleet, deaf=False)
    await write_slowly(fleet)
    await fleet.was_heard(ago_s=10 * INTERVAL_S)
    before = await seen_at(fleet)
    await let_many_wait(port)
    await until_deaf(fleet, deaf=True)
    assert await seen_at(fleet) == before, "its heartbeat still waits"
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE, "and its silence may be ours"
    found = await until_deaf(fleet, deaf=False)
    assert await seen_at(fleet) > before, "we hear again when all that waited is written"
    assert found.listening_from is not None, "and the gap is on record"
    await fleet.judge()
    assert await fleet.state() == Presence.ONLINE


async def test_what_the_broker_kept_while_we_were_away_is_written_in_the_gap_and_proves_nobody_after_it(
    port: int, fleet: Fleet, service: Service
) -> None:
    await until_deaf(fleet, deaf=False)
    await fleet.was_heard(ago_s=10 * INTERVAL_S)
    before = await seen_at(fleet)
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE
    await service.end()
    await until_deaf(fleet, deaf=True)
    await let_many_wait(port)
    await let_many_wait(port)  # with which h1 has spoken twice
    await write_slowly(fleet)
    service.start()
    found = await until_deaf(fleet, deaf=False)
    assert found.listening_from is not None
    assert before < await seen_at(fleet) <= found.listening_from, "a list of the gap takes it for silent since"
    await fleet.judge()
    assert await fleet.state() == Presence.OFFLINE, "nobody knows when in the gap it spoke"
    for _ in range(2):
        await fleet.beats()
        await fleet.judge()
    assert await fleet.state() == Presence.ONLINE
