"""Planned work in a real browser: planned on a hub, seen on board and case, moved, ended, and the alarm goes on."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser, row
from tests.console.test_pages import faults

pytestmark = needs_browser

LONDON = ZoneInfo("Europe/London")


def local(minutes: float) -> str:
    return f"{datetime.now(LONDON) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"


async def plan(api: httpx.AsyncClient, hub_id: str, reason: str) -> str:
    ends_at = (datetime.now(LONDON) + timedelta(hours=2)).isoformat()
    reply = await api.post("/planned-work", json={"hub_id": hub_id, "ends_at": ends_at, "reason": reason})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def end_all(api: httpx.AsyncClient) -> None:
    for state in ("on", "coming"):
        for work in (await api.get("/planned-work", params={"state": state})).json()["items"]:
            await api.post(f"/planned-work/{work['id']}/end")


async def test_work_on_a_hub_is_planned_seen_everywhere_and_ended(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    page = await login("sheila")
    await page.goto(f"{lab.url}/fleet/{hub}")
    await expect(page.locator("#work")).to_contain_text("None is on")
    await page.get_by_role("link", name="Plan work on this hub").click()
    await page.locator("#new-reason").fill("A new switchboard")
    await expect(page.locator("#new-hub_id")).to_have_value(hub)
    await page.locator("#new-ends_at").fill(local(-60))
    await page.get_by_role("button", name="Plan it").click()
    await expect(page.locator(".error-summary")).to_contain_text("must lie after the start")
    await expect(page.locator("#new-reason")).to_have_value("A new switchboard")
    await page.locator("#new-ends_at").fill(local(90))
    await page.get_by_role("button", name="Plan it").click()
    await page.wait_for_url("**?done=planned")
    card = page.locator(f".work:has-text('{hub}')")
    await expect(card).to_contain_text("On now")

    flood, smoke = await homes.press("flood", hub_id=hub), await homes.press("smoke", hub_id=hub)
    board = await login("fiona")
    await expect(board.locator("#work-sign")).to_contain_text(f"Hub {hub}")
    await expect(board.locator("#work-sign")).to_contain_text("(A new switchboard)")
    for alarm_id in (flood, smoke):
        await expect(board.locator(f"{row(alarm_id)} .what")).to_contain_text("work")
    await expect(board.locator(f"{row(flood)} .next")).to_contain_text("the planned work is over")
    await expect(board.locator("#top-alarm")).to_contain_text("Smoke")
    await homes.close(await homes.alarm(smoke))
    await expect(board.locator("#top-alarm")).not_to_contain_text("Flood")
    await board.goto(f"{lab.url}/alarms/{flood}")
    await expect(board.locator("#case-work")).to_contain_text("Quiet until")
    await page.goto(f"{lab.url}/fleet/{hub}")
    await expect(page.locator("#work")).to_contain_text("A new switchboard")

    await page.goto(f"{lab.url}/work")
    await card.get_by_text("Move its end").click()
    await card.get_by_label("Until").fill(local(180))
    await card.get_by_role("button", name="Move it").click()
    await page.wait_for_url("**?done=moved")
    await expect(board.locator(".log")).to_contain_text("moved the planned work: nobody is told for")
    await card.get_by_role("button", name="End it now").click()
    await page.wait_for_url("**?done=ended")
    await expect(page.locator("table.list")).to_contain_text("ended early")
    await expect(board.locator(".log")).to_contain_text("Step 1: told the operators' queue")
    await expect(board.locator("#case-work")).to_contain_text("kept it quiet until")
    await homes.close(await homes.alarm(flood))


async def test_what_is_quiet_neither_waits_nor_is_taken_next_and_the_sign_goes_with_the_work(
    login: Login, homes: Homes, api: httpx.AsyncClient
) -> None:
    await homes.calm()
    hub = homes.hub()
    work = await plan(api, hub, "quiet for the test")
    flood = await homes.press("flood", hub_id=hub)
    page = await login()
    await expect(page.locator(row(flood))).to_be_visible()
    await expect(page.locator("#waiting")).to_have_text("0")
    await expect(page.locator("#top-alarm")).to_have_text("Nobody waits")
    await page.keyboard.press("Enter")
    await api.post(f"/planned-work/{work}/end")
    await expect(page.locator("#waiting")).to_have_text("1")
    await expect(page.locator("#top-alarm")).to_contain_text("Urgent")
    assert (await homes.alarm(flood))["handling"] == "raised"
    await expect(page.locator("#work-sign")).to_be_hidden(timeout=25_000)
    await homes.close(await homes.alarm(flood))


async def test_an_operator_sees_it_and_an_engineer_plans_it_without_script(
    login: Login, lab: Lab, homes: Homes, api: httpx.AsyncClient
) -> None:
    await plan(api, homes.hub(), "a look for the operator")
    page = await login("fiona")
    await page.goto(f"{lab.url}/work")
    await expect(page.locator("main")).to_contain_text("a look for the operator")
    assert await page.locator("main button").count() == 0
    await expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Work")).to_have_count(0)
    await end_all(api)
    plain = await login("sheila", script=False)
    await plain.get_by_role("navigation", name="Main").get_by_role("link", name="Work").click()
    await plain.locator("#new-reason").fill("The lift")
    await plain.locator("#new-starts_at").fill(local(60))
    await plain.locator("#new-ends_at").fill(local(120))
    await plain.get_by_role("button", name="Plan it").click()
    card = plain.locator(".work:has-text('The lift')")
    await expect(card).to_contain_text("To come")
    await card.get_by_role("button", name="Call it off").click()
    await expect(plain.locator("table.list")).to_contain_text("called off")


@pytest.mark.parametrize(("width", "dark"), [(360, True), (360, False), (1366, True), (1366, False)])
async def test_it_is_accessible_and_fits(
    login: Login, lab: Lab, homes: Homes, api: httpx.AsyncClient, *, width: int, dark: bool
) -> None:
    await plan(api, homes.hub(), "a switchboard with a long name that goes on and on until it does not fit on a line")
    page: Page = await login("sheila", width=width, dark=dark)
    if width < 900:
        await page.locator(".who summary").click()
        await page.get_by_role("link", name="Planned work", exact=True).click()
        await page.wait_for_url("**/work")
    for path in ("/", "/work"):
        await page.goto(f"{lab.url}{path}")
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await end_all(api)
