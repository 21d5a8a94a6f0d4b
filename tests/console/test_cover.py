"""A partner's board while it covers another control room: by itself there, gone again, and never anybody else's."""

import contextlib
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from alarms.cover.models import LONGEST_S
from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser, row
from tests.console.test_pages import faults

pytestmark = needs_browser

ARGYLL, HIGHLAND = "S12000035", "S12000017"
_numbers = count(1)


async def people(lab: Lab, api: httpx.AsyncClient, council: str, role: str) -> str:
    """Somebody who is bound to a council; return their user name."""
    name = f"cover-{role}-{next(_numbers)}"
    body = {"username": name, "display_name": name.title(), "role": role, "councils": [council]}
    reply = await api.post("/users", json={**body, "password": lab.secrets.operator_password})
    assert reply.status_code == 201, reply.text
    return name


@pytest.fixture
async def agreement(api: httpx.AsyncClient) -> AsyncIterator[str]:
    """Highland covers Argyll and Bute, and not by itself: other tests may have left an alarm there that nobody took."""
    body = {"council_id": ARGYLL, "partner_id": HIGHLAND, "after_s": LONGEST_S}
    reply = await api.post("/covers/agreements", json=body)
    assert reply.status_code == 201, reply.text
    yield reply.json()["id"]
    with contextlib.suppress(httpx.HTTPError):
        await api.delete(f"/covers/agreements/{reply.json()['id']}")


async def hub_of(lab: Lab, api: httpx.AsyncClient, council: str) -> str:
    """A hub of a council that the other tests come to last, another one each time."""
    there = {
        one["hub_id"] for one in (await api.get("/hubs", params={"council": council, "limit": 500})).json()["items"]
    }
    found = [hub.hub_id for hub in reversed(lab.hubs) if hub.hub_id in there]
    return found[next(_numbers)]


@pytest.mark.usefixtures("agreement")
async def test_an_exercise_from_its_beginning_to_its_report(
    login: Login, lab: Lab, homes: Homes, api: httpx.AsyncClient
) -> None:
    boss = await login(await people(lab, api, ARGYLL, "supervisor"))
    # Quiet: a case that may not be seen any more is a 404, which the browser complains of.
    hector = await login(await people(lab, api, HIGHLAND, "operator"), quiet=True)
    alarm = await homes.press(hub_id=await hub_of(lab, api, ARGYLL))
    await expect(boss.locator(row(alarm))).to_be_visible()
    await expect(hector.locator("#feed-state")).to_have_text("live")
    await expect(hector.locator(row(alarm))).to_have_count(0)

    office = await boss.context.new_page()
    await office.goto(f"{lab.url}/cover")
    await office.locator("summary", has_text="Begin a cover").click()
    await office.get_by_label("In your words").fill("the monthly one")
    await office.get_by_role("button", name="Begin").click()
    await expect(office.locator(".notice.good")).to_have_text("The cover is on.")

    # By itself, on both boards, with its rows and its reason.
    await expect(hector.locator(".cover")).to_contain_text("Covering for Argyll and Bute since")
    await expect(hector.locator(".cover")).to_contain_text("an exercise: the monthly one")
    await expect(boss.locator(".cover")).to_contain_text("Highland covers for you since")
    await hector.locator(f"{row(alarm)} .words").click()
    await hector.wait_for_url(f"**/alarms/{alarm}")
    await expect(hector.locator("#hub-head")).to_contain_text("you stand in for Argyll and Bute")
    await expect(hector.locator("#person-head a, #hub-head a")).to_have_count(0)
    await hector.keyboard.press("c")
    await expect(hector.locator("#case-holder")).to_contain_text("has it")
    assert await faults(hector) == []

    await office.get_by_role("button", name="End the cover").click()
    await expect(office.locator(".notice.good")).to_have_text("The cover has ended.")
    board = await hector.context.new_page()
    await board.goto(lab.url)
    await expect(board.locator(".cover")).to_have_count(0)
    await expect(board.locator(row(alarm))).to_be_visible()
    await hector.get_by_role("button", name="Give back").click()
    await expect(hector).to_have_url(f"{lab.url}/")
    await expect(board.locator(f"{row(alarm)}:not(.gone)")).to_have_count(0)
    await expect(hector.locator(f"{row(alarm)}:not(.gone)")).to_have_count(0)
    await expect(boss.locator(row(alarm))).to_be_visible()

    await office.locator("table a").first.click()
    await expect(office.locator("h1")).to_contain_text("Exercise: Highland covered Argyll and Bute")
    await expect(office.locator("main dl")).to_contain_text("1 by Highland")
    await homes.close(await homes.alarm(alarm))


@pytest.mark.usefixtures("agreement")
async def test_without_script_a_cover_is_begun_and_refused_in_words(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    page = await login(await people(lab, api, ARGYLL, "administrator"), script=False)
    await page.goto(f"{lab.url}/cover")
    await page.locator("summary", has_text="New agreement").click()
    await page.get_by_label("Who is covered").select_option(ARGYLL)
    await page.get_by_label("Who covers").select_option(ARGYLL)
    await page.get_by_label("After how many seconds").fill(str(LONGEST_S))
    await page.get_by_role("button", name="Agree", exact=True).click()
    await expect(page.locator(".error-summary")).to_contain_text("Name another council than the covered one")
    await page.get_by_label("Who covers").select_option(HIGHLAND)
    await page.get_by_role("button", name="Agree", exact=True).click()
    await expect(page.locator(".error-summary")).to_contain_text("has a partner already")
    await page.locator("summary", has_text="Begin a cover").click()
    await page.get_by_label("Why").first.select_option("declared")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.locator(".cover-on")).to_contain_text("Highland covers for Argyll and Bute")
    await page.goto(lab.url)
    await expect(page.locator(".cover")).to_contain_text("Highland covers for you since")
    await page.goto(f"{lab.url}/cover")
    await page.locator("summary", has_text="End the agreement").click()
    await page.get_by_role("button", name="End the agreement").click()
    await expect(page.locator(".error-summary")).to_contain_text("tick the box")
    await page.get_by_label("I am sure").check()
    await page.get_by_role("button", name="End the agreement").click()
    await expect(page.locator(".notice.good")).to_have_text("The agreement has ended.")
    await expect(page.locator(".cover-on")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_its_pages_have_no_serious_fault(
    login: Login, lab: Lab, homes: Homes, api: httpx.AsyncClient, agreement: str, width: int, dark: bool
) -> None:
    page = await login("sheila", width=width, dark=dark)
    alarm = await homes.press(hub_id=await hub_of(lab, api, ARGYLL))
    begun: dict[str, Any] = (await api.post("/covers", json={"agreement_id": agreement, "why": "exercise"})).json()
    found = {}
    for name, path in {"board": "/", "cover": "/cover", "report": f"/cover/{begun['id']}"}.items():
        await page.goto(f"{lab.url}{path}")
        found[name] = await faults(page)
    assert not any(found.values()), found
    await homes.close(await homes.alarm(alarm))
