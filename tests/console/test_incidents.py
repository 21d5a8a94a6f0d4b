"""A mass incident in a real browser: on the board, in the list, its homes live on its page, without script too."""

import asyncio
from typing import Any

from playwright.async_api import expect
from sqlalchemy import text

from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

NETWORK = "Test Mobile"
"""Of these homes alone, so that the alarms of other tests join nothing."""


async def of_one_network(lab: Lab, hub_ids: list[str]) -> None:
    database = Database(lab.settings())
    async with database.transaction() as session:
        statement = text("UPDATE hub SET mobile_network = :network WHERE hub_id = ANY(:hub_ids)")
        await session.execute(statement, {"network": NETWORK, "hub_ids": hub_ids})
    await database.dispose()


async def on(homes: Homes) -> dict[str, Any]:
    """Wait until the incident has opened; return it."""
    async with asyncio.timeout(60):
        while True:
            listed = (await homes.api.get("/incidents", params={"state": "open"})).json()["items"]
            found: list[dict[str, Any]] = [one for one in listed if one["key"] == NETWORK]
            if found:
                return found[0]
            await asyncio.sleep(0.1)


async def test_an_incident_is_seen_from_the_board_to_its_last_home(login: Login, lab: Lab, homes: Homes) -> None:
    hub_ids = [homes.hub() for _ in range(6)]
    await of_one_network(lab, hub_ids)
    for hub_id in hub_ids[:5]:
        await homes.press("path_lost", hub_id=hub_id)
    incident = await on(homes)
    board = await login("fiona")
    await expect(board.locator("#incident-words")).to_contain_text(NETWORK)
    await board.locator("#incident-sign a").click()
    await expect(board.locator("table.list tbody tr").first).to_contain_text(NETWORK)
    assert await faults(board) == []
    await board.locator("table.list tbody th a").first.click()
    await expect(board.get_by_role("heading", level=1)).to_contain_text(NETWORK)
    for hub_id in hub_ids[:5]:
        await expect(board.locator(f"#home-{hub_id}")).to_be_visible()
    assert await faults(board) == []
    night = await login("fiona", width=360, dark=True)
    await night.goto(f"{lab.url}/incidents/{incident['id']}")
    assert await faults(night) == []
    plain = await login("fiona", script=False)
    await plain.goto(f"{lab.url}/incidents/{incident['id']}")
    await expect(plain.locator(f"#home-{hub_ids[0]}")).to_be_visible()

    pendant = await homes.press(hub_id=hub_ids[0])  # life-safety belongs to no incident
    await night.goto(f"{lab.url}/alarms/{pendant}")
    await expect(night.locator("main")).not_to_contain_text(NETWORK)

    await homes.press("path_lost", hub_id=hub_ids[5])
    await expect(board.locator(f"#home-{hub_ids[5]}")).to_be_visible(timeout=60_000)
    for hub_id in hub_ids:
        await homes.press("path_restored", lane="event", hub_id=hub_id)
    await expect(board.locator("dl.facts")).to_contain_text("6 back", timeout=60_000)
