"""The loop with the providers over the API: shared under an agreement, once, audited; notices and what was rung."""

import csv
import hashlib
import io

import httpx
import pytest

from devices.switchover.telco.domain import Purpose
from telecare.access.domain import UserRole
from tests.integration.api.conftest import ClientFor
from tests.integration.api.register import FIFE, GLASGOW, Register

TELCO = "/api/v1/switchover/telco"
TERMS = {
    "council_id": FIFE,
    "provider": "Norvik",
    "legal_basis": "Social Work (Scotland) Act 1968",
    "dpia_reference": "DPIA-7",
    "starts_on": "2026-01-01",
    "review_on": "2099-01-01",
}
NUMBER = "+441632960123"


@pytest.fixture
async def home(register: Register) -> str:
    hub_id = await register.hub(connection="analogue")
    home = await register.home()
    await register.install(hub_id, **home)
    line = {"kind": "pstn", "number": "01632 960123", "provider": "NORVIK"}
    await register.send("PUT", f"/premises/{home['premises_id']}/lines", [line], 200)
    return hub_id


@pytest.mark.usefixtures("home")
async def test_a_batch_is_made_under_an_agreement_and_its_file_leaves_once(
    client_for: ClientFor, administrator: httpx.AsyncClient
) -> None:
    engineer, supervisor = await client_for(UserRole.ENGINEER, FIFE), await client_for(UserRole.SUPERVISOR, FIFE)
    assert (await engineer.post(f"{TELCO}/agreements", json=TERMS)).status_code == 403
    other = await client_for(UserRole.SUPERVISOR, GLASGOW)
    assert (await other.post(f"{TELCO}/agreements", json=TERMS)).status_code == 403
    wrong = TERMS | {"review_on": "2025-01-01"}
    assert (await supervisor.post(f"{TELCO}/agreements", json=wrong)).status_code == 422
    agreement = (await supervisor.post(f"{TELCO}/agreements", json=TERMS)).json()
    assert (await supervisor.post(f"{TELCO}/agreements", json=TERMS)).status_code == 409
    batches = f"{TELCO}/agreements/{agreement['id']}/batches"
    batch = (await supervisor.post(batches, json={"purpose": "identify"})).json()
    file = await supervisor.post(f"{TELCO}/batches/{batch['id']}/download")
    assert hashlib.sha256(file.content).hexdigest() == batch["sha256"]
    assert list(csv.reader(io.StringIO(file.text)))[1:] == [[NUMBER, "telecare, analogue"]]
    assert (await supervisor.post(f"{TELCO}/batches/{batch['id']}/download")).status_code == 409
    for purpose in (Purpose.DO_NOT_MIGRATE, Purpose.SOLUTION_CONFIRMED):
        assert (await supervisor.post(batches, json={"purpose": purpose})).status_code == 409
    answer = {"csv": f"number,result\n{NUMBER},matched\n01632960199,matched\nx,y\n"}
    taken = (await supervisor.post(f"{TELCO}/batches/{batch['id']}/matches", json=answer)).json()
    assert (taken["changed"], taken["unknown"], taken["refused"][0]["line"]) == (1, ["+441632960199"], 4)
    (listed,) = (await engineer.get(f"{TELCO}/batches")).json()["items"]
    assert listed["results"] == {"matched": 1}
    acts = (await administrator.get(f"/api/v1/audit?subject_id={batch['id']}")).json()["items"]
    assert [act["action"] for act in acts] == ["telco_matches_taken", "telco_batch_downloaded", "telco_batch_made"]
    assert acts[1]["details"] == {"purpose": "identify", "rows": 1, "sha256": batch["sha256"]}
    ended = await supervisor.post(f"{TELCO}/agreements/{agreement['id']}/end", json={"reason": "the review failed"})
    assert ended.json()["objection"]
    assert (await supervisor.post(batches, json={"purpose": "identify"})).status_code == 409
    assert (await other.get(f"{TELCO}/batches")).json()["items"] == []


@pytest.mark.usefixtures("home")
async def test_a_notice_that_comes_again_keeps_its_hold_and_no_table_is_a_sentence(
    client_for: ClientFor,
) -> None:
    engineer = await client_for(UserRole.ENGINEER, FIFE)
    hold = {"council_id": FIFE, "number": "01632 960123", "until": "2099-01-31", "reason": "no signal at home"}
    held = (await engineer.post(f"{TELCO}/holds", json=hold)).json()
    table = {"council_id": FIFE, "provider": "Norvik", "csv": "CLI,Date,Time\n01632960123,03/12/2098,09:00\n"}
    assert (await engineer.post(f"{TELCO}/notices", json=table)).status_code == 422  # too far away
    table["csv"] = "CLI,Date,Time\n01632960123,2029-12-03,09:00\n"
    first = (await engineer.post(f"{TELCO}/notices", json=table)).json()
    again = (await engineer.post(f"{TELCO}/notices", json=table)).json()
    assert (first["new"], again["again"], again["held"], again["unknown"]) == (1, 1, [NUMBER], [])
    (notice,) = (await engineer.get(f"{TELCO}/notices?unsettled=true")).json()["items"]
    assert (notice["issued"], notice["hold_id"], notice["known"]) == (2, held["id"], True)
    assert notice["planned_at"] == "2029-12-03T09:00:00Z"
    no_table = await engineer.post(f"{TELCO}/notices", json=table | {"csv": "PK\x03\x04 not a table"})
    assert (no_table.status_code, "column" in no_table.json()["detail"]) == (422, True)
    assert (await engineer.post(f"{TELCO}/holds/{held['id']}/lift", json={"reason": "swapped"})).status_code == 200
    assert (await engineer.post(f"{TELCO}/holds/{held['id']}/lift", json={"reason": "swapped"})).status_code == 409
    assert (await engineer.get(f"{TELCO}/notices?unsettled=true")).json()["items"] == []
