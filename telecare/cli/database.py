"""`telecare db`: the schema, backup and restore."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from alembic import command
from alembic.util import CommandError
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import Connection

from telecare.cli.common import complain, run_command, say
from telecare.cli.dump import Progress
from telecare.cli.dump import backup as write_backup
from telecare.cli.dump import restore as fill_from
from telecare.kernel.db import Database
from telecare.kernel.schema import alembic_config, expected_revision, present_revision
from telecare.kernel.schema import upgrade as upgrade_schema
from telecare.kernel.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The database: its schema, backup and restore.")


@app.command()
def upgrade() -> None:
    """Bring the schema to the version of this program; it gives up when a lock is not to be had within 4 s.

    Example: TELECARE_DATABASE_URL=postgresql://… telecare db upgrade
    """

    async def run() -> int:
        database = Database(Settings())
        try:
            await upgrade_schema(database.engine)
        finally:
            await database.dispose()
        say(f"The schema is at {expected_revision()}.")
        return 0

    run_command(lambda: asyncio.run(run()))


@app.command()
def check(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="on a fresh embedded database: do models and migrations agree?")
    ] = False,
) -> None:
    """Say whether the schema is at the version of this program and agrees with its models.

    Example: telecare db check --embedded
    """
    run_command(lambda: asyncio.run(_check_embedded() if embedded else _check(Settings())))


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="where to; it must not be there yet")]) -> None:
    """Write the whole database to a file, while the service runs. Keep TELECARE_SEAL_KEY elsewhere: it is not in it.

    Example: telecare db backup telecare-2026-11-25.backup
    """

    def run() -> int:
        with _progress("Writing") as tell:
            size = asyncio.run(write_backup(Settings(), file, tell))
        say(f"{file}: {size / 1e6:.1f} MB.")
        return 0

    run_command(run)


@app.command()
def restore(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Fill an empty database from a backup; all of it or nothing. Start no service on it before.

    Example: TELECARE_DATABASE_URL=postgresql://…/telecare_new telecare db restore telecare-2026-11-25.backup
    """

    def run() -> int:
        with _progress("Restoring"):
            asyncio.run(fill_from(Settings(), file))
        say("Restored. `telecare db upgrade` brings it to the version of this program.")
        return 0

    run_command(run)


@contextlib.contextmanager
def _progress(doing: str) -> Iterator[Progress]:
    """Show on a terminal that it goes on."""
    with Console(stderr=True).status(f"{doing} …") as status:
        yield lambda size: status.update(f"{doing} … {size / 1e6:.1f} MB")


async def _check_embedded() -> int:
    from telecare.embedded import EmbeddedPostgres  # noqa: PLC0415 - an extra that a production host lacks

    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        await server.start()
        try:
            settings = Settings(database_url=SecretStr(server.url))
            database = Database(settings)
            await upgrade_schema(database.engine)
            await database.dispose()
            return await _check(settings)
        finally:
            await server.stop()


async def _check(settings: Settings) -> int:
    database = Database(settings)
    try:
        present, expected = await present_revision(database.engine), expected_revision()
        if present != expected:
            complain(f"The schema is at {present}, this program needs {expected}: run `telecare db upgrade`.")
            return 1
        async with database.engine.begin() as connection:
            difference = await connection.run_sync(_difference)
    finally:
        await database.dispose()
    if difference is not None:
        complain(f"The models and the migrations disagree: {difference}")
        return 1
    say(f"The schema is at {expected} and agrees with the models.")
    return 0


def _difference(lent: Connection) -> str | None:
    config = alembic_config()
    config.attributes["connection"] = lent
    config.print_stdout = lambda *_args, **_kwargs: None  # type: ignore[method-assign]
    try:
        command.check(config)
    except CommandError as error:
        return str(error)
    return None
