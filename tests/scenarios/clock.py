"""The database's clock in the hands of a test, without touching the product.

A schema `sim` stands before `pg_catalog` in the search path, with clock functions of its own that read a table. Every
statement of the product calls these functions by their bare names, so all of them see the test's moment; column
defaults are bound to a function when the table is made, so they are made anew.
"""

from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from sqlalchemy import text

from telecare.kernel.db import Database
from telecare.kernel.ids import first_id_at
from tests.conftest import run_sql

_FUNCTIONS = ("clock_timestamp", "statement_timestamp", "transaction_timestamp", "now")
_DEFAULTS = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT c.oid::regclass AS of_table, a.attname AS of_column
          FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
          JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
         WHERE pg_get_expr(d.adbin, d.adrelid) ~ '^(pg_catalog\\.)?(now|clock_timestamp|statement_timestamp)\\(\\)$'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT sim.now()', found.of_table, found.of_column);
    END LOOP;
END $$
"""


class Births:
    """Ids tell when they were born, and some queries go by that: here they are born by the same clock, in order."""

    def __init__(self) -> None:
        self.moment = datetime(2027, 1, 1, tzinfo=UTC)
        self._numbers = count(1)

    def born(self) -> UUID:
        return UUID(int=first_id_at(self.moment).int + next(self._numbers))


BIRTHS = Births()


async def give_clock(url: str, name: str) -> None:
    """Put the clock of a database, which has nothing connected, into our hands."""
    await run_sql(
        url,
        "CREATE SCHEMA sim",
        "CREATE TABLE sim.clock (moment timestamptz NOT NULL)",
        "INSERT INTO sim.clock VALUES (pg_catalog.now())",
        *(
            f"CREATE FUNCTION sim.{function}() RETURNS timestamptz LANGUAGE sql VOLATILE "  # noqa: S608 - our own names
            "AS 'SELECT moment FROM sim.clock'"
            for function in _FUNCTIONS
        ),
        _DEFAULTS,
        f"ALTER DATABASE {name} SET search_path = sim, pg_catalog, public",
    )


async def set_clock(database: Database, moment: datetime) -> None:
    """Let it be this moment."""
    BIRTHS.moment = moment
    async with database.transaction() as session:
        await session.execute(text("UPDATE sim.clock SET moment = :moment"), {"moment": moment})
