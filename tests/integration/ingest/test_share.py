"""Two processes that share the heartbeats, on a real Mosquitto: killed, gone, back; and each hub in its order."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from simulators.broker import Broker
from simulators.fleet.pour import Poured, PourOptions, pour
from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab, sharing, wait_for_up
from telecare.embedded.mosquitto import find_mosquitto
from telecare.embedded.ports import free_port
from telecare.ingest.lane import Place
from telecare.ingest.retire import retire
from telecare.kernel.db import Database, asyncpg_dsn

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")

HUBS = 50
LIMIT_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-share-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


@pytest.fixture
async def lab(folder: Path) -> AsyncIterator[Lab]:
    roles, own = sharing(2)
    async with Lab(
        folder, homes=5, http_port=free_port(), mqtt_port=free_port(), mosquitto=True, roles=roles, own=own
    ) as lab:
        yield lab


@pytest.fixture
async def database(lab: Lab) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(asyncpg_dsn(lab.postgres.url))
    yield connection
    await connection.close()


async def beats(lab: Lab, count: int, rate_per_s: float | None = None) -> Poured:
    broker, password = Broker.parse(lab.mqtt_url), lab.secrets.gateway_password
    options = PourOptions(HUBS, count, rate_per_s)
    return await pour(broker, GATEWAY_ACCOUNT, password, options, asyncio.Event())


async def all_there(database: asyncpg.Connection, count: int) -> None:
    """Wait until so many different heartbeats are written, and the last of each hub is what counts."""
    async with asyncio.timeout(LIMIT_S):
        while await database.fetchval("SELECT count(DISTINCT (hub_id, payload)) FROM heartbeat") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_nothing_is_lost_and_each_hub_keeps_its_order(lab: Lab, database: asyncpg.Connection) -> None:
    second = lab.services["ingest-2"]
    pouring = asyncio.create_task(beats(lab, 6000, 3000))
    async with asyncio.timeout(LIMIT_S):
        while not await database.fetchval("SELECT count(*) > 1000 FROM heartbeat"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    second.kill()
    assert (await pouring).answered == 6000
    await all_there(database, 6000)
    await wait_for_up(second)
    heard = await database.fetch("SELECT slot, share_of FROM listening ORDER BY slot")
    assert [tuple(row) for row in heard] == [("1.1", "1"), ("1.2", "1")]
    assert "share_delivers_nothing" not in lab.log.read_text()

    await second.stop()  # and nobody starts it: a guest takes its part
    await beats(lab, 1000)
    await all_there(database, 7000)
    await second.start()  # the guest goes
    await beats(lab, 1000)
    await all_there(database, 8000)

    await second.stop()
    await lab.services["ingest-1"].stop()  # it was to be one of one from now on
    await beats(lab, 500)
    base = lab.settings()
    store = Database(base)
    await retire(base, store, Place("1", 2))
    await store.dispose()
    assert [row["slot"] for row in await database.fetch("SELECT slot FROM listening")] == ["1.1"]
    await lab.services["ingest-1"].start()
    await beats(lab, 500)
    await all_there(database, 9000)

    wrong = await database.fetch(
        "SELECT hub_id FROM hub_live l WHERE hub_id LIKE 'pour-%' AND (boot_id, seq) <> ("
        " SELECT j->>'boot_id', (j->>'seq')::bigint FROM heartbeat h, convert_from(h.payload, 'UTF8') w,"
        " CAST(w AS jsonb) j WHERE h.hub_id = l.hub_id ORDER BY j->>'at' DESC, (j->>'seq')::bigint DESC LIMIT 1)"
    )
    assert wrong == [], "the newest counts, whoever wrote it when"
    assert await database.fetchval("SELECT count(*) FROM hub_live WHERE hub_id LIKE 'pour-%'") == HUBS
    assert await database.fetchval("SELECT count(*) FROM alarm") == 0, "no hub is taken for two"
    assert await database.fetchval("SELECT count(*) FROM deaf_period") == 0
