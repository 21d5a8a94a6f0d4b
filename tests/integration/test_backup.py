"""Backup and restore by the real programs: what comes back is what was there; what cannot be done changes nothing."""

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from devices.registry.seed import seed_fleet
from telecare.api.deps import Services
from telecare.cli.dump import backup, restore
from telecare.kernel.db import Base, Database
from telecare.kernel.errors import ConflictError, InvalidError, UnavailableError
from telecare.kernel.settings import Settings
from tests.conftest import in_database, run_sql

SECRET = "5e" * 32


async def contents(database: Database) -> dict[str, str | None]:
    """A digest of each table's rows."""
    async with database.transaction() as session:
        return {
            table: (
                await session.execute(
                    text(f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} t")  # noqa: S608 - our own names
                )
            ).scalar_one()
            for table in sorted(Base.metadata.tables)
        }


@pytest.fixture
async def empty(postgres_url: str) -> Settings:
    await run_sql(postgres_url, "DROP DATABASE IF EXISTS restored", "CREATE DATABASE restored")
    return Settings(database_url=in_database(postgres_url, "restored"))


async def test_what_was_saved_comes_back(services: Services, empty: Settings, tmp_path: Path) -> None:
    async with services.database.transaction() as session:
        await seed_fleet(session, services.sealer, SECRET, 20)
    file = tmp_path / "all.backup"
    assert await backup(services.settings, file, lambda _: None) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    await restore(empty, file)
    restored = Database(empty)
    assert await contents(restored) == await contents(services.database)
    await restored.dispose()


async def test_a_backup_never_replaces_a_file_and_a_failed_one_leaves_none(
    services: Services, tmp_path: Path, postgres_url: str
) -> None:
    file = tmp_path / "all.backup"
    file.write_text("another")
    with pytest.raises(ConflictError, match="there already"):
        await backup(services.settings, file, lambda _: None)
    assert file.read_text() == "another"
    await run_sql(postgres_url, "DROP ROLE IF EXISTS nobody", "CREATE ROLE nobody LOGIN")
    stranger = Settings(
        database_url=services.settings.database_url.get_secret_value().replace("//telecare@", "//nobody@")
    )
    with pytest.raises(UnavailableError, match="permission denied"):
        await backup(stranger, tmp_path / "other.backup", lambda _: None)
    assert os.listdir(tmp_path) == ["all.backup"]  # noqa: PTH208 - names are what is asked for
    await run_sql(postgres_url, "DROP ROLE nobody")


async def test_only_an_empty_database_is_filled_and_only_from_a_whole_backup(
    services: Services, empty: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"
    await backup(services.settings, file, lambda _: None)
    with pytest.raises(ConflictError, match="not empty"):
        await restore(services.settings, file)
    other = tmp_path / "notes.txt"
    other.write_text("dear diary")
    with pytest.raises(InvalidError, match="no backup"):
        await restore(empty, other)
    cut = tmp_path / "cut.backup"
    cut.write_bytes(file.read_bytes()[:-20_000])
    with pytest.raises(UnavailableError, match="nothing was changed"):
        await restore(empty, cut)
    await restore(empty, file)  # it is empty still
