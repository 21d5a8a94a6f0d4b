"""The exposure list in a real browser: found, planned for and ended, without script too, by day and night."""

import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults
from tests.e2e.contract_telco import look_for_exposed

pytestmark = needs_browser


@pytest.mark.parametrize(("width", "script", "dark"), [(1366, True, False), (360, True, True), (360, False, False)])
async def test_an_exposed_unit_is_found_planned_for_and_its_record_corrected(
    login: Login, lab: Lab, width: int, *, script: bool, dark: bool
) -> None:
    await look_for_exposed(lab)
    page = await login("ewan", width=width, script=script, dark=dark)
    await page.goto(f"{lab.url}/switchover/exposure?show=unowned")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exposure list")
    if script:
        assert await faults(page) == []
    await page.locator(".jobs tbody th a").first.click()
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_contain_text("what is done next")
    await page.locator("#plan-next_action").fill("a test call from the control room")
    await page.locator("#plan-next_on").fill("2099-01-31")
    await page.get_by_role("button", name="Write it down").click()
    await page.wait_for_url("**?done=planned")
    await expect(page.locator(".facts")).to_contain_text("a test call from the control room, by 31 January 2099")
    await page.locator("#close-reason").fill("the provider says so in writing")
    await page.locator("#close-cause").select_option("line_corrected")
    await page.get_by_role("button", name="End the entry").click()
    await expect(page.locator(".error-summary")).to_contain_text("still has a digital line")
    await expect(page.locator("#close-reason")).to_have_value("the provider says so in writing")
    if script:
        assert await faults(page) == []
    await page.locator("#close-line_kind").select_option("pstn")
    await page.get_by_role("button", name="End the entry").click()
    await page.wait_for_url("**?done=closed")
    await expect(page.locator(".facts")).to_contain_text("the provider says so in writing")
    await expect(page.locator("#log ~ ol")).to_contain_text("line(s) of this home are pstn")
