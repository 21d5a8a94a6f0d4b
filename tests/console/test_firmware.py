"""A rollout by plain forms without script: made, looked at, started, paused, taken up again, cancelled."""

from typing import Any

import httpx
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def an_image(api: httpx.AsyncClient, version: str) -> dict[str, Any]:
    hub = (await api.get("/hubs", params={"connection": "digital", "limit": 1})).json()["items"][0]
    body = {"model_id": hub["model_id"], "version": version, "url": "https://firmware.example/x", "sha256": "0" * 64}
    image: dict[str, Any] = (await api.post("/firmware/images", json=body)).json()
    return image


async def test_a_rollout_is_made_started_and_stopped_without_script(
    login: Login, lab: Lab, api: httpx.AsyncClient
) -> None:
    image = await an_image(api, "console-2.0")
    page = await login("admin", script=False)
    await page.goto(f"{lab.url}/firmware")
    await page.locator("section.card", has_text="console-2.0").get_by_role("button", name="Release it").click()
    await expect(page.locator(".notice.good")).to_contain_text("released")
    await page.get_by_text("Make a rollout", exact=True).click()
    await page.locator("#rollout-image_id").select_option(image["id"])
    await page.locator("#rollout-shares").fill("50, 20")
    await page.locator("#rollout-reason").fill("mends the clock")
    await page.get_by_role("button", name="Make the draft").click()
    await expect(page.locator(".error-summary")).to_contain_text("rise")
    await expect(page.locator("#rollout-reason")).to_have_value("mends the clock")
    await page.locator("#rollout-shares").fill("50, 100")
    await page.get_by_role("button", name="Make the draft").click()
    await page.wait_for_url("**?done=made")
    await expect(page.locator(".page-head")).to_contain_text("Draft")
    await expect(page.locator("svg.waves")).to_contain_text("to come")
    await page.get_by_role("button", name="Start the rollout").click()
    await expect(page.locator(".page-head")).to_contain_text("Running")
    await page.get_by_role("button", name="Pause it").click()
    await expect(page.locator(".error-summary")).to_contain_text("Say why")
    await page.locator("#pause-reason").fill("calls about it")
    await page.get_by_role("button", name="Pause it").click()
    await expect(page.locator(".page-head")).to_contain_text("Paused")
    await page.locator("#resume-reason").fill("all is well")
    await page.get_by_role("button", name="Let it go on").click()
    await expect(page.locator(".page-head")).to_contain_text("Running")
    await page.get_by_text("Cancel it for good").click()
    await page.locator("#cancel-reason").fill("the maker asks for it")
    await page.get_by_role("button", name="Cancel the rollout").click()
    await expect(page.locator(".error-summary")).to_contain_text("you are sure")
    await page.locator("#cancel-reason").fill("the maker asks for it")
    await page.locator("#cancel-sure").check()
    await page.get_by_role("button", name="Cancel the rollout").click()
    await expect(page.locator(".page-head")).to_contain_text("Cancelled")
    await expect(page.locator(".changes")).to_contain_text("Cancelled: the maker asks for it")
    await a_reader_finds_it(login, page.url)


async def a_reader_finds_it(login: Login, address: str) -> None:
    engineer = await login("ewan", dark=True)
    await check(engineer, address, "Firmware")
    await expect(engineer.get_by_role("button", name="Cancel the rollout")).to_have_count(0)
    await check(engineer, address.partition("/firmware")[0] + "/firmware", "What the fleet has")
    await expect(engineer.get_by_text("Make a rollout", exact=True)).to_have_count(0)


async def check(page: Page, address: str, words: str) -> None:
    await page.goto(address)
    await expect(page.locator("main")).to_contain_text(words)
    assert await faults(page) == []
