"""Responders in a real browser: a way is proven by its code, rules are a timeline, teams have an order."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import text

from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

ARGYLL = "S12000035"


async def make(api: httpx.AsyncClient, key: str) -> str:
    body = {"key": key, "name": f"Una {key}", "council_id": ARGYLL}
    reply = await api.post("/responders", json=body)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def code_for(lab: Lab, address: str) -> str:
    """Return the code that was last sent to an address, from what leaves the house."""
    database = Database(lab.settings())
    try:
        async with database.transaction() as session:
            last = text("SELECT message::text FROM outbox WHERE address = :address ORDER BY created_at DESC LIMIT 1")
            message = str((await session.execute(last, {"address": address})).scalar_one())
    finally:
        await database.dispose()
    found = re.search(r"alarms is (\d{6})", message)
    assert found, message
    return found[1]


async def test_a_responder_is_added_and_a_way_to_them_is_proven_by_its_code(login: Login, lab: Lab) -> None:
    page = await login("admin")
    await page.goto(f"{lab.url}/responders")
    await page.get_by_role("link", name="New responder").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/responders/new")
    await page.locator("#name").fill("Una Baird")
    await page.locator("#key").fill("Una Baird")
    await page.locator("#council_id").select_option(ARGYLL)
    await page.locator("main button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".error-summary")).to_be_focused()
    await expect(page.locator(".error-summary")).to_contain_text("Write a key of small letters")
    await expect(page.locator("#name")).to_have_value("Una Baird")
    await page.locator("#key").fill("una-baird")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=made")
    await expect(page.locator(".way-list")).to_contain_text("Nobody can tell them anything")

    await page.locator("#method-address").fill("12")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error-summary a")).to_have_attribute("href", "#method-address")
    await page.locator("#method-address").fill("07700 900456")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=added")
    way = page.locator(".way-list > li").first
    await expect(way).to_contain_text("Not verified")
    await way.locator("summary").focus()
    await page.keyboard.press("Enter")
    await way.get_by_role("button", name="Send a code").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=sent")
    code = await code_for(lab, "+447700900456")
    field = way.locator("input[name=code]")
    await field.fill(f"{(int(code) + 1) % 10**6:06d}")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error-summary")).to_contain_text("not the code that was sent: 4 tries left")
    await field.fill(code)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=verified")
    await expect(way).to_contain_text("Verified")


async def test_a_way_is_named_and_put_first_without_script(login: Login, lab: Lab, api: httpx.AsyncClient) -> None:
    responder = await make(api, "moved")
    for channel in ("sms", "voice"):
        await api.post(f"/responders/{responder}/methods", json={"channel": channel, "address": "07700900458"})
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/responders/{responder}")
    ways = page.locator(".way-list > li")
    await expect(ways.nth(1)).to_contain_text("Una moved, voice")
    await ways.nth(1).locator("summary").click()
    await ways.nth(1).locator("input[name=position]").fill("5000")
    await ways.nth(1).get_by_role("button", name="Change the name and place").click()
    await expect(page.locator(".error-summary")).to_contain_text("Write a place from 0 to 1,000")
    await ways.nth(1).locator("input[name=position]").fill("0")
    await ways.nth(1).locator("input[name=label]").fill("Una at home")
    await ways.nth(1).get_by_role("button", name="Change the name and place").click()
    await page.wait_for_url("**?done=saved")
    await expect(ways.nth(0)).to_contain_text("Una at home")
    shown = (await api.get(f"/responders/{responder}")).json()["methods"]
    assert [(one["label"], one["position"]) for one in shown] == [("Una at home", 0), ("Una moved, sms", 1)]
    await api.delete(f"/responders/{responder}")


async def test_rules_are_a_timeline_quiet_hours_spare_no_life_and_who_is_removed_is_gone(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    responder = await make(api, "ruled")
    for channel in ("sms", "voice"):
        await api.post(f"/responders/{responder}/methods", json={"channel": channel, "address": "07700900457"})
    page = await login("admin")
    await page.goto(f"{lab.url}/responders/{responder}")
    await page.locator("summary:has-text('Change the rules')").click()
    await page.locator("#rules-method_0").select_option(label="Text: Una ruled, sms")
    await page.locator("#rules-method_1").select_option(label="Call: Una ruled, voice")
    await page.locator("#rules-after_1").fill("9999")
    await page.locator("button:has-text('Set the rules')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Rule 2: from 0 to 7,200 seconds")
    await page.locator("#rules-after_1").fill("120")
    await page.locator("button:has-text('Set the rules')").click()
    await page.wait_for_url("**?done=rules")
    first = page.locator(".steps").first
    await expect(first.locator("li").nth(0)).to_contain_text("at once by text")
    await expect(first.locator("li").nth(1)).to_contain_text("after 2 min by a call")

    await page.locator("#quiet-from").fill("22:00")
    await page.locator("button:has-text('Save')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Write both ends of the quiet hours")
    await page.locator("#quiet-to").fill("07:00")
    await page.locator("button:has-text('Save')").click()
    await page.wait_for_url("**?done=saved")
    await expect(page.locator("main")).to_contain_text("Quiet from 22:00 until 07:00: never for life-safety alarms")
    await page.locator("summary:has-text('Remove this responder')").click()
    await page.locator("#remove-sure").check()
    await page.locator("form[action$='/remove']:not([action*='/methods/']) button").click()
    await page.wait_for_url("**/responders")
    await expect(page.locator("main")).not_to_contain_text("Una ruled")


async def test_an_operator_sees_masked_addresses_and_cannot_change_them(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    responder = await make(api, "masked")
    await api.post(f"/responders/{responder}/methods", json={"channel": "sms", "address": "07700900789"})
    page = await login("fiona")
    for address in ("/responders", f"/responders/{responder}"):
        await page.goto(f"{lab.url}{address}")
        await expect(page.locator("main")).to_contain_text("…789")
        await expect(page.locator("main")).not_to_contain_text("900789")
    await expect(page.locator("button:has-text('Send a code')")).to_have_count(0)
    await api.delete(f"/responders/{responder}")


async def test_a_way_is_switched_off_with_a_reason_without_script(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    responder = await make(api, "offline")
    await api.post(f"/responders/{responder}/methods", json={"channel": "email", "address": "una@example.org"})
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/responders/{responder}")
    way = page.locator(".way-list > li").first
    await way.locator("summary").click()
    await way.locator("input[name=why]").fill("left us")
    await way.get_by_role("button", name="Switch off").click()
    await expect(way).to_contain_text("Switched off")
    await expect(way).to_contain_text("left us")
    await way.locator("summary").click()
    await way.get_by_role("button", name="Switch on again").click()
    await expect(way).to_contain_text("Not verified")
    await way.locator("summary").click()
    await way.get_by_role("button", name="Remove").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say that you are sure")
    await way.locator("input[name=sure]").check()
    await way.get_by_role("button", name="Remove").click()
    await expect(page.locator(".way-list")).to_contain_text("Nobody can tell them anything")
    await api.delete(f"/responders/{responder}")


async def test_a_team_is_made_put_into_another_order_and_removed(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    known: dict[str, Any] = {one["key"]: one["id"] for one in (await api.get("/responders")).json()["items"]}
    page = await login("admin")
    await page.goto(f"{lab.url}/teams")
    await page.locator("summary:has-text('New team')").click()
    await page.locator("#new-name").fill("Night team")
    await page.locator("#new-key").fill("night-team")
    await page.locator("#new-council_id").select_option(ARGYLL)
    await page.locator(f"#new-place-{known['hamish-orr']}").fill("2")
    await page.locator(f"#new-place-{known['catriona-weir']}").fill("first")
    await page.locator("button:has-text('Add the team')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Write places as numbers")
    await page.locator(f"#new-place-{known['catriona-weir']}").fill("1")
    await page.locator("button:has-text('Add the team')").click()
    card = page.locator("section", has_text="Night team")
    await expect(card.locator("ol li")).to_have_text(["Catriona Weir", "Hamish Orr"])
    await card.locator("summary").click()
    await card.locator(f"input[name=place-{known['catriona-weir']}]").fill("3")
    await card.get_by_role("button", name="Save").click()
    await expect(card.locator("ol li")).to_have_text(["Hamish Orr", "Catriona Weir"])
    await card.locator("summary").click()
    await card.locator("input[name=sure]").check()
    await card.get_by_role("button", name="Remove the team").click()
    await expect(page.locator("main")).not_to_contain_text("Night team")


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_of_responders_has_a_serious_fault(
    login: Login, lab: Lab, api: httpx.AsyncClient, width: int, dark: bool
) -> None:
    responder = await make(api, f"seen-{width}-{'dark' if dark else 'light'}")
    await api.post(f"/responders/{responder}/methods", json={"channel": "sms", "address": "07700900111"})
    page = await login("admin", width=width, dark=dark)
    found = {}
    for address in ("/responders", "/responders/new", f"/responders/{responder}", "/teams"):
        await page.goto(f"{lab.url}{address}")
        for summary in await page.locator("main summary").all():
            await summary.click()
        found[address] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}
    await api.delete(f"/responders/{responder}")
