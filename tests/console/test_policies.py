"""Policies in a real browser: a bad one is mended, tried out and saved, and the next alarm goes by it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

TEXT = """\
key: {key}
name: Doors of {key}
for: {{types: [wandering]}}
steps:
  - {{tell: [queue], wait: 45s, only: {{days: [mon-sun], from: "00:00", until: "24:00"}}, otherwise: [duty_manager]}}
  - {{tell: [supervisr], wait: 60s}}
catch_all: {{tell: [queue], every: 5m}}
"""


@pytest.fixture
async def key(api: httpx.AsyncClient, homes: Homes) -> AsyncIterator[str]:
    """Give the key of a policy that no other test goes by; afterwards no alarm does."""
    yield "doors"
    await homes.calm()
    for policy in (await api.get("/policies")).json()["items"]:
        await api.delete(f"/policies/{policy['id']}")


async def write(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)


async def test_a_bad_policy_is_mended_tried_out_saved_and_an_alarm_goes_by_it(
    login: Login, lab: Lab, homes: Homes, key: str
) -> None:
    page = await login("admin")
    await page.keyboard.press("Tab")
    await page.goto(f"{lab.url}/policies")
    await expect(page.locator("main")).to_contain_text("every alarm goes by the built-in ladders")
    await page.locator("main a:has-text('New policy')").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/policies/new")
    text = TEXT.format(key=key)
    await write(page, text)

    await page.locator("button[value=look]").focus()
    await page.keyboard.press("Enter")
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("Line 6")
    await expect(summary).to_contain_text("“supervisr” is nobody that a step can tell")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")  # the fault leads to its line, which is chosen
    await expect(page.locator("#text")).to_be_focused()
    chosen = "text => text.value.slice(text.selectionStart, text.selectionEnd)"
    assert await page.locator("#text").evaluate(chosen) == "  - {tell: [supervisr], wait: 60s}"
    await page.keyboard.type("  - {tell: [supervisor], wait: 60s}")

    await page.locator("#type").select_option("wandering")
    await page.locator("#minutes").fill("10")
    await page.locator("button[value=try]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#trial")).to_contain_text("Step 1: told the operators' queue")
    await expect(page.locator("#trial svg title").first).to_have_text(re.compile("Who is told when"))
    await expect(page.locator("#text")).to_have_value(text.replace("supervisr", "supervisor"))

    await page.locator("button[value=save]").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say why")
    await page.locator("#note").fill("doors are not as urgent")
    await page.locator("button[value=save]").click()
    await page.wait_for_url("**/policies/*done=saved")
    await expect(page.locator(".steps")).to_contain_text("after 45 s")
    await expect(page.locator(".steps")).to_contain_text("otherwise the duty manager")
    await expect(page.locator("main")).to_contain_text("doors are not as urgent")

    alarm = await homes.press("wandering")
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await expect(page.locator(".log")).to_contain_text(f"Ladder: Doors of {key}")


async def test_who_saves_on_an_old_version_sees_what_changed_and_loses_nothing(
    login: Login, lab: Lab, api: httpx.AsyncClient, key: str
) -> None:
    text = TEXT.format(key=key).replace("supervisr", "supervisor")
    saved = (await api.post("/policies", json={"text": text, "note": "first"})).json()
    page = await login("admin")
    await page.goto(f"{lab.url}/policies/{saved['id']}")
    change = {"text": text.replace("45s", "50s"), "note": "by somebody else", "as_of": 1}
    assert (await api.put(f"/policies/{saved['id']}", json=change)).status_code == 200
    mine = text.replace("60s", "90s")
    await write(page, mine)
    await page.locator("#note").fill("mine")
    await page.locator("button[value=save]").click()
    await expect(page.locator(".error-summary")).to_contain_text("has saved version 2 since you began")
    await expect(page.locator(".diff .come")).to_contain_text("wait: 50s")
    await expect(page.locator("#text")).to_have_value(mine)
    await page.locator("button[value=save]").click()
    await page.wait_for_url("**/policies/*done=saved")
    await expect(page.locator("main")).to_contain_text("version 3")
    await page.get_by_role("link", name="Version 1").click()
    await expect(page.locator("#text")).to_have_value(text)
    await expect(page.locator("main")).to_contain_text("Version 3 is live")


async def test_a_case_moves_to_the_newest_policy(
    login: Login, lab: Lab, homes: Homes, api: httpx.AsyncClient, key: str
) -> None:
    text = TEXT.format(key=key).replace("supervisr", "supervisor")
    saved = (await api.post("/policies", json={"text": text})).json()
    alarm = await homes.press("wandering")
    await api.put(f"/policies/{saved['id']}", json={"text": text.replace("45s", "50s"), "as_of": 1})
    page = await login("fiona")
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await expect(page.locator("#older-policy")).to_contain_text("version 1")
    await expect(page.locator("#older-policy")).to_contain_text("version 2")
    await page.get_by_role("button", name="Move to the newest policy").click()
    await expect(page.locator(".log")).to_contain_text("Fiona Ross moved it to the policy as it is now")
    await expect(page.locator("#older-policy")).to_have_count(0)


async def test_without_script_a_policy_is_written_as_well(login: Login, lab: Lab, key: str) -> None:
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/policies/new")
    await write(page, TEXT.format(key=key))
    await page.locator("button[value=save]").click()
    await expect(page.locator(".error-summary").first).to_contain_text("Say why")
    await page.locator("#note").fill("without script")
    await page.locator("button[value=save]").click()
    await expect(page.locator(".error-summary")).to_contain_text("Line 6")
    await write(page, TEXT.format(key=key).replace("supervisr", "supervisor"))
    await page.locator("button[value=save]").click()
    await page.wait_for_url("**/policies/*done=saved")
    await page.locator("summary:has-text('Retire')").click()
    await page.locator("button:has-text('Retire')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say that you are sure")
    await page.locator("#sure").check()
    await page.locator("button:has-text('Retire')").click()
    await page.wait_for_url("**/policies")
    await expect(page.locator("main")).not_to_contain_text(f"Doors of {key}")


async def test_an_operator_tries_out_and_cannot_save(login: Login, lab: Lab, key: str) -> None:
    page = await login("fiona")
    await page.goto(f"{lab.url}/policies/new")
    await expect(page.locator("button[value=try]")).to_be_visible()
    await expect(page.locator("button[value=save]")).to_have_count(0)
    await page.goto(f"{lab.url}/policies/what-if?type=nothing&day=2027-01-03&time=03:12&minutes=60")
    await expect(page.locator(".error-summary")).to_contain_text("No type of alarm has this name")
    await page.locator("#type").select_option("smoke")
    await page.locator("main button:has-text('Show')").click()
    await expect(page.locator("#trial")).to_contain_text("on Sunday 03 January 2027")
    assert key


async def test_what_would_happen_to_a_person_is_asked_by_name_without_script(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    known = (await api.get("/people", params={"limit": 50})).json()["items"]
    person = known[0]
    whole = f"{person['given_name']} {person['family_name']}"
    contact = {"name": "Mairead of the shop", "relation": "neighbour", "email": "mairead@shop.example"}
    assert (await api.put(f"/people/{person['id']}/contacts", json=[contact])).status_code == 200
    page = await login("fiona", script=False)
    await page.goto(f"{lab.url}/policies/what-if")
    await page.locator("#council").select_option(person["council_id"])
    await page.locator("#who").fill("Nobody Of This Name")
    await page.locator("main button:has-text('Find')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Nobody of this council has this name")
    await page.locator("#who").fill(whole)
    await page.locator("button:has-text('Show')").click()
    await expect(page.locator("#person")).to_contain_text("found")
    await expect(page.locator("#trial")).to_have_count(0)
    await page.locator(f"input[value='{person['id']}']").check()
    await page.locator("button:has-text('Show')").click()
    await expect(page.locator("#trial")).to_contain_text(f"for {whole}")
    await expect(page.locator(".told-list")).to_contain_text("Mairead of the shop")
    await page.locator("#person label:has-text('Nobody in particular') input").check()
    await page.locator("button:has-text('Show')").click()
    await expect(page.locator("#trial")).not_to_contain_text(whole)
    await page.goto(f"{lab.url}/people/{person['id']}")
    await page.get_by_role("link", name="What would happen if this person pressed now?").click()
    await expect(page.locator("#trial")).to_contain_text(f"for {whole}")
    await page.goto(f"{lab.url}/policies/what-if?person=no-id")
    await expect(page.locator(".error-summary")).to_contain_text("Choose a person of the list")
    asked = (await api.get("/audit", params={"limit": 50})).json()["items"]
    of_them = [entry["action"] for entry in asked if entry["subject_id"] == person["id"]]
    assert of_them.count("policy_simulated") == 2


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_of_policies_has_a_serious_fault(
    login: Login, lab: Lab, api: httpx.AsyncClient, key: str, width: int, dark: bool
) -> None:
    text = TEXT.format(key=key).replace("supervisr", "supervisor")
    saved = (await api.post("/policies", json={"text": text})).json()
    page = await login("admin", width=width, dark=dark)
    found = {}
    for name, address in {
        "list": "/policies",
        "one": f"/policies/{saved['id']}",
        "what if": "/policies/what-if?type=smoke&day=2027-01-03&time=03:12&minutes=60",
        "whose": "/policies/what-if?who=a&do=find",
    }.items():
        await page.goto(f"{lab.url}{address}")
        found[name] = await faults(page)
    await page.goto(f"{lab.url}/policies/new")
    found["new"] = await faults(page)
    await write(page, TEXT.format(key="other"))
    await page.locator("button[value=look]").click()
    await page.locator(".error-summary").wait_for()
    found["faults"] = await faults(page)
    await write(page, text)
    await page.locator("button[value=try]").click()
    await page.locator("#trial").wait_for()
    found["trial"] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}
