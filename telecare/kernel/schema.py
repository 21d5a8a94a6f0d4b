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
