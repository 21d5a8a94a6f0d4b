"""The pool of connections: what its server has closed is never given to anybody."""

from sqlalchemy import text

from telecare.kernel.db import Database
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
