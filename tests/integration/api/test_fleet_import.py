"""The import of a fleet file over the API: as a body or as a form, tried first, by who may."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from telecare.access.domain import UserRole
from telecare.access.models import AuditEntry
from telecare.kernel.db import Database
from tests.homes import ARGYLL, FIFE, HOME, add_models, sheet

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
PATH = "/api/v1/hubs/import"
CSV = {"Content-Type": "text/csv"}
FILE = sheet(HOME | {"key_safe_code": "4711X"}, HOME | {"hub_id": "SK-2", "postcode": "x"})


@pytest.fixture(autouse=True)
async def _models(database: Database) -> None:
    async with database.transaction() as session:
        await add_models(session)


async def audited(database: Database) -> list[tuple[str, str | None, Any]]:
    async with database.transaction() as session:
        query = select(AuditEntry.action, AuditEntry.council_id, AuditEntry.details).order_by(AuditEntry.id)
        rows = await session.execute(query.where(AuditEntry.action.like("%imported")))
        return [(row.action, row.council_id, row.details) for row in rows]


async def test_a_file_as_a_body(database: Database, administrator: httpx.AsyncClient) -> None:
    tried = await administrator.post(f"{PATH}?dry_run=true", content=FILE, headers=CSV)
    assert tried.status_code == 200, tried.text
    assert tried.json()["dry_run"] is True
    assert await audited(database) == []
    assert (await administrator.get("/api/v1/hubs/SK-1")).status_code == 404

    done = (await administrator.post(PATH, content=FILE, headers=CSV)).json()
    assert done == tried.json() | {"dry_run": False}
    assert done["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "error": 1}
    assert done["rows"][1] == {
        "row": 3, "hub_id": "SK-2", "status": "error", "changes": [], "remarks": [],
        "errors": [{"column": "postcode", "what": "this is not a UK postcode, such as PA34 4XX"}],
    }  # fmt: skip
    assert "4711X" not in str(done)
    assert (await administrator.get("/api/v1/hubs/SK-1")).json()["status"] == "in_service"
    assert await audited(database) == [
        ("fleet_imported", None, done["counts"]),
        ("homes_imported", ARGYLL, {"hub_ids": ["SK-1"]}),
    ]


async def test_a_file_in_a_form(administrator: httpx.AsyncClient) -> None:
    form = {"file": ("homes.csv", FILE, "text/csv")}
    assert (await administrator.post(PATH, files=form)).json()["counts"]["created"] == 1
    refused = await administrator.post(PATH, files={"other": ("homes.csv", FILE, "text/csv")})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["where"] == "body.file"


@pytest.mark.parametrize("boundary", ["", "; boundary=there-is-none"])
async def test_a_broken_form_is_a_422_as_any_other_body(administrator: httpx.AsyncClient, boundary: str) -> None:
    form = {"Content-Type": f"multipart/form-data{boundary}"}
    refused = await administrator.post(PATH, content=b"x", headers=form)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["where"] == "body"


async def test_what_is_no_table_is_refused_with_the_columns_that_are_missing(administrator: httpx.AsyncClient) -> None:
    refused = await administrator.post(PATH, content=b"hub_id,town\r\n1,2", headers=CSV)
    assert refused.status_code == 422
    assert {"where": "file.council", "what": "this column is missing"} in refused.json()["errors"]


@pytest.mark.parametrize("role", [UserRole.OPERATOR, UserRole.SUPERVISOR, UserRole.ENGINEER])
async def test_it_needs_both_fleet_and_people(client_for: ClientFor, role: UserRole) -> None:
    client = await client_for(role)
    assert (await client.post(PATH, content=FILE, headers=CSV)).status_code == 403


async def test_only_ones_own_councils(database: Database, client_for: ClientFor) -> None:
    theirs = await client_for(UserRole.ADMINISTRATOR, FIFE)
    done = (await theirs.post(PATH, content=FILE, headers=CSV)).json()
    assert done["counts"]["error"] == 2
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM hub"))).scalar_one() == 0


async def test_a_large_file_is_too_large(administrator: httpx.AsyncClient) -> None:
    assert (await administrator.post(PATH, content=b"x" * (1024 * 1024 + 1), headers=CSV)).status_code == 413
