"""The pool of connections: what its server has closed or taken with it keeps nobody waiting."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, make_url, select, text

from devices.registry.models import Council, Hub
from telecare.embedded.ports import free_port
from telecare.kernel.among import among
from telecare.kernel.db import ALARM_PATH, ANSWER_S, INTAKE, Database, Limits, copy_in
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_of_database, is_transient
from tests.conftest import run_sql


async def test_connections_that_the_server_closed_are_replaced_before_the_work(
    database: Database, postgres_url: str
) -> None:
    async with database.transaction() as one, database.transaction() as other:
        backends = {(await session.execute(text("SELECT pg_backend_pid()"))).scalar_one() for session in (one, other)}
    await run_sql(postgres_url, *(f"SELECT pg_terminate_backend({backend}, 5000)" for backend in backends))
    for _ in range(3):
        async with database.transaction() as session:
            assert (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one() not in backends


@asynccontextmanager
async def wire_to(url: str, cut: asyncio.Event) -> AsyncIterator[str]:
    """A TCP way to the server, on which everything vanishes while `cut` is set: no reset, no end."""
    address = make_url(url)
    socket = f"{address.query['host']}/.s.PGSQL.{address.query['port']}"

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not cut.is_set():
                writer.write(data)
        writer.close()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(socket)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    yield f"postgresql+asyncpg://{address.username}@127.0.0.1:{server.sockets[0].getsockname()[1]}/{address.database}"
    server.close()


async def test_a_server_that_vanished_with_its_network_is_noticed_and_its_return_too(database_url: str) -> None:
    """A failover without a reset: TCP alone would wait for a quarter of an hour, and every worker with it."""
    cut = asyncio.Event()
    async with wire_to(database_url, cut) as url:
        database = Database(Settings(database_url=url), Limits(kept=2, peak=0, statement_s=1))
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
        cut.set()
        started = time.monotonic()
        with pytest.raises(TimeoutError) as failure:
            async with asyncio.timeout(60), database.transaction() as session:
                await session.execute(text("SELECT 1"))
        assert time.monotonic() - started < 1 + ANSWER_S + 10
        assert is_transient(failure.value)
        assert is_of_database(failure.value)
        cut.clear()
        async with database.transaction() as session:
            assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
        await database.dispose()


async def test_what_a_server_cannot_do_just_now_is_not_taken_for_a_fault_of_the_work(
    database: Database, postgres_url: str, database_url: str
) -> None:
    name = make_url(database_url).database
    for state, back in (
        (f"ALTER DATABASE {name} SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
        (f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"),
    ):
        await run_sql(postgres_url, state)
        await database.engine.dispose()
        with pytest.raises(Exception, match=r"read-only|not currently accepting") as failure:
            async with database.transaction() as session:
                await session.execute(text("CREATE TABLE t ()"))
        assert is_transient(failure.value)
        await run_sql(postgres_url, f"ALTER DATABASE {name} {back}")
    await database.engine.dispose()
    with pytest.raises(Exception, match="division by zero") as failure:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1 / 0"))
    assert not is_transient(failure.value)


async def test_a_wait_of_ours_that_took_too_long_is_not_told_as_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(TimeoutError) as ours:
        async with asyncio.timeout(0.05), database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(5)"))
    assert not is_of_database(ours.value)
    away = Database(Settings(database_url=f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none"))
    with pytest.raises(OSError, match="Connect call failed") as theirs:
        async with away.transaction() as session:
            await session.execute(text("SELECT 1"))
    assert is_of_database(theirs.value)
    await away.dispose()


async def test_what_was_used_last_is_used_next(database: Database) -> None:
    """A connection that has not yet seen a statement takes ten times as long for it."""

    async def backend() -> int:
        async with database.transaction() as session:
            pid: int = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await asyncio.sleep(0.05)
            return pid

    assert len({*await asyncio.gather(*(backend() for _ in range(4)))}) == 4
    assert len({await backend() for _ in range(4)}) == 1


@pytest.mark.parametrize("limits", [None, INTAKE, ALARM_PATH], ids=["web", "intake", "alarm path"])
async def test_a_peak_has_its_connections_and_few_are_kept_after_it(settings: Settings, limits: Limits | None) -> None:
    """What each has prepared is memory: the more are kept, the longer it grows."""
    database = Database(settings, limits)
    most = 30 if limits is None else limits.kept + limits.peak
    together = asyncio.Barrier(most)

    async def work() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            await together.wait()

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(most)))
    assert database.engine.pool.checkedin() <= 8  # type: ignore[attr-defined] - a queue pool's own
    assert most >= 14
    await database.dispose()


@pytest.mark.parametrize("known", [False, True], ids=["before the driver knows", "once it knows"])
async def test_a_copy_over_a_connection_that_has_gone_passes_by_itself(
    database: Database, postgres_url: str, known: bool
) -> None:
    """The driver says so in words of its own: whoever writes heartbeats must try again, and not take them apart."""

    async def write() -> None:
        async with database.transaction() as session:
            backend = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await run_sql(postgres_url, f"SELECT pg_terminate_backend({backend}, 5000)")
            driver = (await (await session.connection()).get_raw_connection()).driver_connection
            async with asyncio.timeout(20):
                while known and not driver.is_closed():  # noqa: ASYNC110 - the driver tells nobody
                    await asyncio.sleep(0)
            await copy_in(session, "heartbeat", ("id", "hub_id", "payload"), [(new_id(), "h", b"{}")])

    with pytest.raises(Exception) as failure:  # noqa: PT011 - which one is what is asked below
        await write()
    assert is_transient(failure.value)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM heartbeat"))).scalar_one() == 0


async def test_a_list_of_any_length_is_prepared_once(database: Database) -> None:
    kept = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT hub.hub_id%'")
    async with database.transaction() as session:
        for count in range(20):
            wanted = among(Hub.hub_id, (f"SK-{number:05}" for number in range(count)))
            assert (await session.execute(select(Hub.hub_id).where(wanted | ~wanted))).all() == []
        assert (await session.execute(kept)).scalar_one() == 1


@pytest.mark.parametrize(("listed", "found"), [([], 0), (["S12000035"], 1), (["S12000035x", "S12"], 0)])
async def test_what_is_among_others_is_what_they_are_in_full(database: Database, listed: list[str], found: int) -> None:
    async with database.transaction() as session:
        these = among(Council.code, listed)
        counts = select(func.count(), func.count().filter(these), func.count().filter(~these)).select_from(Council)
        every, inside, outside = (await session.execute(counts)).one()
    assert (inside, outside) == (found, every - found)
