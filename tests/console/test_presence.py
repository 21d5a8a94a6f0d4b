"""Where a hub stood, on its page: as a picture and as a table that says the same."""

import asyncio
from datetime import datetime

from playwright.async_api import expect

from telecare.console.view import LONDON
from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def test_a_hub_that_was_heard_shows_since_when_it_is_there(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    await homes.gateway.publish(f"telecare/v1/{hub}/heartbeat", {"seq": 1, "boot_id": "b"})
    async with asyncio.timeout(30):
        while (await homes.api.get(f"/hubs/{hub}")).json()["presence"] != "online":  # noqa: ASYNC110 - the keeper's doing
            await asyncio.sleep(0.1)
    for width in (360, 1366):
        page = await login("ewan", width=width)
        await page.goto(f"{lab.url}/fleet/{hub}")
        section = page.locator("section", has=page.get_by_role("heading", name="Was it there?"))
        await expect(section.locator("svg.standing .is-online title")).to_contain_text("still")
        await section.get_by_text("The same as a table").click()
        await expect(section.locator("tbody tr").first).to_contain_text("Online")
        assert await faults(page) == []

    await page.locator("#then-at").fill("2020-10-09T03:12")
    await page.get_by_role("button", name="Look it up").click()
    await expect(page.locator("#then")).to_contain_text("09 Oct 2020 03:12: nothing is known of it")
    await page.goto(f"{lab.url}/fleet/{hub}?at={datetime.now(LONDON):%FT%T}")
    await expect(page.locator("#then")).to_contain_text("Online from")
    assert await faults(page) == []
    await page.goto(f"{lab.url}/fleet/{hub}?at=noon")
    await expect(page.locator("#then-fault")).to_contain_text("“noon” is no moment")
    assert await faults(page) == []


async def test_an_administrator_sets_when_a_hub_and_those_of_a_council_are_missed(login: Login, homes: Homes) -> None:
    council, hub = "S12000027", homes.hub()  # no hub of the lab is in Shetland
    page = await login("admin")
    await page.goto(f"{homes.lab.url}/fleet/missed?council={council}")
    await page.get_by_role("link", name="Change it").click()
    await page.locator("#heartbeat_interval_s").fill("29")
    await page.locator("#reason").fill("Masts without batteries")
    await page.get_by_role("button", name="Set it").click()
    await expect(page.locator("#heartbeat_interval_s-fault")).to_contain_text("Write 30 to 604,800 seconds")
    assert await faults(page) == []
    await page.locator("#heartbeat_interval_s").fill("")
    await page.locator("#heartbeat_grace_s").fill("90")
    await page.get_by_role("button", name="Set it").click()
    await expect(page.locator("main")).to_contain_text("Grace 1 min 30 s")
    assert await faults(page) == []

    await page.get_by_role("link", name="Change them").click()
    await page.locator("#a").fill("90")
    await page.locator("#reason").fill("A longer way")
    await page.get_by_role("button", name="Set them").click()
    await expect(page.locator("#a-fault")).to_contain_text("more risk is never seen to later")
    await page.locator("#a").fill("10")
    await page.get_by_role("button", name="Set them").click()
    await expect(page.locator("main")).to_contain_text("within 10 min")
    await expect(page.locator("main")).to_contain_text("by admin: A longer way")
    assert await faults(page) == []

    page = await login("admin", width=360, script=False)
    await page.goto(f"{homes.lab.url}/fleet/{hub}")
    await page.get_by_role("link", name="When it is missed").click()
    await page.locator("#miss_limit").fill("5")
    await page.locator("#reason").fill("A cellar")
    await page.get_by_role("button", name="Set it").click()
    await expect(page.locator("section", has=page.locator("#unit-head"))).to_contain_text("5 missed heartbeats its own")
    (line,) = (await homes.api.get("/audit", params={"subject_id": hub, "action": "heartbeat_rule_set"})).json()[
        "items"
    ]
    assert (line["actor"], line["reason"], line["details"]["to"]["miss_limit"]) == ("user:admin", "A cellar", 5)
