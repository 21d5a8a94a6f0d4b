"""A welfare check in the browser: worked through by keys alone, by two at once, without script, and on paper."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


@pytest.fixture
async def campaign(lab: Lab, api: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """A list of three people of one council, whose hubs the other tests come to last."""
    hubs = (await api.get("/hubs", params={"limit": 500})).json()["items"]
    by_council: dict[str, list[str]] = {}
    order = {hub.hub_id: place for place, hub in enumerate(lab.hubs)}
    for hub in sorted(hubs, key=lambda each: -order.get(each["hub_id"], 0)):
        if hub["person_id"]:
            by_council.setdefault(hub["council_id"], []).append(hub["hub_id"])
    council, hub_ids = max(by_council.items(), key=lambda item: len(item[1]))
    body = {"council_id": council, "reason": "the telephone exchange burnt down", "hub_ids": hub_ids[:3]}
    reply = await api.post("/welfare/campaigns", json=body)
    assert reply.status_code == 201, reply.text
    shown = reply.json()
    yield shown
    await api.post(f"/welfare/campaigns/{shown['id']}/finish", json={"reason": "a test is over"})
    for alarm_id in [shown["alarm_id"]]:
        alarm = (await api.get(f"/alarms/{alarm_id}")).json()
        if alarm["handling"] != "closed":
            closing = {"as_of": alarm["version"], "outcome": "reassured", "reason": "a test is over"}
            await api.post(f"/alarms/{alarm_id}/close", json=closing)


async def test_a_list_is_worked_through_by_keys_alone(
    login: Login, lab: Lab, api: httpx.AsyncClient, campaign: dict[str, Any]
) -> None:
    page = await login("fiona")
    await page.goto(f"{lab.url}/welfare")
    # From the top of the page to the campaign by the tabulator, as somebody without a mouse.
    link = page.locator(f'a[href="/welfare/{campaign["id"]}"]')
    await link.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/welfare/{campaign['id']}")
    names = []
    for _ in range(3):
        await page.keyboard.press("Enter")
        card = page.locator("#person-now")
        await expect(card).to_be_focused()
        names.append(await card.locator("h2").inner_text())
        await page.keyboard.press("1")
        await expect(page.locator(".notice.good")).to_have_text("Written down: safe.")
    assert len(set(names)) == 3
    await expect(page.locator(".figure")).to_have_text("100 %")
    await expect(page.locator("main")).to_contain_text("Everybody is accounted for")
    shown = (await api.get(f"/welfare/campaigns/{campaign['id']}")).json()
    assert (shown["percent"], shown["closed_by"]) == (100, "system")


async def test_two_operators_have_two_people_and_need_becomes_an_alarm(
    login: Login, lab: Lab, api: httpx.AsyncClient, campaign: dict[str, Any]
) -> None:
    fiona, sheila = await login("fiona"), await login("sheila")
    here = f"{lab.url}/welfare/{campaign['id']}"
    heads = []
    for page in (fiona, sheila):
        await page.goto(here)
        await page.keyboard.press("Enter")
        heads.append(await page.locator("#person-now h2").inner_text())
    assert heads[0] != heads[1]
    await sheila.get_by_label("Note").fill("on the floor since the night")
    await sheila.get_by_role("button", name="Needs help").click()
    await expect(sheila.locator(".notice.good")).to_contain_text("An alarm is open")
    people = (await api.get(f"/welfare/campaigns/{campaign['id']}/people")).json()["items"]
    (alarm_id,) = [person["alarm_id"] for person in people if person["state"] == "needs_help"]
    alarm = (await api.get(f"/alarms/{alarm_id}")).json()
    assert (alarm["class"], alarm["type"]) == ("L", "welfare_help")
    closing = {"as_of": alarm["version"], "outcome": "reassured", "voice_confirmed": True, "reason": "a test is over"}
    while (reply := await api.post(f"/alarms/{alarm_id}/close", json=closing)).status_code == 409:
        closing["as_of"] = reply.json()["version"]


async def test_without_script_and_only_a_supervisor_says_unreachable(
    login: Login, lab: Lab, campaign: dict[str, Any]
) -> None:
    page = await login("sheila", script=False)
    await page.goto(f"{lab.url}/alarms/{campaign['alarm_id']}")
    await page.get_by_role("link", name="Work through the list").click()
    await page.get_by_role("button", name="Next person").click()
    await page.get_by_role("button", name="Unreachable").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say why in the note")
    await page.get_by_label("Note").fill("abroad, says the neighbour")
    await page.get_by_role("button", name="Unreachable").click()
    await expect(page.locator(".notice.good")).to_have_text("Written down: unreachable.")
    await page.get_by_role("link", name="Unreachable 1").click()
    await expect(page.locator("table.list tbody tr")).to_have_count(1)
    await expect(page.locator("table.list")).to_contain_text("abroad, says the neighbour")
    fiona = await login("fiona", script=False)
    await fiona.goto(f"{lab.url}/welfare/{campaign['id']}")
    await fiona.get_by_role("button", name="Next person").click()
    await expect(fiona.get_by_role("button", name="Safe", exact=False)).to_have_count(1)
    await expect(fiona.get_by_role("button", name="Unreachable")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_of_it_has_a_serious_fault(
    login: Login, lab: Lab, campaign: dict[str, Any], width: int, dark: bool
) -> None:
    page = await login("sheila", width=width, dark=dark)
    found = {}
    await page.goto(f"{lab.url}/welfare/{campaign['id']}")
    await page.keyboard.press("Enter")
    await page.locator("#person-now").wait_for()
    found["person"] = await faults(page)
    for address in ("/welfare", f"/welfare/{campaign['id']}?show=all", f"/welfare/{campaign['id']}/sheet"):
        await page.goto(f"{lab.url}{address}")
        await page.wait_for_selector("main h1")
        found[address] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}
