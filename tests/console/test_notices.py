"""Notices before it hurts in a real browser: the board leads to what to mend, and says no more once it is mended."""

from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from telecare.embedded.responders import ARGYLL
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

TEXT = f"""\
key: to-mend
name: Nobody behind it
council: {ARGYLL}
for: {{types: [wandering]}}
steps:
  - {{tell: [queue], wait: 30s}}
  - {{tell: ["rota:runs-out"], wait: 60s}}
catch_all: {{tell: [queue], every: 5m}}
"""
WORDS = "Nobody stands behind the rota runs-out now"


@pytest.fixture
async def rota(api: httpx.AsyncClient) -> AsyncIterator[str]:
    """A rota with nobody on it, which a policy names."""
    plan = {"key": "runs-out", "name": "Runs out", "council_id": ARGYLL, "layers": []}
    made = (await api.post("/rotas", json=plan)).json()
    saved = await api.post("/policies", json={"text": TEXT})
    assert saved.status_code == 201, saved.text
    yield made["id"]
    await api.delete(f"/policies/{saved.json()['id']}")
    await api.delete(f"/rotas/{made['id']}")


@pytest.mark.parametrize(("width", "dark", "script"), [(1366, False, True), (360, True, False)])
async def test_the_board_leads_to_what_to_mend_until_it_is_mended(
    login: Login, lab: Lab, api: httpx.AsyncClient, rota: str, *, width: int, dark: bool, script: bool
) -> None:
    page = await login("admin", width=width, dark=dark, script=script)
    line = page.locator(".to-mend")
    await expect(line).to_contain_text("1 notice, 1 error")
    await line.get_by_role("link").click()
    await page.wait_for_url("**/policies#notices")
    notices = page.locator("#notices")
    await expect(notices).to_contain_text("Error Argyll and Bute: " + WORDS)
    await expect(notices).to_contain_text("Put somebody on who can be told")
    if script:
        assert await faults(page) == []
    await notices.get_by_role("link").click()
    await page.wait_for_url(f"**/rotas/{rota}")

    (eilidh,) = (one for one in (await api.get("/responders")).json()["items"] if one["key"] == "eilidh-maclean")
    swap = {"kind": "add", "member_id": eilidh["id"], "why": "nobody is on"}
    span = {"starts_at": "2026-01-05T00:00:00Z", "ends_at": "2036-01-05T00:00:00Z"}
    assert (await api.post(f"/rotas/{rota}/overrides", json={**swap, **span})).status_code == 201
    for path in ("/rotas", "/policies", "/"):
        await page.goto(f"{lab.url}{path}")
        await expect(page.locator("#notices, .to-mend")).to_have_count(0)


@pytest.mark.usefixtures("rota")
async def test_an_operator_is_left_alone(login: Login, lab: Lab) -> None:
    page = await login("calum")
    await expect(page.locator("#strip")).to_be_visible()
    await expect(page.locator(".to-mend")).to_have_count(0)
    await page.goto(f"{lab.url}/policies")
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("#notices")).to_have_count(0)
