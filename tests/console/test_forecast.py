"""The forecast in a real browser: sentences, burn-down, sliders that work live and without script, day and night."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults
from tests.programmes import programme, visited

pytestmark = needs_browser
EMPTY = ("S12000027",)
"""A council of the programme in which no home is."""
DEADLINE = date.today() + timedelta(days=65)  # noqa: DTZ011 - any day that is far enough


async def under_way(lab: Lab) -> UUID:
    """Make a programme of all homes that has gone on for some weeks."""
    database = Database(lab.settings())
    try:
        async with database.transaction() as session:
            homes = text("SELECT DISTINCT council_id FROM installation WHERE upper_inf(period)")
            councils = [*(await session.execute(homes)).scalars(), *EMPTY]
            made = await programme(session, *councils, deadline=DEADLINE, name="Analogue lines in the browser")
            await visited(session, made)
            return made
    finally:
        await database.dispose()


@pytest.fixture(scope="module")
async def made(lab: Lab) -> UUID:
    return await under_way(lab)


async def test_sliders_are_answered_at_once_and_the_question_stands_in_the_address(
    login: Login, lab: Lab, made: UUID
) -> None:
    for width, dark in ((1366, False), (360, True)):
        page = await login("ewan", width=width, dark=dark)
        await page.goto(f"{lab.url}/switchover/forecast?programme={made}")
        first = page.locator("#outlook .first")
        await expect(first).to_contain_text("On this pace")
        await expect(page.locator("svg.burn .deadline")).to_have_count(1)
        assert await faults(page) == []
        plain = await first.inner_text()
        await page.locator("#engineers").fill("0")
        await expect(page.locator("output[for=engineers]")).to_have_text("0")
        await expect(page.locator("#outlook")).to_contain_text("As it is")
        await expect(first).not_to_have_text(plain)
        assert "engineers=0" in page.url
        await expect(page.locator("svg.burn .was")).to_have_count(1)
        nobody = await first.inner_text()
        await page.locator("input[name=saturday]").first.check()
        await page.locator("#engineers").fill("9")
        await expect(first).not_to_have_text(nobody)
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.reload()
        await expect(page.locator("#engineers")).to_have_value("9")


async def test_without_script_the_form_asks_and_says_what_it_cannot_read(login: Login, lab: Lab, made: UUID) -> None:
    page = await login("ewan", script=False)
    await page.goto(f"{lab.url}/switchover/forecast?programme={made}")
    await page.locator("#council").select_option(EMPTY[0])
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#outlook .first")).to_contain_text("No home is in this programme yet")
    await page.locator("#council").select_option("")
    await page.locator("#days_off").fill("Christmas")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".error-summary")).to_contain_text("write it as 2026-12-24")
    await page.locator("#days_off").fill((date.today() + timedelta(days=7)).isoformat())  # noqa: DTZ011
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#outlook")).to_contain_text("As it is")
    await page.get_by_role("link", name="As it is").click()
    await expect(page.locator("#outlook")).not_to_contain_text("As it is")
    await page.locator("#outlook").get_by_text("The same as a table").click()
    await expect(page.locator("#outlook tbody tr").first).to_be_visible()


async def test_one_wave_is_chosen_and_named(login: Login, lab: Lab, made: UUID, homes: Homes) -> None:
    address = f"/switchover/programmes/{made}"
    wave = (await homes.api.post(f"{address}/waves", json={"name": "The riskiest"})).json()["id"]
    moved = await homes.api.post(f"{address}/units/assign", json={"wave_id": wave, "tier": "A"})
    page = await login("ewan", width=360, script=False)
    await page.goto(f"{lab.url}/switchover/forecast?programme={made}")
    await page.locator("#wave").select_option(label="The riskiest")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#outlook-head")).to_contain_text("wave The riskiest")
    await expect(page.locator("#outlook")).to_contain_text(f"of {moved.json()['units']:,} homes are done")
    await expect(page.locator("#outlook")).not_to_contain_text("As it is")
