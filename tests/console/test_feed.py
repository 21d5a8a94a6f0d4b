"""The feed: a dead picture looks dead within five seconds, and comes back whole; one stream serves all tabs."""

import pytest
from playwright.async_api import expect

from telecare.embedded.lab import Lab, wait_for_up
from tests.console.conftest import CHROMIUM, Homes, Login, enter, row
from tests.console.picture import agrees

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")


async def test_after_a_kill_the_picture_is_whole_and_the_typed_note_is_there(
    login: Login, homes: Homes, lab: Lab
) -> None:
    page = await login(quiet=True)
    alarm_id = await homes.press()
    case = await page.context.new_page()
    await case.goto(f"{lab.url}/alarms/{alarm_id}")
    await case.fill("#note", "half a sentence")
    await page.locator(f"{row(alarm_id)} .words").focus()
    lab.service.kill()
    await wait_for_up(lab.service)
    after = await homes.press()
    await expect(
        page.locator("#new-rows")
    ).to_be_visible()  # nothing comes under the focus, also not by a fresh picture
    await expect(page.locator(f"{row(alarm_id)} .words")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(row(after))).to_be_visible()
    await expect(page.locator("#feed-banner")).to_be_hidden()
    await agrees(page, lab.url)
    await expect(case.locator("#note")).to_have_value("half a sentence")
    await case.reload()
    await expect(case.locator("#note")).to_have_value("half a sentence")
    await case.click(".note-form button")
    await expect(case.locator(".log")).to_contain_text("half a sentence")
    await case.reload()
    await expect(case.locator("#note")).to_have_value("")


async def test_a_command_given_into_a_dead_server_says_that_it_is_not_known_whether_it_was_done(
    login: Login, homes: Homes, lab: Lab
) -> None:
    page = await login(quiet=True)
    alarm_id = await homes.press()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await page.fill("#note", "kept")
    await page.context.set_offline(True)
    await page.click(".note-form button")
    await expect(page.locator("#told")).to_contain_text("No answer from the server")
    await expect(page.locator("#note")).to_have_value("kept")
    await page.context.set_offline(False)
    await expect(page.locator("#feed-banner")).to_be_hidden()
    await page.click(".note-form button")
    await expect(page.locator(".log")).to_contain_text("kept")


async def test_a_log_out_elsewhere_is_said_and_a_new_log_in_goes_on_with_what_was_typed(
    login: Login, homes: Homes, lab: Lab
) -> None:
    page = await login("fiona", quiet=True)
    alarm_id = await homes.press()
    case = await page.context.new_page()
    await case.goto(f"{lab.url}/alarms/{alarm_id}")
    await case.fill("#note", "typed before")
    await page.context.clear_cookies()  # as when the log-in has run out
    await case.click(".note-form button")
    await expect(case.locator("#told")).to_contain_text("You are logged out")
    await expect(case.locator("#note")).to_have_value("typed before")
    await page.goto(f"{lab.url}/login")
    await enter(lab, page, "fiona")
    await page.wait_for_url(f"{lab.url}/")
    await case.click(".note-form button")  # with the token of the log-in before: it fetches the new one
    await expect(case.locator(".log")).to_contain_text("typed before")


async def test_a_stream_that_ends_by_log_out_says_so_on_the_board(login: Login, lab: Lab) -> None:
    page = await login("calum", quiet=True)
    other = await page.context.new_page()
    await other.goto(f"{lab.url}/fleet")
    await other.click(".who summary")
    await other.click("#logout button")
    await other.wait_for_url("**/login")
    await expect(page.locator("#feed-words")).to_contain_text("You are logged out", timeout=40_000)
    await expect(page.locator("#feed-login")).to_be_visible()
