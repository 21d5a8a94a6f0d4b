"""Every page, at a desk and in a hand, by day and by night: no serious fault of accessibility, no complaint."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser

pytestmark = needs_browser
SERIOUS = {"serious", "critical"}
NOBODY = "00000000-0000-0000-0000-000000000000"


async def faults(page: Page) -> list[str]:
    """What axe-core finds; it is run by the browser's own tools, as the page's policy lets no foreign script in."""
    result = await Axe().run(page)
    found = [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in result.response["violations"]
        if each["impact"] in SERIOUS
    ]
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"the page is {overflow} px wider than the screen"] if overflow > 1 else [])


async def seen(homes: Homes) -> dict[str, str]:
    """Have something on every page; return their addresses."""
    hub = homes.hub()
    for type_, lane in (("smoke", "alarm"), ("flood", "event"), ("mains_fail", "event")):
        await homes.press(type_, lane)
    pendant, again = await homes.press(hub_id=hub), await homes.press(hub_id=hub)
    assert pendant == again
    held, gone = await homes.press("fall"), await homes.press("inactivity")
    alarm = await homes.alarm(held)
    await homes.api.post(f"/alarms/{held}/ack", json={"as_of": alarm["version"]})
    await homes.close(await homes.alarm(gone))
    for raw in (b"\xff\xfe", b"<b>no json</b>", b"{}"):
        await homes.gateway.publish(f"telecare/v1/{hub}/event", raw)
    for _ in range(2):
        await homes.gateway.publish(f"telecare/v1/{hub}/heartbeat", {"seq": 1, "boot_id": "b"})
    unknown = await homes.press(hub_id="NOBODY-1")
    person = (await homes.alarm(pendant))["person_id"]
    return {
        "board": "/",
        "case": f"/alarms/{pendant}",
        "case of somebody else": f"/alarms/{held}",
        "closed case": f"/alarms/{gone}",
        "case of an unknown hub": f"/alarms/{unknown}",
        "fleet": "/fleet?sort=-heard",
        "fleet filtered to nothing": "/fleet?q=nothing-like-this",
        "hub": f"/fleet/{hub}",
        "unknown hub": "/fleet/NOBODY-1",
        "person": f"/people/{person}",
        "search": "/search?q=ma",
        "search without hits": "/search?q=nothing-like-this",
        "empty search": "/search",
    }


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_has_a_serious_fault(login: Login, lab: Lab, homes: Homes, width: int, dark: bool) -> None:
    page = await login("sheila", width=width, dark=dark)
    found = {}
    for name, address in (await seen(homes)).items():
        await page.goto(f"{lab.url}{address}")
        await page.wait_for_selector("main h1", state="attached")
        found[name] = await faults(page)
    await page.goto(lab.url)
    await page.click("#sound")
    found["sound"] = await faults(page)
    await page.keyboard.press("Escape")
    await page.click(".who summary")
    found["who"] = await faults(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    found["keys"] = await faults(page)
    await page.context.clear_cookies()
    await page.goto(f"{lab.url}/login")
    found["login"] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [1366, 360])
async def test_no_page_of_an_error_has_one_either(login: Login, lab: Lab, width: int, dark: bool) -> None:
    page = await login("ewan", width=width, dark=dark, quiet=True)  # an error is logged by the browser
    found = {}
    for address in ("/nothing", f"/alarms/{NOBODY}", "/fleet?at=x"):
        await page.goto(f"{lab.url}{address}")
        await page.wait_for_selector("main h1")
        found[address] = await faults(page)
    await page.context.clear_cookies()
    await page.goto(f"{lab.url}/login?why=ended")
    found["ended"] = await faults(page)
    await page.fill("#username", "ewan")
    await page.fill("#password", "not the password")
    await page.click("main button[type=submit]")
    await page.wait_for_selector(".error-summary")
    found["refused"] = await faults(page)
    assert {name: each for name, each in found.items() if each} == {}


async def test_all_that_one_needs_to_speak_stands_on_one_screen(login: Login, lab: Lab, homes: Homes) -> None:
    page = await login("fiona")
    alarm_id = await homes.press()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await page.click("#actions [data-key=c]")
    await page.locator("#who").wait_for()
    parts = [
        "#person-head",
        ".person .facts",
        ".log",
        "#note",
        "#close button",
        ".contacts",
        "#who",
        "#actions",
        ".device",
    ]
    for part in parts:
        box = await page.locator(part).first.bounding_box()
        assert box is not None, part
        assert 0 <= box["y"] <= 768 - box["height"], (part, box)
    assert await page.evaluate("document.documentElement.scrollHeight") <= 768
