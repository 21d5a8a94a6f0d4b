"""Incidents over the API and on the console: who sees what, ranked, paged, audited."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from telecare.access.accounts import create_user
from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, login
from telecare.kernel.db import Database
from tests.integration.api.register import FIFE, GLASGOW
from tests.integration.test_incidents import Town

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def town(database: Database) -> Town:
    """Seven homes of one postcode sector, silent together; one of them is in the gravest tier."""
    town = Town(database)
    await town.settle(20)
    await town.live_in("C", 20)
    await town.sql("UPDATE person SET risk_tier = 'A', given_name = 'Morag' WHERE id = (SELECT person_id"
                   " FROM installation WHERE hub_id = 'h3')")  # fmt: skip
    await town.mains_fail(8)
    await town.go_silent(7)
    for _ in range(2):
        await town.look()
    return town


async def of(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    reply = await client.get(f"/api/v1/incidents{path}", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.usefixtures("town")
async def test_members_come_ranked_page_by_page_and_looking_is_in_the_audit(client_for: ClientFor) -> None:
    client = await client_for(UserRole.SUPERVISOR, FIFE)
    (one,) = (await of(client, ""))["items"]
    assert (one["state"], one["kind"], one["key"], one["joined"]) == ("open", "postcode_sector", "KY15 4", 8)
    assert (one["words"], one["alarms"]) == ("postcode sector KY15 4", 1)
    assert [council["council_id"] for council in one["councils"]] == [FIFE]
    assert await of(client, f"/{one['id']}") == one
    seen: list[Any] = []
    cursor = None
    while True:
        params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = await of(client, f"/{one['id']}/members", **params)
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len({member["hub_id"] for member in seen}) == len(seen) == 8
    assert (seen[0]["person_name"], seen[0]["minutes_left"]) == ("Morag Rennie", 0)
    assert [member["urgency"] for member in seen] == sorted((one["urgency"] for one in seen), reverse=True)
    assert (await of(client, f"/{one['id']}/members", state="returned"))["items"] == []
    (alarm,) = (await of(client, f"/{one['id']}/alarms"))["items"]
    assert (alarm["type"], alarm["hub_id"], alarm["incident_id"]) == ("mains_fail", "h8", one["id"])
    entries = (await client.get(f"/api/v1/audit?subject_id={one['id']}")).json()["items"]
    assert [entry["action"] for entry in entries] == ["incident_viewed"]  # once, however often one looks


@pytest.mark.usefixtures("town")
async def test_another_council_sees_none_of_it(client_for: ClientFor) -> None:
    mine, theirs = await client_for(UserRole.OPERATOR, FIFE), await client_for(UserRole.OPERATOR, GLASGOW)
    incident_id = (await of(mine, ""))["items"][0]["id"]
    assert (await of(theirs, ""))["items"] == []
    for path in ("", "/members", "/alarms"):
        assert (await theirs.get(f"/api/v1/incidents/{incident_id}{path}")).status_code == 404


async def test_the_board_has_one_line_and_the_page_the_homes(
    town: Town, anonymous: httpx.AsyncClient, database: Database
) -> None:
    """A technical alarm of a member has no row of its own until somebody has it; all of them are on the page."""
    async with database.transaction() as session:
        await create_user(
            session, username="fi", display_name="Fi", password="a long password", role=UserRole.OPERATOR,
            councils=[FIFE],
        )  # fmt: skip
    anonymous.cookies.set(SESSION_COOKIE, (await login(database, "fi", "a long password")).session_token)
    async with database.transaction() as session:
        found = await session.execute(text("SELECT id FROM alarm WHERE type = 'mains_fail'"))
        attached = found.scalar_one()
    board = (await anonymous.get("/")).text
    assert "Incident, postcode sector KY15 4: 8 hit, 0 back" in board
    assert f"alarm-{attached}" not in board
    figures = (await anonymous.get("/board/figures")).json()
    assert (figures["incidents"], figures["technical"]) == ("Incident, postcode sector KY15 4: 8 hit, 0 back", 0)
    (incident,) = await town.incidents()
    page = (await anonymous.get(f"/incidents/{incident.id}")).text
    assert page.index("Morag Rennie</a>") < page.index("Jean Rennie</a>")
    assert page.count('class="is-silent"') == 7
    assert f"/alarms/{attached}" in page
    assert (await anonymous.get(f"/incidents/{incident.id}/live")).status_code == 200
    assert "postcode sector KY15 4" in (await anonymous.get("/incidents")).text.lower().replace("ky15", "KY15")
