"""On a schema that is not its own the API reads, and changes nothing (R20)."""

from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from telecare.kernel.db import Database
from tests.integration.api.register import FIFE, Register


@pytest.mark.parametrize("change", ["UPDATE alembic_version SET version_num = 'newer'", "DELETE FROM alembic_version"])
async def test_the_api_only_reads_on_a_schema_that_is_not_its_own_and_says_why(
    change: str, database: Database, administrator: httpx.AsyncClient, register: Register
) -> None:
    hub_id = await register.hub()
    async with database.transaction() as session:
        await session.execute(text(change))
    assert (await administrator.get(f"/api/v1/hubs/{hub_id}")).status_code == 200
    assert (await administrator.get("/api/v1/alarms")).status_code == 200
    body = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
    for method, path in (("POST", "/people"), ("DELETE", f"/contact-points/{uuid4()}"), ("PATCH", f"/hubs/{hub_id}")):
        reply = await administrator.request(method, f"/api/v1{path}", json=body)
        assert reply.status_code == 503, reply.text
        assert "this program was written for 00" in reply.json()["detail"]
        assert "retry-after" in reply.headers
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM person"))).scalar_one() == 0
