"""Rotas in a real browser: an override changes who is on call, a plan is mended line by line, a calendar read."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

LONDON = ZoneInfo("Europe/London")
PLAN = """\
rotas:
- key: {key}
  name: Nights
  council_id: S12000035
  layers:
  - kind: weekly
    rules:
    - {{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00", member: eilidh-maclean}}
"""


def local(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%Y-%m-%dT%H:%M}"


async def people(api: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in (await api.get("/responders")).json()["items"]}


async def make(api: httpx.AsyncClient, key: str) -> str:
    """Make a rota with nobody but Eilidh on, at all times; return its id."""
    member = (await people(api))["eilidh-maclean"]["id"]
    layer = {"kind": "rotation", "unit": "weekly", "starts_at": "2026-01-05T09:00", "members": [member]}
    body = {"key": key, "name": f"Rota {key}", "council_id": "S12000035", "layers": [layer]}
    reply = await api.post("/rotas", json=body)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def test_an_override_by_keyboard_changes_who_is_on_call_and_is_undone(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    rota, known = await make(api, "override"), await people(api)
    page = await login("sheila")
    await page.goto(f"{lab.url}/rotas")
    await page.get_by_role("link", name="Rota override").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/rotas/{rota}")
    on_call = page.locator("#on-call")
    await expect(on_call).to_contain_text("Eilidh MacLean")
    await page.locator("#override-why").fill("Eilidh is ill")
    await page.locator("#override-ends_at").fill(local(datetime.now(LONDON) + timedelta(hours=8)))
    await page.locator("button:has-text('Add the override')").focus()
    await page.keyboard.press("Enter")
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("Choose who comes on")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#override-member_id")).to_be_focused()
    await expect(page.locator("#override-why")).to_have_value("Eilidh is ill")
    await page.locator("#override-member_id").select_option(known["hamish-orr"]["id"])
    await page.locator("#override-instead_of_id").select_option(known["eilidh-maclean"]["id"])
    await page.locator("#override-starts_at").fill(local(datetime.now(LONDON) - timedelta(hours=1)))
    await page.locator("button:has-text('Add the override')").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=override")
    await expect(on_call.locator(".lead")).to_have_text("Hamish Orr")
    await expect(page.locator(".weeks svg")).to_contain_text("Hamish Orr")
    await expect(page.locator(".changes").first).to_contain_text("Hamish Orr in place of Eilidh MacLean")
    await expect(page.locator(".changes").first).to_contain_text("by sheila")
    listed = (await api.get(f"/rotas/{rota}/on-call")).json()
    assert [one["name"] for one in listed["members"]] == ["Hamish Orr"]
    await page.get_by_role("button", name="Undo").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?done=undone")
    await expect(on_call.locator(".lead")).to_have_text("Eilidh MacLean")
    await expect(page.locator(".changes").first).to_contain_text("undone by sheila")
    await api.delete(f"/rotas/{rota}")


async def test_a_plan_is_mended_line_by_line_tried_and_imported_and_its_gaps_are_told(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    page = await login("admin")
    await page.goto(f"{lab.url}/rotas/import")
    text = PLAN.format(key="nights")
    await page.locator("#text").fill(text.replace("eilidh-maclean", "nobody-known"))
    await page.locator("button[value=try]").click()
    await expect(page.locator(".error-summary")).to_contain_text("Line 8")
    await expect(page.locator(".error-summary")).to_contain_text("no responder who can serve here has the key")
    await page.locator("#text").fill(text)
    await page.locator("button[value=try]").click()
    await expect(page.locator(".notice.good")).to_contain_text("would be made")
    assert "nights" not in {one["key"] for one in (await api.get("/rotas")).json()["items"]}
    await page.locator("button[value=import]").click()
    await page.wait_for_url("**?done=imported")
    await expect(page.locator("#on-call")).to_contain_text("gaps in the next 400 days")
    await expect(page.locator(".weeks .gap title").first).to_have_text(re.compile("nobody is on"))
    await page.locator("summary:has-text('The same as a table')").click()
    await expect(page.locator(".plan table")).to_contain_text("nobody")
    await page.get_by_role("link", name="Change the plan as YAML").click()
    await expect(page.locator("#text")).to_have_value(re.compile("member: eilidh-maclean"))
    rota = next(one for one in (await api.get("/rotas")).json()["items"] if one["key"] == "nights")
    layers = (await api.get(f"/rotas/{rota['id']}")).json()["layers"]
    changed = await api.put(f"/rotas/{rota['id']}", json={"as_of": 1, "name": "Nights, theirs", "layers": layers})
    assert changed.status_code == 200, changed.text
    await page.locator("#text").fill((await page.locator("#text").input_value()).replace("Nights", "Nights, mine"))
    await page.locator("button[value=import]").click()
    await expect(page.locator(".error-summary")).to_contain_text("has changed since its version 1: it is at 2 now")
    assert (await api.get(f"/rotas/{rota['id']}")).json()["name"] == "Nights, theirs"
    await api.delete(f"/rotas/{rota['id']}")


async def test_a_rota_is_removed_by_whoever_is_sure_unless_a_policy_names_it(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    rota = await make(api, "gone")
    policy = 'key: by-gone\nname: By gone\ncouncil: S12000035\nsteps: [{tell: ["rota:gone"], wait: 60s}]\n'
    policy += "catch_all: {tell: [queue], every: 5m}\n"
    saved = await api.post("/policies", json={"text": policy, "note": "for this"})
    assert saved.status_code == 201, saved.text
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/rotas/{rota}")
    await page.locator("summary:has-text('Remove this rota')").click()
    await page.locator("main button:text-is('Remove')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say that you are sure")
    await page.locator("#remove-sure").check()
    await page.locator("main button:text-is('Remove')").click()
    await expect(page.locator(".error-summary")).to_contain_text("“by-gone”")
    await api.delete(f"/policies/{saved.json()['id']}")
    await page.locator("#remove-sure").check()
    await page.locator("main button:text-is('Remove')").click()
    await page.wait_for_url("**/rotas")
    assert (await api.get(f"/rotas/{rota}")).status_code == 404
    other = await make(api, "kept")
    page = await login("sheila")
    await page.goto(f"{lab.url}/rotas/{other}")
    await expect(page.locator("summary:has-text('Remove this rota')")).to_have_count(0)
    await api.delete(f"/rotas/{other}")


async def test_a_temporary_schedule_and_a_calendar_without_script(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    rota, known = await make(api, "christmas"), await people(api)
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/rotas/{rota}")
    await page.locator("summary:has-text('Add a temporary schedule')").click()
    now = datetime.now(LONDON)
    since, until = local(now - timedelta(hours=1)), local(now + timedelta(hours=5))
    await page.locator("#temporary-starts_at").fill(since)
    await page.locator("#temporary-ends_at").fill(until)
    await page.locator("#temporary-why").fill("Christmas")
    await page.locator("#temporary-member_0").select_option(known["catriona-weir"]["id"])
    await page.locator("#temporary-from_0").fill(since)
    await page.locator("#temporary-until_0").fill(local(now + timedelta(hours=6)))
    await page.locator("button:has-text('Add the schedule')").click()
    await expect(page.locator(".error-summary")).to_contain_text("Turn 1 must lie within the schedule")
    await expect(page.locator("#temporary-why")).to_have_value("Christmas")
    await page.locator("#temporary-until_0").fill(until)
    await page.locator("button:has-text('Add the schedule')").click()
    await expect(page.locator("#on-call .lead")).to_have_text("Catriona Weir")
    await page.locator("button:has-text('Give me an address')").click()
    feed = await page.locator("#feed").text_content() or ""
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert "Catriona Weir on call" in (await stranger.get(feed)).text
        await page.locator("button:has-text('Revoke all addresses')").click()
        await page.wait_for_url("**?done=revoked")
        assert (await stranger.get(feed)).status_code == 404
    await api.delete(f"/rotas/{rota}")


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_of_rotas_has_a_serious_fault(
    login: Login, lab: Lab, api: httpx.AsyncClient, width: int, dark: bool
) -> None:
    page = await login("admin", width=width, dark=dark)
    found = {}
    rotas = {one["key"]: one["id"] for one in (await api.get("/rotas")).json()["items"]}
    for name, address in {"list": "", "one": f"/{rotas['out-of-hours']}", "import": "/import"}.items():
        await page.goto(f"{lab.url}/rotas{address}")
        found[name] = await faults(page)
    await page.goto(f"{lab.url}/rotas/{rotas['out-of-hours']}")
    await page.locator("summary:has-text('Add a temporary')").click()
    await page.locator("button:has-text('Add the override')").click()
    await page.locator(".error-summary").wait_for()
    found["faults"] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}
