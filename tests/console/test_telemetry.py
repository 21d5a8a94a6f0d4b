"""What a hub told, on its page; how the fleet is, with bars that lead to the hubs that they count."""

import csv
import io

from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def test_a_hub_shows_what_it_told_as_words_picture_and_table(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    told = {"seq": 1, "battery_pct": 81, "mains": False, "signal_dbm": -91, "path": "lte", "firmware": "7.7-console"}
    page = await login("ewan")
    await homes.gateway.publish(f"telecare/v1/{hub}/heartbeat", told)
    words = page.locator(".told-words")
    await page.goto(f"{lab.url}/fleet/{hub}")
    while "81 %" not in await words.inner_text():  # the lane's doing
        await page.reload()
    await expect(words).to_contain_text("Firmware: 7.7-console.")
    await expect(page.locator(".told .band .bad title")).to_contain_text("Mains OFF")
    await page.locator("#telemetry").get_by_text("The same as a table").click()
    await expect(page.locator("#telemetry tbody tr").first).to_contain_text("lte")
    assert await faults(page) == []
    await page.get_by_role("link", name="7 days").click()
    await expect(page.locator("#telemetry [aria-current]")).to_have_text("7 days")
    await expect(words).to_contain_text("81 %")


async def test_a_bar_of_the_fleet_leads_to_its_hubs(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    await homes.gateway.publish(f"telecare/v1/{hub}/heartbeat", {"battery_pct": 7, "firmware": "7.8 & more"})
    for width, dark in ((1366, False), (360, True)):
        page = await login("ewan", width=width, dark=dark)
        await page.goto(f"{lab.url}/fleet/health")
        bar = page.get_by_role("link", name="7.8 & more")
        while not await bar.count():  # the lane's doing
            await page.reload()
        assert await faults(page) == []
        await bar.click()
        await expect(page.locator("table.hubs tbody tr")).to_have_count(1)
        await expect(page.locator("table.hubs")).to_contain_text(hub)
        await expect(page.get_by_label("Firmware")).to_have_value("7.8 & more")
        assert await faults(page) == []
    async with page.expect_download() as taken:
        await page.get_by_role("link", name="Take the list as CSV").click()
    text = (await (await taken.value).path()).read_text(encoding="utf-8-sig")
    assert [row["hub_id"] for row in csv.DictReader(io.StringIO(text))] == [hub]
