"""`telecare rota` on the demo's responders, who are the same at each start."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from telecare.cli.main import app
from telecare.embedded.responders import add_responders
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings


@pytest.fixture
async def seeded(database: Database) -> Database:
    for _ in range(2):
        async with database.transaction() as session:
            await add_responders(session)
    return database


async def telecare(settings: Settings, *arguments: str):
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["rota", *arguments], env=environment)


async def as_json(settings: Settings, *arguments: str) -> Any:
    done = await telecare(settings, *arguments, "--json")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)


async def test_the_demo_has_responders_once_and_its_rotas_leave_no_gap(seeded: Database, settings: Settings) -> None:
    async with seeded.transaction() as session:
        assert (await session.execute(text("SELECT count(*), count(DISTINCT key) FROM responder"))).one() == (5, 5)
        assert (await session.execute(text("SELECT count(*) FROM team_member"))).scalar_one() == 3
    for key in ("wardens-on-call", "out-of-hours"):
        done = await telecare(settings, "gaps", key, "--days", "60")
        assert (done.exit_code, "somebody is on at every moment" in done.stdout) == (0, True), done.stdout


@pytest.mark.usefixtures("seeded")
async def test_who_is_on_call_is_said_for_any_moment(settings: Settings) -> None:
    shown = await as_json(settings, "on-call", "--at", "2026-03-02T10:30")
    on = {each["key"]: [member["key"] for member in each["members"]] for each in shown["items"]}
    assert on["out-of-hours"] == ["struan-kerr"], "a Monday, in the office"
    assert len(on["wardens-on-call"]) == 1
    later = await as_json(settings, "on-call", "--at", "2026-03-02T11:30")
    assert {each["key"]: each["members"] for each in later["items"]}["wardens-on-call"][0]["key"] not in on[
        "wardens-on-call"
    ], "it moves each hour"
    assert "changes at" in (await telecare(settings, "on-call")).stdout
    assert (await telecare(settings, "on-call", "--at", "noon")).exit_code == 1


async def test_gaps_are_named_with_code_1(seeded: Database, settings: Settings) -> None:
    async with seeded.transaction() as session:
        await session.execute(text("UPDATE responder SET active = false WHERE key = 'struan-kerr'"))
    done = await telecare(settings, "gaps", "out-of-hours", "--days", "7")
    assert done.exit_code == 1
    assert "nobody from" in done.stdout
    (found,) = await as_json(settings, "gaps", "out-of-hours", "--days", "7")
    assert len(found["gaps"]) >= 1
    assert (await telecare(settings, "gaps", "no-such-rota")).exit_code == 1


async def test_a_file_is_imported_whole_or_not_at_all(seeded: Database, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "rotas.yaml"
    layer = "{kind: rotation, unit: weekly, starts_at: 2026-01-05 09:00, members: [struan-kerr]}"
    rota = f"rotas:\n  - {{key: nights, name: Nights, council_id: S12000017, layers: [{layer}]}}\n"
    file.write_text(rota)
    tried = await as_json(settings, "import", str(file), "--dry-run")
    assert ([each["status"] for each in tried["rotas"]], tried["done"]) == (["created"], False)
    done = await telecare(settings, "import", str(file))
    assert (done.exit_code, done.stdout) == (0, "nights S12000017: created\n")
    file.write_text(rota.replace("name: Nights", "name: Other, as_of: 7"))
    stale = await telecare(settings, "import", str(file))
    assert (stale.exit_code, "Line 2: the rota nights has changed since its version 7" in stale.stdout) == (1, True)
    file.write_text(rota.replace("struan-kerr", "nobody") + rota.partition("\n")[2].replace("nights", "other"))
    failed = await telecare(settings, "import", str(file))
    assert failed.exit_code == 1
    assert "Line 2:" in failed.stdout
    async with seeded.transaction() as session:
        keys = set((await session.execute(text("SELECT key FROM rota"))).scalars())
        assert keys == {"nights", "wardens-on-call", "out-of-hours"}
        entry = text("SELECT count(*) FROM audit WHERE action = 'rota_imported' AND actor = 'system'")
        assert (await session.execute(entry)).scalar_one() == 1
