"""Transactions one after the other on one connection: each is committed by itself, and shares nothing with the next."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.models import Council
from telecare.kernel.db import Chain, Database, LastWrite, write_last
from telecare.kernel.transient import is_transient
from tests.conftest import run_sql

LAST = LastWrite(
    order=0,
    ctes="kept AS (INSERT INTO t SELECT unnest(CAST(:numbers AS int[])) RETURNING 1)",
    result="(SELECT count(*) FROM kept)",
    values=lambda rows: {"numbers": rows},
)
IN_TRANSACTION = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()"


@pytest.fixture
async def numbers(database: Database) -> AsyncIterator[Database]:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE t (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)"))
    yield database
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE t"))


async def add(session: AsyncSession, number: int) -> None:
    await session.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


async def seen(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list((await session.execute(text("SELECT n FROM t ORDER BY n"))).scalars())


async def test_each_is_committed_before_the_next_begins_and_all_by_one_connection(numbers: Database) -> None:
    backends = set()
    async with numbers.chain() as chain:
        for number in range(3):
            async with chain.transaction() as session:
                await add(session, number)
                write_last(session, LAST, [number + 10])
                backends.add((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())
                assert await seen(numbers) == [*range(number), *range(10, 10 + number)]
            assert await seen(numbers) == [*range(number + 1), *range(10, 11 + number)]
    assert len(backends) == 1
    async with numbers.transaction() as session:
        assert (await session.execute(text(IN_TRANSACTION))).scalar_one() == 0


async def break_off(chain: Chain) -> None:
    async with chain.transaction() as session:
        await add(session, 1)
        write_last(session, LAST, [11])
        session.add(Council(code="S12000099", name="Nowhere"))
        raise ZeroDivisionError


async def test_one_that_raises_is_undone_whole_and_the_next_knows_nothing_of_it(numbers: Database) -> None:
    async with numbers.chain() as chain:
        with pytest.raises(ZeroDivisionError):
            await break_off(chain)
        async with chain.transaction() as session:
            await add(session, 2)
        assert await seen(numbers) == [2]
        # What is only found out at the commit is raised there, and undone too.
        with pytest.raises(Exception, match="duplicate key"):
            async with chain.transaction() as session:
                await add(session, 2)
        async with chain.transaction() as session:
            await add(session, 3)
            nowhere = select(func.count()).where(Council.code == "S12000099")
            assert (await session.execute(nowhere)).scalar_one() == 0
    assert await seen(numbers) == [2, 3]


async def test_what_the_session_holds_is_written_and_not_read_again_from_memory(numbers: Database) -> None:
    async with numbers.chain() as chain:
        async with chain.transaction() as session:
            session.add(Council(code="S12000099", name="Nowhere"))
        async with numbers.transaction() as other:
            await other.execute(text("UPDATE council SET name = 'Somewhere' WHERE code = 'S12000099'"))
        async with chain.transaction() as session:
            found = await session.get(Council, "S12000099")
            assert found is not None
            assert found.name == "Somewhere"
            await session.delete(found)
        with pytest.raises(IntegrityError):
            async with chain.transaction() as session:
                session.add(Council(code="S12000017", name="Once more"))
        async with chain.transaction() as session:
            assert await session.get(Council, "S12000099") is None


class CutOff:
    """A driver whose user is cut off while the server has begun a transaction already."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def execute(self, statement: str) -> None:
        await self._driver.execute(statement)
        if statement == "BEGIN":
            raise asyncio.CancelledError


async def test_whoever_is_cut_off_while_it_begins_leaves_no_transaction_behind(numbers: Database) -> None:
    async with numbers.chain() as chain:
        chain._driver = CutOff(chain._driver)
        with pytest.raises(asyncio.CancelledError):
            async with chain.transaction():
                pass
    async with numbers.transaction() as session:
        await add(session, 1)
        assert (await session.execute(text(IN_TRANSACTION))).scalar_one() == 0
    assert await seen(numbers) == [1]


async def lose_the_connection(chain: Chain, postgres_url: str) -> None:
    async with chain.transaction() as session:
        await add(session, 1)
        backend = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await run_sql(postgres_url, f"SELECT pg_terminate_backend({backend}, 5000)")


async def test_a_connection_that_goes_in_the_middle_is_a_fault_that_passes_and_not_one_of_the_work(
    numbers: Database, postgres_url: str
) -> None:
    async with numbers.chain() as chain:
        with pytest.raises(Exception, match=r"terminating|closed|lost") as failure:
            await lose_the_connection(chain, postgres_url)
        assert is_transient(failure.value)
    assert await seen(numbers) == []
    async with numbers.chain() as chain, chain.transaction() as session:
        await add(session, 4)
    assert await seen(numbers) == [4]
