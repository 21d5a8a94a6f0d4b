"""Protection over the API: one person with their triggers, history, the list, what was lost, and who sees which."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from devices.presence.keeper import PresenceKeeper
from devices.presence.verdict_repository import VerdictRepository
from telecare.access.domain import UserRole
from telecare.api.paging import encode_cursor
from telecare.cli.main import app as command_line
from telecare.kernel.db import Database
from telecare.protection.keeper import ProtectionKeeper
from tests.integration.api.register import FIFE, GLASGOW, Register
from tests.integration.api.test_hubs import beat
from tests.integration.devices.standing import Fleet

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


class Town(Fleet):
    """Homes of one model; each falls silent when its test says so."""

    def __init__(self, database: Database, register: Register) -> None:
        super().__init__(database)
        self.register = register

    async def home(self, hub_id: str, council: str = FIFE, tier: str = "C") -> str:
        """Somebody whose unit was put up long ago; return who."""
        hub = await self.register.hub(hub_id, council)
        home = await self.register.home(council)
        await self.register.send("PATCH", f"/people/{home['person_id']}", {"risk_tier": tier}, 200)
        await self.register.install(hub, **home)
        await self.sql("UPDATE hub SET created_at = now() - interval '1 year'")
        await self.sql("UPDATE installation SET period = tstzrange(now() - interval '1 year', NULL)")
        return home["person_id"]

    async def look(self) -> None:
        await self.hears()
        while await PresenceKeeper(self.database).step():
            pass
        await ProtectionKeeper(self.database, timedelta(hours=1)).look()


@pytest.fixture
def town(database: Database, register: Register) -> Town:
    return Town(database, register)


async def get(register: Register, path: str) -> Any:
    return await register.send("GET", path, status=200)


async def test_one_person_with_since_when_why_and_when_each_trigger_was_last_proven(
    town: Town, register: Register
) -> None:
    person = await town.home("H1", tier="A")
    assert (await get(register, f"/people/{person}/protection"))["standing"] is None
    await register.send("POST", "/hubs/H1/peripherals", {"device_id": "p1", "kind": "pendant", "room": "Hall"})
    await register.send("POST", "/hubs/H1/peripherals", {"device_id": "p2", "kind": "smoke"})
    await town.hears()
    await town.proves("p1", "lte", ago_s=130, hub_id="H1")
    await town.proves("p1", "ethernet", ago_s=3700, hub_id="H1")
    await town.proves("p9", "lte", ago_s=7300, hub_id="H1")
    await beat(town.database, "H1")
    await town.look()
    shown = await get(register, f"/people/{person}/protection")
    standing = shown["standing"]
    assert (standing["state"], standing["tier"], standing["why"]) == ("protected", "A", "H1 is heard")
    assert (standing["hub_id"], standing["minutes_since_proven"]) == ("H1", 2)
    triggers = {one["device_id"]: one for one in shown["triggers"]}
    assert {path["path"]: path["minutes_since_proven"] for path in triggers["p1"]["paths"]} == {
        "lte": 2,
        "ethernet": 61,
    }
    assert (triggers["p2"]["paths"], triggers["p2"]["minutes_since_proven"]) == ([], None)
    assert (triggers["p9"]["registered"], triggers["p1"]["registered"]) == (False, True)
    assert triggers[""]["kind"] == "unit"
    history = await get(register, f"/people/{person}/protection/history")
    assert [(one["state"], one["ended_at"]) for one in history["items"]] == [("protected", None)]
    assert shown["our_gap_since"] is None
    await town.sql("UPDATE listening SET heard_at = clock_timestamp() - interval '1 minute'")
    assert (await get(register, f"/people/{person}/protection"))["our_gap_since"] is not None


async def test_what_a_trigger_proved_in_another_home_proves_nothing_here(town: Town, register: Register) -> None:
    person = await town.home("H1")
    await town.hears()
    await town.proves("p1", "lte", ago_s=7200, hub_id="H1")
    await town.sql("UPDATE installation SET period = tstzrange(now() - interval '1 hour', NULL)")
    await beat(town.database, "H1")
    await town.look()
    shown = await get(register, f"/people/{person}/protection")
    assert shown["standing"]["last_proven_at"] is None
    assert [one["device_id"] for one in shown["triggers"]] == [""]


async def test_the_list_has_the_worst_first_and_is_narrowed_and_paged(town: Town, register: Register) -> None:
    people = {
        "protected": await town.home("H1"),
        "silent C": await town.home("H2", tier="C"),
        "silent A": await town.home("H3", tier="A"),
        "battery": await town.home("H4", tier="B"),
        "elsewhere": await town.home("H5", council=GLASGOW, tier="A"),
    }
    await town.hears()
    for hub in ("H1", "H4", "H5"):
        await beat(town.database, hub)
    for hub in ("H2", "H3"):
        await beat(town.database, hub, timedelta(hours=2))
    await town.sql("UPDATE hub_live SET mains = false WHERE hub_id = 'H4'")
    await town.look()
    names = {person: name for name, person in people.items()}
    pages, cursor = [], ""
    while cursor is not None:
        found = await get(register, f"/protection?limit=2{'&cursor=' + cursor if cursor else ''}")
        pages += [names[one["person_id"]] for one in found["items"]]
        cursor = found["next"]
    assert pages[:3] == ["silent A", "silent C", "battery"]
    assert sorted(pages[3:]) == ["elsewhere", "protected"]
    forged = encode_cursor(10**9, "A", datetime.now(UTC), UUID(int=1))
    assert (await register.client.get("/api/v1/protection", params={"cursor": forged})).status_code == 422
    metrics = (await register.client.get("/metrics")).text
    assert 'telecare_people{state="unprotected",tier="A"} 1.0' in metrics
    assert 'telecare_people{state="unprotected",tier="D"} 0.0' in metrics
    for query, expected in (
        ("state=unprotected", ["silent A", "silent C"]),
        ("tier=A&state=unprotected", ["silent A"]),
        (f"council={GLASGOW}", ["elsewhere"]),
    ):
        found = await get(register, f"/protection?{query}")
        assert [names[one["person_id"]] for one in found["items"]] == expected, query


async def test_lost_minutes_count_from_the_last_proof_and_can_be_traced_to_their_periods(
    town: Town, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, well = await town.home("H1", tier="A"), await town.home("H2", tier="B")
    await town.hears()
    await beat(town.database, "H1", timedelta(minutes=90))
    await beat(town.database, "H2")
    await town.look()
    report = await get(register, "/reports/protection")
    of_a, of_b = (tier for tier in report["tiers"] if tier["tier"] in "AB")
    assert (of_a["people"], of_a["affected"], round(of_a["minutes"]), round(of_a["p95"])) == (1, 1, 90, 90)
    assert (of_b["people"], of_b["affected"], of_b["minutes"], of_b["worst"]) == (1, 0, 0, [])
    (worst,) = of_a["worst"]
    assert (worst["person_id"], worst["person_name"]) == (silent, "Jean Rennie")
    (loss,) = worst["losses"]
    history = (await get(register, f"/people/{silent}/protection/history"))["items"]
    assert loss["started_at"] in {period["started_at"] for period in history if period["state"] == "unprotected"}
    assert loss["lost_from"] < loss["started_at"]
    listed = (await get(register, "/reports/protection/losses"))["items"]
    assert [(one["person_id"], round(one["minutes"])) for one in listed] == [(silent, 90)]
    assert (await get(register, f"/reports/protection/losses?person={well}"))["items"] == []
    to = (datetime.fromisoformat(loss["lost_from"]) + timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
    earlier = await get(register, f"/reports/protection?to={to}")
    assert sum(tier["minutes"] for tier in earlier["tiers"]) == 10
    for begin, end in ((to, loss["lost_from"]), ("2020-01-01T00:00:00Z", to), (None, "0001-01-01T00:00:00Z")):
        query = {"from": begin, "to": end} if begin else {"to": end}
        assert (await register.client.get("/api/v1/reports/protection", params=query)).status_code == 422

    monkeypatch.setenv("TELECARE_DATABASE_URL", town.database.url)
    for flags in (["--json"], ["--csv"], []):
        done = await run_in_thread(["report", "protection", *flags])
        assert done.exit_code == 0, done.output
        if flags == ["--json"]:
            assert json.loads(done.output)["tiers"][0]["affected"] == 1
        elif flags == ["--csv"]:
            (row,) = csv.DictReader(io.StringIO(done.output))
            assert (row["person_id"], round(float(row["minutes"]))) == (silent, 90)
        else:
            assert "Jean Rennie: 90" in done.output


async def run_in_thread(arguments: list[str]) -> Any:
    """Run a command beside our loop, as it has one of its own."""
    return await asyncio.to_thread(CliRunner().invoke, command_line, arguments)


async def test_who_is_bound_to_a_council_sees_nothing_of_another_and_each_look_is_audited(
    town: Town, register: Register, client_for: ClientFor
) -> None:
    person = await town.home("H1", tier="A")
    await town.hears()
    await beat(town.database, "H1", timedelta(minutes=90))
    await town.look()
    theirs = await client_for(UserRole.ADMINISTRATOR, GLASGOW)
    assert (await theirs.get("/api/v1/protection", params={"council": FIFE})).json()["items"] == []
    for query in ({}, {"council": FIFE}):
        report = (await theirs.get("/api/v1/reports/protection", params=query)).json()
        assert {tier["people"] for tier in report["tiers"]} == {0}
        assert (await theirs.get("/api/v1/reports/protection/losses", params=query)).json()["items"] == []
    assert (await theirs.get(f"/api/v1/people/{person}/protection")).status_code == 404
    await get(register, f"/people/{person}/protection")
    async with town.database.transaction() as session:
        seen = await session.execute(text("SELECT action FROM audit WHERE subject_id = :id"), {"id": person})
        assert "protection_viewed" in set(seen.scalars())


async def test_an_absence_is_told_and_not_lost(town: Town, register: Register) -> None:
    person = await town.home("H1", tier="A")
    await town.hears()
    await beat(town.database, "H1")
    async with town.database.transaction() as session:
        now = (await VerdictRepository(session).ear()).now
    until = (now + timedelta(days=3)).isoformat()
    await register.send("PUT", "/hubs/H1/absence", {"until": until, "why": "in hospital"}, 200)
    await town.look()
    standing = (await get(register, f"/people/{person}/protection"))["standing"]
    assert (standing["state"], standing["reasons"]) == ("unknown", ["away"])
    assert standing["away_until"] is not None
    report = await get(register, "/reports/protection")
    assert sum(tier["affected"] for tier in report["tiers"]) == 0
