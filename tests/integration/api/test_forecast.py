"""The forecast over the API, and by the command line: of what is in the log, for whom it is, and what if."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from devices.switchover.planning.repository import PlanningRepository
from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register
from tests.programmes import programme, visited

FORECAST = "/api/v1/switchover/forecast"
DEADLINE = date.today() + timedelta(days=60)  # noqa: DTZ011 - any day that is far enough


@pytest.fixture
async def made(register: Register, database: Database) -> UUID:
    """Twelve homes in Fife and four in Glasgow."""
    model = (await register.model(connection="analogue"))["id"]
    for council, count in ((FIFE, 12), (GLASGOW, 4)):
        for _ in range(count):
            hub_id = await register.hub(council=council, model_id=model, connection="analogue")
            await register.install(hub_id, **await register.home(council))
    async with database.transaction() as session:
        return await programme(session, FIFE, GLASGOW, deadline=DEADLINE)


async def ask(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    reply = await client.get(FORECAST, params=query)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_what_is_in_the_log_is_what_is_forecast(
    administrator: httpx.AsyncClient, made: UUID, database: Database
) -> None:
    before = await ask(administrator)
    assert (before["homes"], before["done"], before["visits"], before["engineers_seen"]) == (16, 0, 0, False)
    assert "what is usual elsewhere" in before["sentences"][-1]
    async with database.transaction() as session:
        await visited(session, made)
    after = await ask(administrator, programme=str(made))
    assert (after["homes"], after["done"], after["visits"], after["engineers_seen"]) == (16, 7, 8, True)
    assert after["engineers"] == 1
    assert after["bands"][0]["middle"] == after["remaining"] == 9
    assert after["bands"][-1]["day"] == after["deadline"] == DEADLINE.isoformat()
    assert after["low"] <= after["middle"] <= after["high"]
    assert [each["council_id"] for each in after["councils"]] == [FIFE, GLASGOW]


async def test_a_wave_is_forecast_by_itself_and_named(
    administrator: httpx.AsyncClient, made: UUID, register: Register
) -> None:
    wave = (await register.send("POST", f"/switchover/programmes/{made}/waves", {"name": "The first"}))["id"]
    moved = await register.send(
        "POST", f"/switchover/programmes/{made}/units/assign", {"wave_id": wave, "council": GLASGOW}, 200
    )
    assert moved["units"] == 4
    found = await ask(administrator, wave=wave)
    assert (found["homes"], found["programme_id"], found["wave"]) == (4, str(made), "The first")
    assert [each["council_id"] for each in found["councils"]] == [GLASGOW]
    whole = await ask(administrator, programme=str(made))
    assert (whole["homes"], whole["wave"]) == (16, None)
    for query in ({"wave": str(uuid4())}, {"wave": wave, "programme": str(uuid4())}):
        assert (await administrator.get(FORECAST, params=query)).status_code == 404


async def test_more_engineers_leave_fewer_homes_and_days_off_more(
    administrator: httpx.AsyncClient, made: UUID, database: Database
) -> None:
    async with database.transaction() as session:
        await visited(session, made)
    nobody = await ask(administrator, programme=str(made), engineers=0)
    some = await ask(administrator, programme=str(made), engineers=0.1, pace=1)
    many = await ask(administrator, programme=str(made), engineers=2)
    assert nobody["middle"] > some["middle"] > many["middle"]
    assert nobody["need"]["engineers"] > 0
    out = await ask(administrator, programme=str(made), engineers=0.1, pace=1, no_access=0.9)
    assert out["middle"] > some["middle"]
    monday = DEADLINE - timedelta(days=DEADLINE.weekday())
    idle = [(monday - timedelta(days=count)).isoformat() for count in range(50)]
    assert (await ask(administrator, programme=str(made), days_off=idle))["middle"] > many["middle"]


async def test_a_councils_own_holidays_count_for_it_and_for_no_other(
    administrator: httpx.AsyncClient, made: UUID, database: Database
) -> None:
    async with database.transaction() as session:
        await visited(session, made)
    before = await ask(administrator, programme=str(made), council=FIFE, engineers=0.2, pace=1)
    days = [(DEADLINE - timedelta(days=count)).isoformat() for count in range(59)]
    async with database.transaction() as session:
        await PlanningRepository(session).put_rules(FIFE, {"local_holidays": days}, "system")
    after = await ask(administrator, programme=str(made), council=FIFE, engineers=0.2, pace=1)
    assert after["middle"] > before["middle"]
    there = await ask(administrator, programme=str(made), engineers=0.2, pace=1)
    fife, glasgow = sorted(there["councils"], key=lambda each: each["council_id"])
    assert (fife["low"], fife["remaining"] - fife["high"]) == (fife["high"], 0)
    assert glasgow["low"] < glasgow["remaining"]


async def test_each_sees_their_own_council(client_for: ClientFor, made: UUID) -> None:
    engineer = await client_for(UserRole.ENGINEER, GLASGOW)
    found = await ask(engineer, programme=str(made))
    assert (found["homes"], [each["council_id"] for each in found["councils"]]) == (4, [GLASGOW])
    assert (await ask(engineer, council="Glasgow"))["homes"] == 4
    assert (await engineer.get(FORECAST, params={"council": "Fife"})).status_code == 403
    stranger = await client_for(UserRole.ENGINEER, "S12000014")
    assert (await stranger.get(FORECAST, params={"programme": str(made)})).status_code == 404


async def test_what_is_not_there_or_makes_no_sense_is_said(administrator: httpx.AsyncClient, made: UUID) -> None:
    assert (await administrator.get(FORECAST, params={"programme": str(uuid4())})).status_code == 404
    assert (await administrator.get(FORECAST, params={"council": "Falkirk"})).status_code == 404
    for wrong in ({"engineers": -1}, {"no_access": 15}, {"days_off": "tomorrow"}, {"engineer": 3}, {"council": "Fyfe"}):
        reply = await administrator.get(FORECAST, params={"programme": str(made), **wrong})
        assert reply.status_code == 422, wrong


@pytest.mark.usefixtures("made")
async def test_a_deadline_that_has_passed_is_said(administrator: httpx.AsyncClient, database: Database) -> None:
    async with database.transaction() as session:
        late = await programme(session, FIFE, deadline=date(2025, 12, 31), name="3G")
    found = await ask(administrator, programme=str(late))
    assert found["sentences"] == ["The deadline was 31 December 2025, and 12 homes remain."]
    assert len(found["bands"]) == 1
    assert (await ask(administrator))["programme_id"] == str(late)  # the first deadline


async def test_no_programme_no_forecast(administrator: httpx.AsyncClient) -> None:
    found = await ask(administrator)
    assert (found["programme_id"], found["bands"], "nothing to forecast" in found["sentences"][0]) == (None, [], True)
