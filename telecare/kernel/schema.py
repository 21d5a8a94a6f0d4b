"""The version of the database's schema, and the one that this program was written for."""

from functools import cache
from importlib.util import find_spec

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from telecare.kernel.errors import UnavailableError
from telecare.kernel.logging import get_logger

log = get_logger("schema")

_PRESENT = text("SELECT version_num FROM alembic_version")


def alembic_config() -> Config:
    """Return Alembic's configuration, wherever the package of the migrations is installed."""
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package of the migrations is not installed: reinstall telecare")
    config = Config()
    config.set_main_option("script_location", spec.submodule_search_locations[0].replace("%", "%%"))
    return config


@cache
def expected_revision() -> str | None:
    """Return the newest revision that this program knows."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def present_revision(engine: AsyncEngine) -> str | None:
    """Return the revision of the database, None when it has no schema."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda lent: MigrationContext.configure(lent).get_current_revision())


class SchemaChangedError(Exception):
    """The schema under a running process is no longer the one that it was written for."""


class SchemaGate:
    """Whether a process may work: only on the schema that it was written for, and as long as that stays (R20)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._open = False

    async def look(self) -> bool:
        """Return whether the schema fits; SchemaChangedError when it did at an earlier look and no longer does."""
        present = await present_revision(self._engine)
        fits = present == expected_revision()
        if self._open and not fits:
            raise SchemaChangedError(f"The schema is at {present}; this program was written for another")
        if not fits:
            log.warning("waits_for_its_schema", present=present, expected=expected_revision())
        self._open = fits
        return fits


async def require_own_schema(session: AsyncSession) -> None:
    """Raise UnavailableError when the schema is not the one that this program was written for.

    Asked in the transaction that is about to write: a migration may have come since the last look at it.
    """
    present = (await session.execute(_PRESENT)).scalar_one_or_none()
    if present != expected_revision():
        raise UnavailableError(
            f"The schema is at {present}, this program was written for {expected_revision()}: nothing can be changed "
            "until the two fit. Reading goes on"
        )


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the database to the newest revision, in one transaction."""

    def run(lent: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = lent
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(run)
