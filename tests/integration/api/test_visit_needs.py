"""What binds the visits of a home over the API: shown, replaced, refused in words, and followed by the next plan."""

import pytest
from sqlalchemy import text

from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, Register

CARER = {"start": 540, "end": 600, "weekdays": [0, 1, 2, 3, 4], "why": "the carer is there"}
DIALYSIS = {"start": 0, "end": 1440, "weekdays": [0, 2, 4], "why": "dialysis"}
WHOLE = {"people": 2, "minutes": 90, "skills": ["key safe"], "open": [], "busy": [CARER, DIALYSIS]}


@pytest.fixture
async def path(register: Register) -> str:
    return f"/api/v1/switchover/homes/{await register.premises()}/needs"


async def test_needs_are_shown_replaced_and_written_to_the_audit(
    client_for: ClientFor, path: str, database: Database
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    usual = (await engineer.get(path)).json()
    assert (usual["said"], usual["people"], usual["busy"]) == (False, 1, [])
    for _ in range(2):
        reply = await engineer.put(path, json=WHOLE)
        assert reply.status_code == 200, reply.text
        assert {name: reply.json()[name] for name in WHOLE} == WHOLE
    assert (await engineer.get(path)).json()["said"]
    less = (await engineer.put(path, json={"people": 1})).json()
    assert (less["minutes"], less["skills"], less["busy"]) == (None, [], [])
    async with database.transaction() as session:
        rows = await session.execute(
            text("SELECT details FROM audit WHERE action = 'visit_needs_changed' ORDER BY at, id")
        )
        changed = [row.details["fields"] for row in rows]
    assert changed == [["people", "minutes", "skills", "busy"], [], ["people", "minutes", "skills", "busy"]]


async def test_needs_that_leave_no_time_for_any_visit_and_hours_that_go_backwards_are_refused_in_words(
    client_for: ClientFor, path: str
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    short = {"start": 600, "end": 640, "weekdays": [1]}
    reply = await engineer.put(path, json={"minutes": 60, "open": [short]})
    assert reply.status_code == 422
    (error,) = reply.json()["errors"]
    assert error["where"] == "body.open"
    assert "room for a visit of 60 minutes" in error["what"]
    always = {"start": 0, "end": 1440, "weekdays": list(range(7))}
    assert (await engineer.put(path, json={"busy": [always]})).json()["errors"][0]["where"] == "body.busy"
    assert "after the start" in (await engineer.put(path, json={"open": [CARER | {"end": 540}]})).text
    assert not (await engineer.get(path)).json()["said"]


async def test_an_operator_sees_needs_and_does_not_change_them(client_for: ClientFor, path: str) -> None:
    operator = await client_for(UserRole.OPERATOR, FIFE)
    assert (await operator.get(path)).status_code == 200
    assert (await operator.put(path, json=WHOLE)).status_code == 403
