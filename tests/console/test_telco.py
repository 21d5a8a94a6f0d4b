"""The loop with the providers in a real browser: an agreement, a batch, a notice, a hold; without script too."""

import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser
FIFE = "S12000047"


@pytest.mark.parametrize(("width", "script", "dark"), [(1366, True, False), (360, True, True)])
async def test_numbers_are_shared_under_an_agreement_and_leave_once(
    login: Login, lab: Lab, width: int, *, script: bool, dark: bool
) -> None:
    page = await login("sheila", width=width, script=script, dark=dark)
    await page.goto(f"{lab.url}/switchover/telco")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_contain_text("on which legal basis")
    provider = f"Norvik {width}"
    await page.locator("#agree-council_id").select_option(FIFE)
    for name, value in (
        ("provider", provider), ("legal_basis", "the Act"), ("dpia_reference", "DPIA-7"), ("starts_on", "2026-01-01"),
        ("review_on", "2099-01-01"),
    ):  # fmt: skip
        await page.locator(f"#agree-{name}").fill(value)
    await page.get_by_role("button", name="Write it down").click()
    await page.wait_for_url("**?done=agreed")
    card = page.locator("section.card", has=page.get_by_role("heading", name=provider))
    await card.get_by_role("button", name="Make it").click()
    await expect(page.locator(".error-summary")).to_contain_text("nothing to tell")  # no line is this provider's
    assert await faults(page) == []


@pytest.mark.parametrize(("width", "script", "dark"), [(1366, True, True), (360, False, False)])
async def test_a_line_is_held_and_a_notice_against_it_says_so(
    login: Login, lab: Lab, width: int, *, script: bool, dark: bool
) -> None:
    number = f"01632 960{width % 1000:03d}"
    page = await login("ewan", width=width, script=script, dark=dark)
    await page.goto(f"{lab.url}/switchover/notices")
    await page.locator("#hold-council_id").select_option(FIFE)
    await page.locator("#hold-number").fill("12")
    await page.locator("#hold-reason").fill("no signal at home")
    await page.get_by_role("button", name="Hold this line").click()
    await expect(page.locator(".error-summary")).to_contain_text("number with its area code")
    await page.locator("#hold-number").fill(number)
    await page.get_by_role("button", name="Hold this line").click()
    await page.wait_for_url("**?done=held#holds")
    await page.locator("#one-council_id").select_option(FIFE)
    for name, value in (("provider", "Norvik"), ("number", number), ("day", "2029-12-03"), ("time", "09:00")):
        await page.locator(f"#one-{name}").fill(value)
    await page.get_by_role("button", name="Write it down").last.click()
    await expect(page.locator(".notice.good")).to_contain_text("1 against a hold: call the provider")
    row = page.locator(".jobs tbody tr", has_text=number)
    await expect(row).to_contain_text("Against a hold")
    await expect(row).to_contain_text("no signal at home")
    if script:
        assert await faults(page) == []
