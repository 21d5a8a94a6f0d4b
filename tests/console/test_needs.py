"""What binds the visits of a home, entered in a real browser: line by line, refused in words, read by an operator."""

import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


@pytest.mark.parametrize(("width", "script", "dark"), [(1366, True, False), (360, True, True)])
async def test_carers_hours_and_two_people_are_entered_from_the_persons_page(
    login: Login, lab: Lab, homes: Homes, width: int, *, script: bool, dark: bool
) -> None:
    place = (await homes.api.get(f"/hubs/{homes.hub()}")).json()
    page = await login("ewan", width=width, script=script, dark=dark)
    await page.goto(f"{lab.url}/people/{place['person_id']}")
    await page.get_by_role("link", name="what binds visits").first.click()
    await expect(page.locator(".lead")).to_contain_text("Nobody has said anything of this home yet")
    assert await faults(page) == []
    await page.locator("#people").select_option("2")
    await page.locator("#busy1_from").fill("09:00")
    await page.locator("#busy1_until").fill("08:00")
    await page.locator("#busy1_0").check()
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_contain_text("The end must be after the start")
    await expect(page.locator("#busy1_0")).to_be_checked()
    assert await faults(page) == []
    await page.locator("#busy1_until").fill("10:00")
    await page.locator("#busy1_why").fill("the carer is there")
    await page.locator("#open1_from").fill("00:00")
    await page.locator("#open1_until").fill("00:20")
    await page.locator("#open1_0").check()
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_contain_text("no day of the week is there room")
    await page.locator("#open1_until").fill("00:00")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.get_by_role("status")).to_contain_text("It is written down")
    await expect(page.locator("#people")).to_have_value("2")
    await expect(page.locator("#open1_until")).to_have_value("00:00")
    kept = (await homes.api.get(f"/switchover/homes/{place['premises_id']}/needs")).json()
    assert kept["busy"] == [{"start": 540, "end": 600, "weekdays": [0], "why": "the carer is there"}]
    assert kept["open"] == [{"start": 0, "end": 1440, "weekdays": [0], "why": None}]


async def test_an_operator_reads_what_binds_visits_and_cannot_change_it(login: Login, lab: Lab, homes: Homes) -> None:
    place = (await homes.api.get(f"/hubs/{homes.hub()}")).json()
    page = await login("fiona")
    await page.goto(f"{lab.url}/switchover/homes/{place['premises_id']}/needs")
    await expect(page.locator("#people")).to_be_disabled()
    await expect(page.get_by_role("button", name="Write it down")).to_have_count(0)
    assert await faults(page) == []
