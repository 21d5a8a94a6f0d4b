"""`telecare switchover import`: tried out, made live, reported, refused; codes for scripts and no traceback."""

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select
from typer.testing import CliRunner

from devices.registry.models import Hub, Person
from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.homes import HOME, add_models, sheet

WRONG = HOME | {"hub_id": "SK-2", "postcode": "PX31"}


async def telecare(settings: Settings, *arguments: object) -> Any:
    environment = {
        "TELECARE_DATABASE_URL": settings.database_url.get_secret_value(),
        "TELECARE_SEAL_KEY": settings.seal_key.get_secret_value(),
    }
    words = ["switchover", "import", *map(str, arguments)]
    return await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)


async def registered(database: Database) -> tuple[int, int]:
    """Return how many hubs and people there are."""
    async with database.transaction() as session:
        counts = [await session.scalar(select(func.count()).select_from(table)) for table in (Hub, Person)]
    return counts[0] or 0, counts[1] or 0


async def test_a_list_is_tried_out_made_live_and_reported(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    """One test, as each step needs what stands after the one before."""
    async with database.transaction() as session:
        await add_models(session)
    homes, book, table = tmp_path / "homes.csv", tmp_path / "back.xlsx", tmp_path / "back.csv"
    homes.write_bytes(sheet(HOME, WRONG).replace(b"hub_id", b"Our ref"))
    mapped = ("--map", "Our ref=hub_id")

    tried = await telecare(settings, homes, *mapped, "--dry-run", "--report", book)
    assert tried.exit_code == 1, "a row is refused"
    assert "Our ref: Hub id (said)" in tried.stdout
    assert "Row 3 SK-2: " in tried.stdout
    assert "not a UK postcode" in tried.stdout
    assert tried.stdout.splitlines()[-1] == "Would be: 1 error, 1 created."
    assert await registered(database) == (0, 0)
    head, *rows = CalamineWorkbook.from_path(book).get_sheet_by_index(0).to_python()
    assert [row[1].partition(":")[0] for row in rows] == ["Accepted, new", "Refused"]
    assert "Our ref" in head

    done = await telecare(settings, homes, *mapped, "--report", table)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (1, "Done: 1 error, 1 created.")
    assert await registered(database) == (1, 1)
    with table.open(newline="", encoding="utf-8-sig") as file:
        assert [row["Refused because"] != "" for row in csv.DictReader(file)] == [False, True]

    homes.write_bytes(sheet(HOME).replace(b"hub_id", b"Our ref"))
    again = await telecare(settings, homes)
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "Done: 1 unchanged."), "a known heading"

    units = tmp_path / "units.csv"
    units.write_bytes(sheet({"hub_id": "SK-1", "serial_number": "S-77"}, {"hub_id": "SK-9", "serial_number": "S-78"}))
    visited = await telecare(settings, units, "--kind", "installer", "--council", "Argyll and Bute")
    assert visited.stdout.splitlines()[-1] == "Done: 1 updated, 1 unmatched."
    async with database.transaction() as session:
        assert (await session.execute(select(Hub.serial))).scalars().all() == ["S-77"]

    picture = tmp_path / "users.xlsx"
    picture.write_bytes(b"%PDF-1.7 x")
    refused = await telecare(settings, picture)
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert refused.stderr.startswith("users.xlsx: ")
    assert await registered(database) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--map", "Our ref"), "Post Code=postcode"),
        (("--report", "back.pdf"), ".xlsx or .csv"),
        (("--report", "no/such/folder/back.csv"), "no/such/folder"),
        (("--council", "Fyfe"), "Fyfe"),
    ],
)
async def test_wrong_use_is_said_before_anything_is_read(wrong: tuple[str, ...], said: str, tmp_path: Path) -> None:
    homes = tmp_path / "homes.csv"
    homes.write_bytes(sheet(HOME))
    told = await asyncio.to_thread(CliRunner().invoke, app, ["switchover", "import", str(homes), *wrong])
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1), told.output
    assert said in told.stderr
