"""Awards and the report in a real browser: read, attested, costed, and fit to be printed."""

import pytest
from playwright.async_api import expect

from devices.switchover.awards.tasks import AwardCount
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


@pytest.mark.parametrize(("width", "dark"), [(1366, False), (360, True)])
async def test_awards_and_the_report_are_read_and_a_council_enters_its_figures(
    login: Login, lab: Lab, width: int, *, dark: bool
) -> None:
    database = Database(lab.settings())
    await AwardCount(database).count()
    await database.dispose()
    page = await login("sheila", width=width, dark=dark)
    await page.goto(f"{lab.url}/switchover/awards")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Awards")
    await expect(page.locator("section.card").first).to_contain_text("Bronze")
    assert await faults(page) == []
    await page.get_by_role("button", name="Attest it as").click()
    await expect(page.locator(".error-summary")).to_contain_text("what shows it")
    await page.goto(f"{lab.url}/switchover/report")
    await page.locator(".jobs tbody th a").first.click()
    await page.locator("#costs-device").fill("dear")
    await page.get_by_role("button", name="Keep them").click()
    await expect(page.locator(".error-summary")).to_contain_text("such as 249.50")
    await page.locator("#costs-device").fill("£1,249.50")
    await page.locator("#costs-source").fill("the contract of 2026")
    await page.get_by_role("button", name="Keep them").click()
    await page.wait_for_url("**done=entered")
    await expect(page.locator("main")).to_contain_text("£1,249.50")
    assert await faults(page) == []
    await page.emulate_media(media="print")
    await expect(page.locator("form.filters")).to_be_hidden()
    await expect(page.locator("table.jobs")).to_be_visible()
    await expect(page.locator("table.jobs tbody tr")).to_have_count(1)
