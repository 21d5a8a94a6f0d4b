"""The switchover in a real browser: a programme's units, a visit made from one, taken on, refused with words, held."""

import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_day import post, unit_of
from tests.console.test_pages import faults

pytestmark = needs_browser


async def is_made(page: Page, name: str, council: str) -> None:
    """A programme is made on the first page; its units come in with it."""
    if not await page.locator("#programme-name").is_visible():
        await page.locator("summary", has_text="Make a programme").click()
    await page.get_by_role("button", name="Make it and look").click()
    await expect(page.locator(".error-summary")).to_contain_text("Name it")
    await page.locator("#programme-name").fill(name)
    await page.locator("#programme-cause").select_option("certificate")
    await page.locator("#programme-deadline").fill("2027-06-30")
    await page.locator("#programme-council").select_option(council)
    await page.get_by_role("button", name="Make it and look").click()
    await page.wait_for_url("**?done=programme")


async def in_waves(page: Page, hub: str) -> None:
    """A wave is made, and what the filters of the list leave goes into it."""
    await page.locator("#wave-name").fill("First of all")
    await page.get_by_role("button", name="Add the wave").click()
    await page.wait_for_url("**?done=wave")
    await page.locator("#reason").select_option("certificate")
    await page.get_by_role("button", name="Show", exact=True).click()
    await page.locator("#assign-wave_id").select_option(label="First of all")
    await page.get_by_role("button", name="Put").click()
    await page.wait_for_url("**done=assigned")
    await expect(page.locator(".jobs tbody tr").filter(has_text=hub)).to_contain_text("First of all")


async def unvisited(homes: Homes) -> str:
    """Return a hub that no other test has under way a visit for."""
    visits = (await homes.api.get("/switchover/visits", params={"limit": 500})).json()["items"]
    busy = {hub_id for each in visits for hub_id in (each["old_hub_id"], each["new_hub_id"])}
    return next(hub for _ in range(500) if (hub := homes.hub()) not in busy)


@pytest.mark.parametrize(("width", "script"), [(1366, True), (360, False)])
async def test_a_visit_is_made_from_a_unit_and_taken_on(
    login: Login, lab: Lab, homes: Homes, width: int, *, script: bool
) -> None:
    hub = await unvisited(homes)
    place = (await homes.api.get(f"/hubs/{hub}")).json()
    await homes.api.patch(f"/hubs/{hub}", json={"certificate_expires_on": "2027-03-01"})
    name = f"Certificates {width} {hub}"
    planner = await login("sheila", width=width, script=script)
    await planner.goto(f"{lab.url}/switchover")
    await is_made(planner, name, place["council_id"])
    await in_waves(planner, hub)
    if script:
        assert await faults(planner) == []
    page = await login("ewan", width=width, script=script)
    await page.goto(f"{lab.url}/switchover")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Switchover")
    if script:
        assert await faults(page) == []
    await page.get_by_role("link", name=name, exact=True).click()
    row = page.locator(".jobs tbody tr").filter(has_text=hub)
    await expect(row).to_contain_text("Its certificate runs out")
    if script:
        assert await faults(page) == []
    await row.get_by_role("button", name="Make a visit").click()
    await page.wait_for_url("**?done=made")
    await expect(page.locator("main")).to_contain_text("What the new hub must show")
    await expect(page.locator("#step-to")).to_have_value("data_validated")
    await page.locator("#step-to").select_option("hold")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say why")
    await page.locator("#step-to").select_option("data_validated")
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url("**?done=stepped")
    await expect(page.locator("#log ~ ol")).to_contain_text("The register was checked")
    await page.locator("#step-to").select_option("hold")
    await page.locator("#step-why").fill("the line goes over later")
    await page.locator("#step-next_contact_on").fill("2099-01-31")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator(".notice", has_text="31 January 2099")).to_be_visible()
    if script:
        assert await faults(page) == []
    await page.goto(f"{lab.url}/switchover/visits?q={hub}")
    await expect(page.locator(".jobs tbody tr")).to_have_count(1)
    await expect(page.locator(".jobs tbody tr")).to_contain_text("On hold")
    if script:
        assert await faults(page) == []


async def test_what_a_survey_found_is_entered_with_the_step_and_stands_on_the_page(
    login: Login, lab: Lab, homes: Homes
) -> None:
    hub = await unvisited(homes)
    council = (await homes.api.get(f"/hubs/{hub}")).json()["council_id"]
    await homes.api.patch(f"/hubs/{hub}", json={"certificate_expires_on": "2027-03-01"})
    programme = {"name": f"Survey {hub}", "cause": "certificate", "deadline": "2027-06-30", "councils": [council]}
    made = await post(homes, "/switchover/programmes", **programme)
    await post(homes, f"/switchover/programmes/{made['id']}/find-units")
    unit_id = await unit_of(homes, made["id"], hub)
    visit_id = (await post(homes, "/switchover/visits", unit_id=unit_id))["id"]
    for channel, outcome in (("letter", "sent"), ("phone", "reached")):
        await post(homes, f"/switchover/visits/{visit_id}/contacts", channel=channel, outcome=outcome)
    for version, to in enumerate(("data_validated", "prioritised", "contacted", "consented"), 1):
        await post(homes, f"/switchover/visits/{visit_id}/steps", to=to, as_of=version, why="As the desk does")
    page = await login("ewan", width=360)
    await page.goto(f"{lab.url}/switchover/visits/{visit_id}")
    await page.locator("#step-to").select_option("surveyed")
    await page.locator("#step-network").fill("Three")
    await page.locator("#step-signal_dbm").fill("good")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#step-signal_dbm-fault")).to_contain_text("from -200 to 0")
    assert await faults(page) == []
    await page.locator("#step-signal_dbm").fill("-112")
    await page.locator("#step-socket").select_option("true")
    await page.locator("#step-notes").fill("Behind the sofa")
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url("**?done=stepped")
    for words in ("-112 dBm, weak (Three)", "there is one", "nobody looked", "Behind the sofa"):
        await expect(page.locator("#survey")).to_contain_text(words)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
