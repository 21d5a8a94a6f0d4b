"""The case says who was asked, by what, how far that got, who goes and who is next; nobody speaks on the line."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import expect

from simulators.provider.sink import WebhookSink
from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

POLICY = """\
key: told
name: Told
for: {types: [boundary]}
steps:
  - {tell: ["responder:told-una"], wait: 2m}
catch_all: {tell: [queue], every: 5m}
"""


@pytest.fixture
async def una(api: httpx.AsyncClient, homes: Homes) -> AsyncIterator[WebhookSink]:
    """Put somebody behind a policy who is told by a webhook at once and by a call an hour later."""
    async with WebhookSink() as sink:
        una = (await api.post("/responders", json={"key": "told-una", "name": "Una Told"})).json()["id"]
        ways = [("webhook", f"{sink.url}una", 0), ("voice", "07700900222", 3600)]
        rules = []
        for channel, address, after_s in ways:
            body = {"channel": channel, "address": address, "label": "Una Told"}
            method = (await api.post(f"/responders/{una}/methods", json=body)).json()["id"]
            rules.append({"method_id": method, "after_s": after_s})
        await api.put(f"/responders/{una}/rules", json=rules)
        policy = (await api.post("/policies", json={"text": POLICY})).json()
        yield sink
        await homes.calm()
        await api.delete(f"/policies/{policy['id']}")
        await api.delete(f"/responders/{una}")


@pytest.mark.parametrize("width", [1366, 360])
async def test_who_was_asked_by_what_and_who_is_next(
    login: Login, lab: Lab, homes: Homes, una: WebhookSink, width: int
) -> None:
    page = await login("fiona", width=width)
    alarm = await homes.press("boundary")
    await una.wait_for(1)
    await page.goto(f"{lab.url}/alarms/{alarm}")
    asked = page.locator(".asked")
    await expect(asked).to_contain_text(re.compile(r"Una Told by a webhook"))
    await expect(asked.locator(".badge").first).to_contain_text("Sent")
    await expect(asked).to_contain_text(re.compile(r"next: Una Told by a call in \d+"))
    assert await faults(page) == []


async def test_nobody_speaks_on_an_open_line_and_whoever_has_it_says_so(login: Login, lab: Lab, homes: Homes) -> None:
    page = await login("fiona")
    alarm = await homes.press("fall")
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await expect(page.get_by_role("button", name="No speech")).to_be_hidden()
    await page.get_by_role("button", name="Claim").click()
    await page.get_by_role("button", name="No speech").click()
    await expect(page.locator(".log")).to_contain_text("The line is open and nobody speaks: it is an emergency")


async def test_no_speech_without_script(login: Login, lab: Lab, homes: Homes) -> None:
    page = await login("fiona", script=False)
    alarm = await homes.settled(await homes.press("fall"))
    await page.goto(f"{lab.url}/alarms/{alarm}")
    await page.get_by_role("button", name="Claim").click()
    await page.get_by_role("button", name="No speech").click()
    await expect(page.locator(".log")).to_contain_text("The line is open and nobody speaks: it is an emergency")
