"""The case in a real browser: by keyboard alone, live, kept while one is there, closed with an outcome."""

import re

import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import CHROMIUM, Homes, Login, row

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")


async def open_case(page: Page, lab: Lab, alarm_id: str) -> None:
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await expect(page.locator("#waiting-now")).to_be_visible()  # the scripts run


async def test_the_whole_of_an_alarm_by_keyboard_alone(  # noqa: PLR0915 - one alarm from its first to its last key
    login: Login, homes: Homes, lab: Lab
) -> None:
    await homes.calm()
    page = await login("sheila")
    alarm_id = await homes.press("fall")
    await expect(page.locator(row(alarm_id))).to_be_visible()
    press = page.keyboard.press
    await press("j")
    await expect(page.locator(f"{row(alarm_id)} .words")).to_be_focused()
    await press("c")
    await expect(page.locator(f"{row(alarm_id)} .holder")).to_have_text("Sheila Munro has it")
    await press("n")
    await page.wait_for_url(f"**/alarms/{alarm_id}#note")
    await expect(page.locator("#note")).to_be_focused()
    await page.keyboard.type("On the kitchen floor, talking: chrnax")  # no key acts while somebody types
    await press("Tab")
    await press("Enter")
    await expect(page.locator(".log")).to_contain_text("Sheila Munro: On the kitchen floor, talking: chrnax")
    await expect(page.locator("#note")).to_have_value("")
    first = page.locator(".contacts li").first
    await first.locator(".tel").focus()
    await press("Tab")
    await press("Tab")
    await press("Enter")
    await expect(first.locator(".tried")).to_contain_text("not reached")
    await press("Enter")
    await expect(first.locator(".tried")).to_contain_text("not reached 2 times")
    await press("Escape")  # out of no field: back to the board, and in again
    await page.wait_for_url(f"{lab.url}/")
    await press("j")
    await press("Enter")
    await page.wait_for_url(f"**/alarms/{alarm_id}")
    await expect(page.locator("#waiting-now")).to_be_visible()
    await press("a")
    await expect(page.locator("#who")).to_be_focused()
    await page.keyboard.type("Team West")
    await press("Tab")
    await press("Control+a")
    await page.keyboard.type("20")
    await press("Enter")
    await expect(page.locator(".log")).to_contain_text("Team West is on the way; arrival asked in 20 min")
    await expect(page.locator("#case-next")).to_contain_text("arrival is asked")
    await press("Escape")
    await press("x")
    await expect(page.locator("#outcome")).to_be_focused()
    await page.keyboard.type("accident")  # any word of it
    await expect(page.locator("#outcome")).to_have_value("accidental")
    await page.locator("#close button").focus()
    await press("Enter")
    await expect(page.locator("#told")).to_contain_text("voice check")
    await page.locator("#close input[name=voice_confirmed]").focus()
    await press("Space")
    await page.locator("#close button").focus()
    await press("Enter")
    await page.wait_for_url(f"{lab.url}/")
    await expect(page.locator(row(alarm_id))).to_have_count(0)
    assert (await homes.alarm(alarm_id))["outcome"] == "accidental"


async def test_a_case_follows_what_others_do_and_says_whose_it_is(login: Login, homes: Homes, lab: Lab) -> None:
    fiona, calum = await login("fiona"), await login("calum")
    alarm_id = await homes.press()
    for page in (fiona, calum):
        await open_case(page, lab, alarm_id)
    await calum.fill("#note", "half a sentence")
    await calum.locator("#note").focus()
    await fiona.keyboard.press("c")
    await expect(fiona.locator("#actions button:visible")).to_have_text(
        [re.compile("Renew"), re.compile("Hold"), "No speech", "Give back", "Next step now"]
    )
    await expect(fiona.locator("#case-next")).to_contain_text("in 4:")
    await expect(calum.locator("#case-holder")).to_have_text("Fiona Ross has it")
    await expect(calum.locator("#actions button:visible")).to_have_text(["Take over", "Next step now"])
    await expect(calum.locator("#note")).to_be_focused()  # what changed did not take the hand from the work
    await expect(calum.locator("#note")).to_have_value("half a sentence")
    await homes.press(hub_id=(await homes.alarm(alarm_id))["hub_id"])
    await expect(calum.locator(".case-what .times")).to_contain_text("2")
    await calum.click("#actions button:has-text('Take over')")
    await expect(fiona.locator("#case-holder")).to_have_text("Calum Reid has it")
    await expect(fiona.locator(".log")).to_contain_text("Calum Reid took it over from Fiona Ross")
    await calum.keyboard.press("h")
    await expect(fiona.locator(".log")).to_contain_text("Calum Reid put the call on hold")
    await homes.close(await homes.alarm(alarm_id))
    await expect(calum.locator("#told")).to_contain_text("This alarm has been closed")
    await expect(calum.locator("#actions")).to_have_count(0)


async def test_a_claim_is_renewed_by_key_and_its_end_is_shown(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona")
    alarm_id = await homes.press()
    await open_case(page, lab, alarm_id)
    await page.keyboard.press("c")
    await expect(page.locator("#case")).to_have_attribute("data-hold", "mine")
    before = await page.get_attribute("#case", "data-expires")
    await page.keyboard.press("r")
    await expect(page.locator(".log")).to_contain_text("Fiona Ross still has it")
    assert (await page.get_attribute("#case", "data-expires") or "") > (before or "")


CLAIM = """async ([left, script]) => {
    const { watchClaim } = await import(script)
    const page = document.createElement('article')
    page.dataset.hold = 'mine'
    page.dataset.expires = new Date(Date.now() + left).toISOString()
    const ask = document.createElement('p')
    ask.id = 'renew-now'
    ask.textContent = 'press R'
    document.body.append(ask)
    window.renewals = 0
    watchClaim(page, async () => { window.renewals += 1 })
}"""


async def test_a_claim_renews_itself_only_while_somebody_is_there(login: Login, lab: Lab) -> None:
    page = await login("fiona")
    await page.goto(f"{lab.url}/login")  # a page without a feed, whose beats would tell it the real time
    await page.clock.install()
    script = (await page.locator("script[src*=page]").get_attribute("src") or "").replace("page.js", "claim.js")
    await page.evaluate(CLAIM, [190_000, script])
    await page.mouse.move(50, 50)
    await page.clock.run_for(65_000)
    assert await page.evaluate("window.renewals") == 0  # there is time yet
    await page.clock.run_for(10_000)
    assert await page.evaluate("window.renewals") == 0  # and now nobody has moved for more than a minute
    assert await page.locator("#renew-now").is_hidden()
    await page.clock.run_for(60_000)
    assert not await page.locator("#renew-now").is_hidden()  # so it is asked for, aloud
    assert await page.evaluate("window.renewals") == 0
    await page.mouse.move(60, 60)
    await page.clock.run_for(2_000)
    assert await page.evaluate("window.renewals") == 1


async def test_the_code_of_the_key_safe_is_hidden_again_after_a_minute(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona")
    for _ in range(20):  # not every home of the fleet has a key safe
        alarm_id = await homes.press()
        await open_case(page, lab, alarm_id)
        if await page.locator("#reveal").count():
            break
    await page.clock.install()
    await page.fill("#reveal-reason", "she has fallen")
    await page.click("#reveal button")
    await expect(page.locator("#key-safe-code")).to_have_text(re.compile(r"\d{3,}"))
    await expect(page.locator("#reveal-reason")).to_have_value("")
    await page.clock.run_for(61_000)
    await expect(page.locator("#key-safe-code")).to_have_text("")
    audit = (await homes.api.get("/audit", params={"limit": 50})).json()["items"]
    assert any(line["action"] == "key_safe_revealed" and line["reason"] == "she has fallen" for line in audit)


async def test_the_history_points_out_that_a_unit_calls_for_the_same_again(
    login: Login, homes: Homes, lab: Lab
) -> None:
    page = await login("fiona")
    hub_id = homes.hub()
    for _ in range(2):
        alarm_id = await homes.press("bath", "event", hub_id)
        await homes.api.post(f"/alarms/{alarm_id}/note", json={"text": "The tap drips"})
        await homes.close(await homes.alarm(alarm_id))
    alarm_id = await homes.press("bath", "event", hub_id)
    await open_case(page, lab, alarm_id)
    await expect(page.locator(".person .alike")).to_have_text("3rd “Bath overflowing” of this unit in 24 hours")
    await expect(page.locator(".before")).to_contain_text("Spoke with the person, all is well. “The tap drips”")
    await page.goto(f"{lab.url}/fleet/{hub_id}")
    await expect(page.locator(".counts .alike")).to_contain_text("3 alike")


async def test_what_waits_is_seen_from_every_page_and_a_leaving_user_leaves_nothing_typed(
    login: Login, homes: Homes, lab: Lab
) -> None:
    await homes.calm()
    page = await login("fiona")
    alarm_id = await homes.press()
    await open_case(page, lab, alarm_id)
    await page.fill("#note", "not for others")
    fire = await homes.press("smoke")
    await expect(page.locator("#waiting-now")).to_contain_text(re.compile(r"1 FIRE · [2-9] waiting"))
    box = await page.locator("#find").bounding_box()
    assert box is not None
    assert box["width"] > 80  # beside nine entries and what waits one can still see what is typed
    await page.click("#waiting-now")
    await expect(page.locator(row(fire))).to_be_visible()
    await page.click(".who summary")
    await page.click("#logout button")
    await page.wait_for_url("**/login")
    assert "not for others" not in await page.evaluate("JSON.stringify(localStorage)")
