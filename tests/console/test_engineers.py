"""Who visits homes, entered in a real browser: added, changed, away and back, removed; with and without script."""

from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser
COUNCIL = "S12000033"


@pytest.mark.parametrize(("width", "script"), [(1366, True), (360, False)])
async def test_who_visits_homes_is_entered_and_a_fault_stands_at_its_field(
    login: Login, homes: Homes, width: int, *, script: bool
) -> None:
    name = f"Una {uuid4().hex[:6]}"
    user = {"username": name.replace(" ", "-"), "display_name": name, "password": "a long password", "role": "engineer"}
    user_id = (await homes.api.post("/users", json=user)).json()["id"]
    page = await login("sheila", width=width, script=script)
    await page.goto(f"{homes.lab.url}/switchover/plan")
    await page.get_by_role("link", name="Who visits homes").click()
    await page.locator("#new-engineer").select_option(user_id)
    await page.locator("#new-council_id").select_option(COUNCIL)
    await page.locator("#new-base_latitude").fill("57.1")
    await page.locator("#new-base_longitude").fill("-2.1")
    await page.locator("#new-van").fill("hub")
    await page.get_by_role("button", name="Add them").click()
    await expect(page.locator("#new-van-fault")).to_contain_text("an item and its number")
    await expect(page.locator("#new-base_latitude")).to_have_value("57.1")
    if script:
        assert await faults(page) == []
    await page.locator("#new-van").fill("hub 6, key safe 2")
    await page.locator("#new-skills").fill("key safe, BSL")
    await page.get_by_role("button", name="Add them").click()
    await page.wait_for_url("**?done=saved")
    card = page.locator("section", has=page.get_by_role("heading", name=name))
    await expect(card).to_contain_text("hub 6, key safe 2")
    await expect(card).to_contain_text("Mon, Tue, Wed, Thu, Fri; 08:30 to 16:30")
    await card.locator("summary").click()
    await card.get_by_label("Until", exact=True).fill("08:00")
    await card.get_by_role("button", name="Write it down").click()
    await expect(card.locator(".field-fault")).to_contain_text("after the one at which they begin")
    await card.get_by_label("Until", exact=True).fill("15:00")
    await card.get_by_label("Fri").uncheck()
    await card.get_by_role("button", name="Write it down").click()
    await page.wait_for_url("**?done=saved")
    await expect(card).to_contain_text("Mon, Tue, Wed, Thu; 08:30 to 15:00")
    await is_away(page, card)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if script:
        assert await faults(page) == []
    engineer = await login("ewan", width=width, script=script)
    await engineer.goto(f"{homes.lab.url}/switchover/engineers")
    await expect(engineer.locator("main")).to_contain_text(name)
    await expect(engineer.locator("main")).not_to_contain_text("on leave")
    await expect(engineer.get_by_role("button", name="Add them")).to_have_count(0)
    await comes_back_and_leaves(page, card)


async def is_away(page: Page, card: Locator) -> None:
    await card.locator("summary").click()
    await card.get_by_label("First day away").fill("2029-05-07")
    await card.get_by_label("Why").fill("on leave")
    await card.get_by_role("button", name="Write the absence down").click()
    await page.wait_for_url("**?done=away")
    await expect(card).to_contain_text("7 May 2029 to 7 May 2029: on leave")


async def comes_back_and_leaves(page: Page, card: Locator) -> None:
    await card.get_by_role("button", name="Take it back").click()
    await page.wait_for_url("**?done=back")
    await card.locator("summary").click()
    await card.get_by_role("button", name="Remove").click()
    await expect(card).to_contain_text("tick the box")
    await card.get_by_label("I am sure").check()
    await card.get_by_role("button", name="Remove").click()
    await page.wait_for_url("**?done=removed")
    await expect(card).to_have_count(0)
