"""Jobs in a real browser: found in the list, looked through, given away and closed, without script too."""

import re

import pytest
from playwright.async_api import expect

from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.jobs.service import JobService
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def open_job(lab: Lab, hub_id: str) -> None:
    """Open a job about a detector, as a look does."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        now = await database_now(session)
        items = (Item("a", "Smoke, Hall (p2) is registered and not listed", now, new_id(), device_id="p2"),)
        finding = Finding(JobKind.NOT_LISTED, items, life_safety=True)
        await JobService(session).follow([Look(hub_id, JobKind.NOT_LISTED, finding)], now)
    await database.dispose()


@pytest.mark.parametrize(("width", "script"), [(1366, True), (360, False)])
async def test_a_job_is_found_given_away_and_closed_with_a_reason(
    login: Login, lab: Lab, homes: Homes, width: int, *, script: bool
) -> None:
    hub = homes.hub()
    await open_job(lab, hub)
    page = await login("ewan", width=width, script=script)
    await page.goto(f"{lab.url}/jobs?hub={hub}")
    row = page.locator(".jobs tbody tr", has_text="Registered, but the unit does not list it")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Nobody has it")
    await expect(row).to_contain_text("Life-safety")
    if script:
        assert await faults(page) == []
    await row.get_by_role("link", name="Registered, but the unit does not list it").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Registered, but the unit does not list it")
    await page.locator("#assign-owner").fill("Rory Kerr")
    await page.locator("#assign-interim").fill("a smoke alarm from the van")
    await page.get_by_role("button", name="Assign it").click()
    await page.wait_for_url("**?done=assigned")
    await expect(page.locator("#log ~ ol")).to_contain_text("Rory Kerr has it")
    await page.locator("#close-reason").fill("paired it and set it off")
    await page.get_by_role("button", name="Close the job").click()
    await expect(page.locator(".error-summary")).to_contain_text("still saw it")
    await expect(page.locator("#close-reason")).to_have_value("paired it and set it off")
    if script:
        assert await faults(page) == []
    await page.get_by_label("I close it although the last look still saw it").check()
    await page.get_by_role("button", name="Close the job").click()
    await page.wait_for_url("**?done=closed")
    await expect(page.locator(".facts")).to_contain_text("paired it and set it off")
    await page.goto(f"{lab.url}/fleet/{hub}")
    await expect(page.locator("#jobs")).to_contain_text("paired it and set it off")


async def test_a_case_says_how_many_jobs_its_hub_has_and_leads_to_them(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    await open_job(lab, hub)
    alarm = await homes.press(hub_id=hub)
    page = await login()
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await page.locator(".device").get_by_role("link", name=re.compile("^[12] jobs? to be done")).click()
    await expect(page.locator(".jobs tbody tr", has_text="Registered, but the unit does not list it")).to_have_count(1)
    await expect(page.get_by_role("button", name="Compare register and units now")).to_have_count(0)
