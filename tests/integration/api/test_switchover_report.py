"""Awards and the report over the API, counted from a real register; the fleet and the report as workbooks."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from typer.testing import CliRunner

from devices.switchover.awards.tasks import AwardCount
from telecare.access.domain import UserRole
from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FALKIRK, FIFE, GLASGOW, Register

REPORT = "/api/v1/reports/switchover"


@pytest.fixture
async def fleet(register: Register, database: Database) -> list[str]:
    """Three users: one live digital, one digital that nobody accepted, one analogue."""
    model = (await register.model())["id"]
    hubs = []
    for connection in ("digital", "digital", "analogue"):
        hub_id = await register.hub(model_id=model, connection=connection)
        await register.install(hub_id, **await register.home())
        hubs.append(hub_id)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE installation SET accepted_at = now(), accepted_by = 'user:rory' WHERE hub_id = :hub_id"),
            {"hub_id": hubs[0]},
        )
    await AwardCount(database).count()
    return hubs


async def fife(client: httpx.AsyncClient) -> dict[str, Any]:
    reply = await client.get(REPORT, params={"council": "Fife"})
    assert reply.status_code == 200, reply.text
    (found,) = reply.json()["councils"]
    return dict(found)


@pytest.mark.usefixtures("fleet")
async def test_awards_are_counted_attested_and_taken_back(
    client_for: ClientFor, administrator: httpx.AsyncClient
) -> None:
    supervisor, engineer = await client_for(UserRole.SUPERVISOR, FIFE), await client_for(UserRole.ENGINEER, FIFE)
    shown = await fife(engineer)
    assert (shown["users"], shown["digital_ready"], shown["live_digital"]) == (3, 2, 1)
    by_award = {one["award"]: one for one in shown["awards"]}
    assert [name for name, one in by_award.items() if one["now"]] == ["bronze"]
    assert by_award["bronze"]["first_on"] == shown["day"]
    body = {
        "council_id": FIFE,
        "criterion": "gold_1_arc",
        "evidence": "ten test calls, minute 4",
        "met_on": "2026-01-05",
    }
    assert (await engineer.post("/api/v1/switchover/attestations", json=body)).status_code == 403
    counted = body | {"criterion": "bronze_ready"}
    assert (await supervisor.post("/api/v1/switchover/attestations", json=counted)).status_code == 422
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    early = await supervisor.post("/api/v1/switchover/attestations", json=body | {"met_on": tomorrow})
    assert early.status_code == 409
    said = (await supervisor.post("/api/v1/switchover/attestations", json=body)).json()
    assert (await supervisor.post("/api/v1/switchover/attestations", json=body)).status_code == 409
    gold = next(one for one in (await fife(engineer))["awards"] if one["award"] == "gold_1")
    assert (gold["now"], gold["first_on"]) == (True, shown["day"])
    one = f"/api/v1/switchover/attestations/{said['id']}/withdraw"
    assert (await supervisor.post(one, json={"reason": "of another council"})).status_code == 200
    gold = next(one for one in (await fife(engineer))["awards"] if one["award"] == "gold_1")
    assert not gold["now"]
    acts = (await administrator.get(f"/api/v1/audit?subject_id={said['id']}")).json()["items"]
    assert [act["action"] for act in acts] == ["award_attestation_withdrawn", "award_attested"]


@pytest.mark.usefixtures("fleet")
async def test_prices_are_the_councils_counts_are_ours_and_all_of_it_leaves_as_tables(client_for: ClientFor) -> None:
    supervisor, other = await client_for(UserRole.SUPERVISOR, FIFE), await client_for(UserRole.SUPERVISOR, GLASGOW)
    costs = {"council_id": FIFE, "items": {"device": 24_950, "swap": 1_000}, "source": "=contract"}
    assert (await other.put("/api/v1/switchover/costs", json=costs)).status_code == 403
    assert (await supervisor.put("/api/v1/switchover/costs", json=costs)).status_code == 200
    costs["items"] = {"swap": 2_000}
    (shown,) = (await supervisor.put("/api/v1/switchover/costs", json=costs)).json()["councils"]
    assert shown["money"] == {"spent": 26_950, "running": None, "saved": None, "net": None}
    rows = list(csv.DictReader(io.StringIO((await supervisor.get(f"{REPORT}/export.csv")).text)))
    assert [(row["name"], row["users"], row["spent_pounds"], row["net_pounds"]) for row in rows] == [
        ("Fife", "3", "269.5", "")
    ]
    file = await supervisor.get(f"{REPORT}/export.xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(file.content))
    assert book.sheet_names == ["Progress", "Awards", "What councils entered"]
    entered = book.get_sheet_by_name("What councils entered").to_python()
    assert [row[4:6] for row in entered[1:]] == [[249.5, "=contract"], [20.0, "=contract"]]
    assert len(book.get_sheet_by_name("Awards").to_python()) == 8
    theirs = (await other.get(REPORT)).json()
    assert (theirs["councils"], theirs["total"]["users"]) == ([], 0)
    assert theirs["without_users"] == [{"council_id": GLASGOW, "name": "Glasgow City"}], "of others nothing is said"
    assert (await other.get(REPORT, params={"council": "Fife"})).json()["without_users"] == []


@pytest.mark.usefixtures("fleet")
async def test_all_councils_are_summed_in_counts_and_in_what_money_is_known(
    register: Register, administrator: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    await register.install(await register.hub(council=FALKIRK), **await register.home(FALKIRK))
    async with database.transaction() as session:
        await session.execute(text("UPDATE installation SET accepted_at = now(), accepted_by = 'user:rory'"))
    await AwardCount(database).count()
    assert "No council has entered prices" in (await administrator.get(REPORT)).json()["total"]["note"]
    for council, items in ((FIFE, {"device": 10_000, "sim_month": 100}), (FALKIRK, {"swap": 2_550})):
        body = {"council_id": council, "items": items, "source": "the contract"}
        assert (await administrator.put("/api/v1/switchover/costs", json=body)).status_code == 200
    shown = (await administrator.get(REPORT)).json()
    total = shown["total"]
    assert [one["money"]["spent"] for one in shown["councils"]] == [2_550, 20_000]
    assert (total["councils"], total["users"], total["live_digital"], total["awards_now"]["bronze"]) == (2, 4, 3, 2)
    assert total["money"] == {"spent": 22_550, "running": 0, "saved": None, "net": None}
    assert total["priced"] == {"spent": 2, "running": 1, "saved": 0, "net": 0}
    assert "of the 2 councils that entered prices for them: spent 2, running 1" in total["note"]
    assert len(shown["without_users"]) == 30
    last = list(csv.DictReader(io.StringIO((await administrator.get(f"{REPORT}/export.csv")).text)))[-1]
    assert (last["council_id"], last["name"], last["users"], last["bronze_now"]) == ("", "All 2", "4", "2 of 2")
    assert (last["spent_pounds"], last["saved_pounds"]) == ("225.5", "")
    assert "Not in this report" in last["note"]
    book = CalamineWorkbook.from_filelike(io.BytesIO((await administrator.get(f"{REPORT}/export.xlsx")).content))
    head, *rows = book.get_sheet_by_name("Progress").to_python()
    assert [row[head.index("spent_pounds")] for row in rows] == [25.5, 200, 225.5]
    page = (await administrator.get("/switchover/report")).text
    assert "£225.50" in page
    assert total["note"] in page
    assert "Aberdeen City" in page.partition("Not in this report")[2]
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    told = await asyncio.to_thread(CliRunner().invoke, app, ["report", "switchover"], env=environment)
    assert told.exit_code == 0
    (counts, money) = (line for line in told.stdout.splitlines() if "All 2" in line)
    assert ("2 Bronze" in counts, "£225.50" in money) == (True, True)
    assert total["note"] in told.stdout
    assert "Not in this report" in told.stdout


async def test_days_that_nobody_counted_are_filled_in(fleet: list[str], database: Database) -> None:
    assert len(fleet) == 3
    async with database.transaction() as session:
        for statement in (
            "UPDATE installation SET period = tstzrange(now() - interval '30 days', NULL)",
            "UPDATE installation SET accepted_at = now() - interval '2 days' WHERE accepted_at IS NOT NULL",
            "UPDATE award_day SET day = day - 4",
        ):
            await session.execute(text(statement))
    await AwardCount(database).count()
    await AwardCount(database).count()
    async with database.transaction() as session:
        found = (await session.execute(text("SELECT live_digital FROM award_day ORDER BY day"))).scalars().all()
    assert len(found) == 5
    assert (found[0], found[-1]) == (0, 1)


async def test_the_fleet_is_a_workbook_of_what_the_list_shows(
    fleet: list[str], client_for: ClientFor, administrator: httpx.AsyncClient
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    file = await engineer.get("/api/v1/hubs/export.xlsx", params={"connection": "digital"})
    assert file.headers["content-disposition"] == 'attachment; filename="hubs.xlsx"'
    head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(file.content)).get_sheet_by_name("Hubs").to_python()
    assert [row[head.index("hub_id")] for row in rows] == sorted(fleet[:2])
    assert {row[head.index("council")] for row in rows} == {"Fife"}
    (act,) = (await administrator.get("/api/v1/audit?action=fleet_exported")).json()["items"]
    assert (act["details"]["hubs"], act["details"]["connection"]) == (2, "digital")
    other = await client_for(UserRole.ENGINEER, GLASGOW)
    empty = await other.get("/api/v1/hubs/export.xlsx")
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(empty.content)).get_sheet_by_name("Hubs").to_python()) == 1
