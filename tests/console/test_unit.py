"""A unit in the switchover: what its receiving centre counted of it is written down, refused in words, and shown."""

from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def test_failed_handshakes_are_written_down_on_a_phone_from_the_hubs_page(
    login: Login, lab: Lab, homes: Homes
) -> None:
    hub_id = homes.hub()
    await homes.api.patch(f"/hubs/{hub_id}", json={"connection": "analogue"})
    page = await login("ewan", width=360, dark=True)
    await page.goto(f"{lab.url}/fleet/{hub_id}")
    await page.get_by_role("link", name="This unit in the switchover").click()
    await expect(page.locator("#handshakes")).to_contain_text("Nobody has said yet")
    await page.get_by_label("Failed calls").fill("many")
    await page.get_by_label("Counted up to").fill("2026-10-31")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".error-summary")).to_contain_text("Write how many calls failed as a whole number")
    assert await faults(page) == []
    await page.get_by_label("Failed calls").fill("29")
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.get_by_role("status")).to_contain_text("It is written down")
    await expect(page.locator("#handshakes")).to_contain_text("29 calls failed up to 31 October 2026")
    assert await faults(page) == []
    await expect(page.locator("#why")).to_contain_text("The analogue network closes, and this is an analogue unit")
    await page.get_by_label("Its battery must be replaced by").fill("2027-03-01")
    await page.get_by_role("button", name="Keep this day").click()
    await expect(page.locator("#why .facts")).to_contain_text("1 Mar 2027")
    assert await faults(page) == []
