"""Who is protected: the list, a person's page, the line of a case; and absences that are planned without script."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def person_of(homes: Homes, hub: str) -> str:
    """Wait until it is known where the person of a hub stands."""
    person = str((await homes.api.get(f"/hubs/{hub}")).json()["person_id"])
    async with asyncio.timeout(30):
        while (await homes.api.get(f"/people/{person}/protection")).json()["standing"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return person


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_it_is_told_on_the_list_at_the_person_and_in_the_case(
    login: Login, lab: Lab, homes: Homes, width: int, dark: bool
) -> None:
    hub = homes.hub()
    alarm = await homes.press("pendant", hub_id=hub)
    person = await person_of(homes, hub)
    page = await login("ewan", width=width, dark=dark)
    await page.goto(f"{lab.url}/protection?tier=A")
    await expect(page.get_by_role("heading", name="Who is protected?")).to_be_visible()
    await expect(page.locator(".bars tr").first).to_be_visible()
    assert await faults(page) == []
    await page.goto(f"{lab.url}/people/{person}")
    section = page.locator("#protection")
    await expect(section).to_contain_text("min ago")
    await section.get_by_text("Where they stood before").click()
    assert await faults(page) == []
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await expect(page.locator(".device .facts-line")).to_contain_text("last proven")
    assert await faults(page) == []


async def test_an_absence_is_planned_with_what_was_typed_kept_moved_and_ended_without_script(
    login: Login, lab: Lab, homes: Homes
) -> None:
    hub = homes.hub()
    page = await login("ewan", script=False)
    await page.goto(f"{lab.url}/fleet/{hub}")
    section = page.locator("#absence")
    await section.locator("summary").click()
    await section.get_by_label("Away until").fill("2020-01-01T09:00")
    await section.get_by_label("Why").fill("in hospital")
    await section.get_by_role("button", name="Plan it").click()
    await expect(page.locator(".error-summary")).to_contain_text("366 days")
    await expect(page.get_by_label("Why")).to_have_value("in hospital")
    assert await page.locator("main details").get_attribute("open") is not None
    await page.get_by_label("Away until").fill(f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M}")
    await page.get_by_role("button", name="Plan it").click()
    await expect(page.locator("#absence")).to_contain_text("Away by plan until")
    await page.locator("#absence").get_by_role("button", name="End the absence now").click()
    await expect(page.locator("#absence")).not_to_contain_text("Away by plan until")
