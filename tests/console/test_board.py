"""The board in a real browser: it is live, two never hold one alarm, and a dead picture looks dead."""

import asyncio
import itertools
import os
import shutil
import signal

import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab, wait_for_up
from tests.console.conftest import CHROMIUM, Login
from tests.wire import WireHub

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")
expect.set_options(timeout=15_000)
_numbers = itertools.count(1)


async def press(lab: Lab, gateway: WireHub, type_: str = "pendant", lane: str = "alarm") -> str:
    """Have a hub that no other test has used raise an alarm; its id."""
    number = next(_numbers)
    hub_id = lab.hubs[number].hub_id
    await gateway.publish(f"telecare/v1/{hub_id}/{lane}", {"event_id": f"b{number}", "type": type_})
    return str((await gateway.ack(f"b{number}"))["alarm_id"])


def row(alarm_id: str) -> str:
    return f"#alarm-{alarm_id}"


async def shown(page: Page) -> dict[str, str]:
    """Every row of the board by id, as it is in the page, less what only time or this viewer changes."""
    script = """() => Object.fromEntries([...document.querySelectorAll('#lanes .alarm')].map((row) => {
        const copy = row.cloneNode(true)
        copy.querySelectorAll('[data-since], [data-due], .told').forEach((each) => { each.textContent = '' })
        copy.querySelectorAll('[data-due]').forEach((each) => { each.className = 'countdown' })
        copy.className = copy.className.replace(/ ?(fresh|selected|gone)/g, '')
        return [copy.id, copy.outerHTML.replace(/\\s+/g, ' ')]
    }))"""
    found: dict[str, str] = await page.evaluate(script)
    return found


async def test_a_wrong_password_says_so_and_logs_nobody_in(lab: Lab, login: Login) -> None:
    page = await login(quiet=True)
    await page.click("header form[action='/logout'] button")
    await page.wait_for_url("**/login")
    await page.fill("#username", "fiona")
    await page.fill("#password", "not the password")
    await page.click("main button[type=submit]")
    await expect(page.locator(".error-summary")).to_contain_text("not right")
    await page.goto(f"{lab.url}/fleet")
    assert "/login?next=/fleet" in page.url


async def test_an_alarm_appears_without_reload_with_person_and_place(lab: Lab, login: Login, gateway: WireHub) -> None:
    page = await login()
    alarm_id = await press(lab, gateway)
    line = page.locator(row(alarm_id))
    await expect(line).to_be_visible()
    await expect(line).to_contain_text("Pendant pressed")
    await expect(line).to_contain_text("Nobody has it")
    await expect(line.locator(".countdown")).to_contain_text("in 0:")
    await expect(page.locator("#waiting")).not_to_have_text("0")


async def test_fire_stands_above_all_and_technical_in_its_own_lane(lab: Lab, login: Login, gateway: WireHub) -> None:
    page = await login()
    pendant = await press(lab, gateway)
    mains = await press(lab, gateway, "mains_fail", "event")
    fire = await press(lab, gateway, "smoke")
    await expect(page.locator(f"#lane-life {row(fire)}")).to_contain_text("FIRE")
    await expect(page.locator(f"#lane-technical {row(mains)}")).to_be_visible()
    order = await page.locator("#lane-life .alarm").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    assert order.index(fire) < order.index(pendant)
    await expect(page.locator("#top-alarm")).to_contain_text("fire")


async def test_of_two_operators_one_gets_it_and_the_other_is_told_who(lab: Lab, login: Login, gateway: WireHub) -> None:
    fiona, calum = await login("fiona", quiet=True), await login("calum", quiet=True)
    alarm_id = await press(lab, gateway)
    buttons = [page.locator(f"{row(alarm_id)} [data-action=ack]") for page in (fiona, calum)]
    for button in buttons:
        await expect(button).to_be_visible()
    await asyncio.gather(*(button.dispatch_event("click") for button in buttons))
    for page in (fiona, calum):
        await expect(page.locator(f"{row(alarm_id)} .holder")).to_contain_text("is with it")
    texts = [await page.locator(f"{row(alarm_id)} .holder").inner_text() for page in (fiona, calum)]
    assert texts[0] == texts[1]
    loser = calum if "Fiona" in texts[0] else fiona
    await expect(loser.locator(f"{row(alarm_id)} .told")).to_contain_text("has it")


async def test_claim_note_contact_and_close_by_keyboard(lab: Lab, login: Login, gateway: WireHub) -> None:
    page = await login("sheila")
    alarm_id = await press(lab, gateway, "fall")
    await expect(page.locator(row(alarm_id))).to_be_visible()
    await page.locator(f"{row(alarm_id)} .words").focus()
    await page.keyboard.press("c")
    await expect(page.locator(f"{row(alarm_id)} .holder")).to_contain_text("Sheila")
    await page.keyboard.press("n")
    await page.wait_for_url(f"**/alarms/{alarm_id}#note")
    await expect(page.locator("#note")).to_be_focused()
    await page.keyboard.type("On the kitchen floor, talking")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".log")).to_contain_text("On the kitchen floor, talking")
    await page.locator(".contacts li").first.locator("button[value=false]").press("Enter")
    await expect(page.locator(".log")).to_contain_text("not reached")
    await page.locator("#outcome").select_option("accidental")
    await page.locator("#close button").press("Enter")
    await expect(page.locator("#told")).to_contain_text("voice check")
    await page.locator("#close input[name=voice_confirmed]").check()
    await page.locator("#close button").press("Enter")
    await page.wait_for_url(f"{lab.url}/")
    await expect(page.locator(row(alarm_id))).to_have_count(0)


async def test_the_live_board_is_what_a_reload_shows(lab: Lab, login: Login, gateway: WireHub) -> None:
    page = await login("calum")
    alarms = [await press(lab, gateway, name) for name in ("pendant", "flood", "smoke", "fall")]
    for alarm_id in alarms:
        await expect(page.locator(row(alarm_id))).to_be_visible()
    await page.locator(f"{row(alarms[1])} [data-action=ack]").dispatch_event("click")
    await expect(page.locator(f"{row(alarms[1])} .holder")).to_contain_text("Calum")
    await page.locator(f"{row(alarms[1])} [data-action=release]").dispatch_event("click")
    await expect(page.locator(f"{row(alarms[1])} .holder")).to_contain_text("Nobody")

    async def agree() -> bool:
        live = await shown(page)
        fresh = await page.context.new_page()
        await fresh.goto(f"{lab.url}/")
        reloaded = await shown(fresh)
        await fresh.close()
        return live == reloaded

    async with asyncio.timeout(20):  # a step of a ladder may fall between the two looks
        while not await agree():
            pass


async def test_a_row_does_not_come_under_the_focus(lab: Lab, login: Login, gateway: WireHub) -> None:
    page = await login()
    first = await press(lab, gateway)
    await page.locator(f"{row(first)} .words").focus()
    second = await press(lab, gateway)
    await expect(page.locator("#new-rows")).to_be_visible()
    await expect(page.locator(row(second))).to_have_count(0)
    await page.click("#new-rows")
    await expect(page.locator(row(second))).to_be_visible()


async def test_a_dead_feed_looks_dead_and_the_typed_note_outlives_a_restart(
    lab: Lab, login: Login, gateway: WireHub
) -> None:
    page = await login(quiet=True)
    alarm_id = await press(lab, gateway)
    case = await page.context.new_page()
    await case.goto(f"{lab.url}/alarms/{alarm_id}")
    await case.fill("#note", "half a sentence")
    banner = page.locator("#feed-banner")
    hung = lab.service.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)  # it answers nothing and closes nothing: the worst kind of dead
    await expect(banner).to_be_visible()
    await expect(banner).to_contain_text("use the telephone list")
    assert "OLD PICTURE" in await page.title()
    os.kill(hung, signal.SIGCONT)
    await expect(banner).to_be_hidden()
    lab.service.kill()
    await wait_for_up(lab.service)
    after = await press(lab, gateway)
    await expect(page.locator(row(after))).to_be_visible()
    await expect(case.locator("#note")).to_have_value("half a sentence")
    await case.reload()
    await expect(case.locator("#note")).to_have_value("half a sentence")


def test_this_machine_has_the_browser() -> None:
    """The skip above must not hide that nothing was tried where the browser should be."""
    assert shutil.which("chromium") or CHROMIUM
