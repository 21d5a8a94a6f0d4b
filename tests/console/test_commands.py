"""Asking a hub from its page: by plain forms, for those who may, and with the answer to be seen."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.async_api import Browser, Page, expect

from simulators.broker import Broker
from simulators.hub.client import HubClient
from simulators.hub.link import Login as HubLogin
from simulators.hub.model import HubConfig
from telecare.embedded.lab import Lab
from tests.console.conftest import LIMIT_MS, Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


async def press(page: Page, words: str) -> None:
    async with page.expect_navigation():
        await page.click(f"#commands button:has-text('{words}')")


async def look_until(page: Page, words: str) -> None:
    """Look again, as the page says while there is no answer, until the newest command says this."""
    while words not in await page.locator("#commands li").first.inner_text():
        await press(page, "Look again for the answer")


async def test_an_engineer_asks_without_script_and_sees_the_answer(lab: Lab, browser: Browser) -> None:
    hub = lab.hubs[0]
    context = await browser.new_context(java_script_enabled=False)
    context.set_default_timeout(LIMIT_MS)
    page = await context.new_page()
    await page.goto(f"{lab.url}/fleet/{hub.hub_id}")
    await page.fill("#username", "ewan")
    await page.fill("#password", lab.secrets.operator_password)
    await page.click("main button[type=submit]")
    await page.wait_for_url(f"**/fleet/{hub.hub_id}")
    with ThreadPoolExecutor(1) as pool:
        login = HubLogin(hub.hub_id, hub.hub_id, hub.password)
        client = HubClient(HubConfig(hub.hub_id), Broker("127.0.0.1", lab.mqtt_port), login, pool)
        client.start()
        await client.online.wait()
        await press(page, "Send a test call")
        await look_until(page, "The hub has done it")
        await page.click("#commands summary")
        await page.fill("#interval-s", "90")
        await press(page, "Set the interval")
        assert "Set the interval (90 s)" in await page.locator("#commands li").first.inner_text()
        await look_until(page, "The hub has done it")
        assert client.state.interval_s == 90
        await client.stop()
    await context.close()


async def test_an_operator_is_shown_what_operators_may_ask(login: Login, lab: Lab) -> None:
    page = await login("fiona")
    await page.goto(f"{lab.url}/fleet/{lab.hubs[1].hub_id}")
    assert await page.locator("#commands button").all_inner_texts() == ["Send a test call", "Ask whether it answers"]
    await press(page, "Ask whether it answers")
    await expect(page.locator("#commands li").first).to_contain_text("by fiona")


async def test_a_hub_that_hears_nothing_says_so_and_has_no_buttons(login: Login, lab: Lab) -> None:
    page = await login("ewan")
    await page.goto(f"{lab.url}/fleet?connection=analogue")
    await page.click("table.list tbody a >> nth=0")
    await expect(page.locator("#commands .notice")).to_contain_text("analogue line and hears no commands")
    assert await page.locator("#commands button").count() == 0


@pytest.mark.parametrize("width", [1366, 360])
async def test_the_card_has_no_serious_fault(login: Login, lab: Lab, width: int) -> None:
    page = await login("ewan", width=width)
    await page.goto(f"{lab.url}/fleet/{lab.hubs[2].hub_id}")
    await press(page, "Send a test call")
    await page.click("#commands summary")
    assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1


async def test_a_technical_alarm_is_shelved_with_a_reason_and_says_until_when(
    login: Login, homes: Homes, lab: Lab
) -> None:
    """C11, with a type that no incident takes in."""
    alarm_id = await homes.press("tamper", "event")
    page = await login()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await page.locator("summary", has_text="Shelve it for a while").click()
    await page.get_by_label("For how long").select_option("240")
    await page.get_by_label("Why", exact=True).fill("The street is dug up")
    await page.get_by_role("button", name="Shelve", exact=True).click()
    await expect(page.locator(".log")).to_contain_text("Fiona Ross shelved it for 240 min: The street is dug up.")
    alarm = await homes.alarm(alarm_id)
    assert (alarm["handling"], alarm["next_step"]) == ("raised", "it is shelved until then, and open again")
    fall = await homes.press("fall")
    await page.goto(f"{lab.url}/alarms/{fall}")
    await expect(page.locator("summary", has_text="Shelve it")).to_have_count(0)
