"""The database's clock in a test's hand: it stands, goes on, and is set, and all statements of the service read it."""

from datetime import datetime

from sqlalchemy import text

from telecare.kernel.db import Database

# What no schema of the system's is named before is found first: ours, in place of the server's own.
_HANG = (
    "CREATE SCHEMA wall",
    "CREATE TABLE wall.clock AS SELECT clock_timestamp() AS at",
    "CREATE FUNCTION wall.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM wall.clock'",
    """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = wall, public, pg_catalog', current_database());
    END $$
    """,
)


class WallClock:
    """The clock of one database of a test's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hang(self) -> None:
        """Put it in place of the server's; whoever is connected connects anew."""
        async with self._database.transaction() as session:
            for statement in _HANG:
                await session.execute(text(statement))
        await self._database.dispose()

    async def set(self, at: datetime) -> None:
        """Let it be this moment."""
        async with self._database.transaction() as session:
            await session.execute(text("UPDATE wall.clock SET at = :at"), {"at": at})
