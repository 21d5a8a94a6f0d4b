"""Every page, at a desk and in a hand, by day and by night: no serious fault of accessibility, no complaint."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from telecare.embedded.lab import Lab
from tests.console.conftest import CHROMIUM, Login
from tests.wire import WireHub

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
async def seen(lab: Lab) -> dict[str, str]:
    """One alarm of each class, so that no page is empty; the addresses of the pages."""
    hubs = [hub.hub_id for hub in lab.hubs]
    async with WireHub(lab.mqtt_port, "telecare-gateway", lab.secrets.gateway_password) as gateway:
        await gateway.subscribe("telecare/v1/+/ack")
        ids = []
        for number, name in enumerate(("smoke", "pendant", "flood", "mains_fail"), 1):
            await gateway.publish(f"telecare/v1/{hubs[-number]}/alarm", {"event_id": name, "type": name})
            ids.append((await gateway.ack(name))["alarm_id"])
    return {
        "board": "/",
        "case": f"/alarms/{ids[1]}",
        "fleet": "/fleet",
        "hub": f"/fleet/{hubs[-2]}",
        "search": "/search?q=a",
        "empty search": "/search",
        "no such filter": "/fleet?q=nothing-like-this",
    }


async def faults(page: Page) -> list[str]:
    """What axe-core finds; it is run by the browser's own tools, as the page's policy lets no foreign script in."""
    result = await Axe().run(page)
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:120]}"
        for each in result.response["violations"]
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_has_a_serious_fault(
    login: Login, lab: Lab, seen: dict[str, str], width: int, dark: bool
) -> None:
    page = await login("sheila", width=width, dark=dark)
    await page.goto(f"{lab.url}{seen['case']}")
    person = await page.locator("#person-head a").get_attribute("href") or ""
    found = {}
    for name, address in {**seen, "person": person}.items():
        await page.goto(f"{lab.url}{address}")
        await page.wait_for_selector("main h1")
        found[name] = await faults(page)
        overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 1:
            found[name].append(f"the page is {overflow} px wider than the screen")
    await page.context.clear_cookies()
    await page.goto(f"{lab.url}/login")
    found["login"] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}


async def test_every_page_works_without_script(lab: Lab, browser: object, seen: dict[str, str]) -> None:
    context = await browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = await context.new_page()
    await page.goto(f"{lab.url}{seen['case']}")
    await page.fill("#username", "fiona")
    await page.fill("#password", lab.secrets.operator_password)
    await page.click("main button[type=submit]")
    await page.wait_for_url(f"**{seen['case']}")
    await page.click("form[data-command=ack].only-free button")
    await page.wait_for_url("**/alarms/*")
    assert "Fiona Ross is with it" in await page.inner_text("#case-holder")
    await context.close()
