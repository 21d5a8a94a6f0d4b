"""The board in a real browser: it is live, two never hold one alarm, nothing moves under a hand."""

import asyncio
import itertools

from playwright.async_api import Locator, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser, row

pytestmark = needs_browser


async def top_of(line: Locator) -> float:
    box = await line.bounding_box()
    assert box is not None
    return box["y"]


async def test_an_alarm_appears_without_reload_with_person_and_place(login: Login, homes: Homes) -> None:
    page = await login()
    alarm_id = await homes.press()
    alarm = await homes.alarm(alarm_id)
    line = page.locator(row(alarm_id))
    await expect(line.locator(".words")).to_have_text("Pendant pressed")
    await expect(line.locator(".whom strong")).to_have_text(alarm["person_name"])
    assert int((await line.locator(".years").inner_text()).strip(", ")) > 17
    await expect(line.locator(".place")).to_contain_text(alarm["place"])
    assert "S12" not in await line.inner_text()  # councils by name, not by code
    await expect(line.locator(".holder")).to_have_text("Nobody has it")
    await expect(line.locator(".next")).to_contain_text("the second ring group is told")
    assert "UTC" in (await line.locator(".countdown").get_attribute("title") or "")
    await expect(page.locator("#waiting")).not_to_have_text("0")
    assert (await page.title()).startswith("(")


async def test_fire_stands_above_all_and_technical_in_its_own_lane(login: Login, homes: Homes) -> None:
    page = await login()
    pendant = await homes.press()
    mains = await homes.press("mains_fail", "event")
    fire = await homes.press("smoke")
    gas = await homes.press("carbon_monoxide")
    await expect(page.locator(f"#lane-life {row(fire)}")).to_contain_text("FIRE")
    await expect(page.locator(f"#lane-life {row(gas)}")).to_contain_text("GAS")
    await expect(page.locator(f"#lane-technical {row(mains)}")).to_be_visible()
    order = await page.locator("#lane-life .alarm").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    assert order.index(fire) < order.index(gas) < order.index(pendant)
    await expect(page.locator("#top-alarm")).to_contain_text("FIRE: Smoke detected")


async def test_of_two_operators_one_gets_it_and_the_other_is_told_who(login: Login, homes: Homes) -> None:
    fiona, calum = await login("fiona"), await login("calum")
    alarm_id = await homes.press()
    buttons = [page.locator(f"{row(alarm_id)} [data-action=ack]") for page in (fiona, calum)]
    for button in buttons:
        await expect(button).to_be_visible()
    await asyncio.gather(*(button.dispatch_event("click") for button in buttons))
    for page in (fiona, calum):
        await expect(page.locator(f"{row(alarm_id)} .holder")).not_to_have_text("Nobody has it")
    texts = [await page.locator(f"{row(alarm_id)} .holder").inner_text() for page in (fiona, calum)]
    assert texts[0] == texts[1]
    winner, loser = (fiona, calum) if "Fiona" in texts[0] else (calum, fiona)
    name = texts[0].removesuffix(" has it")
    await expect(loser.locator(f"{row(alarm_id)} .told")).to_contain_text(f"{name} has it since 0:0")
    await expect(loser.locator(f"{row(alarm_id)} button:visible")).to_have_count(0)
    await expect(winner.locator(f"{row(alarm_id)} .next")).to_contain_text("the claim ends")
    await expect(winner.locator(f"{row(alarm_id)} .countdown")).to_contain_text("in 4:")


async def test_two_who_take_the_next_at_once_get_two_alarms(login: Login, homes: Homes, lab: Lab) -> None:
    await homes.calm()
    fiona, calum = await login("fiona"), await login("calum")
    alarms = {await homes.press(), await homes.press()}
    for page in (fiona, calum):
        await expect(page.locator("#lane-life .alarm")).to_have_count(2)
    await asyncio.gather(*(page.keyboard.press("Enter") for page in (fiona, calum)))
    for page in (fiona, calum):
        await page.wait_for_url("**/alarms/*")
    assert {page.url.removeprefix(f"{lab.url}/alarms/") for page in (fiona, calum)} == alarms


async def test_no_row_moves_under_the_pointer(login: Login, homes: Homes) -> None:
    await homes.calm()
    page = await login()
    first, second = await homes.press(), await homes.press()
    line = page.locator(row(second))
    await expect(line).to_be_visible()
    await line.hover()
    before = await top_of(line)
    fire = await homes.press("smoke")
    await expect(page.locator("#new-rows")).to_have_text("Show 1 new, 1 fire")
    await expect(page.locator("#top-alarm")).to_contain_text("Smoke detected")
    await homes.close(await homes.alarm(first))
    await expect(page.locator(row(first))).to_have_class("alarm tone-life is-raised gone")
    await homes.press(hub_id=(await homes.alarm(second))["hub_id"])  # a repeat: it rises above its equals
    await expect(line.locator(".times")).to_contain_text("2")
    assert await page.locator(row(fire)).count() == 0
    assert await top_of(line) == before
    await page.mouse.move(5, 5)
    await expect(page.locator(row(fire))).to_be_visible()
    await expect(page.locator(row(first))).to_have_count(0)
    assert await top_of(page.locator(row(fire))) < await top_of(line)


async def test_no_row_comes_under_the_focus_until_it_is_asked_for(login: Login, homes: Homes) -> None:
    page = await login()
    first = await homes.press()
    await page.locator(f"{row(first)} .words").focus()
    second = await homes.press()
    await expect(page.locator("#new-rows")).to_be_visible()
    await expect(page.locator(row(second))).to_have_count(0)
    await homes.press(hub_id=(await homes.alarm(first))["hub_id"])
    await expect(page.locator(f"{row(first)} .times")).to_contain_text("2")
    await expect(page.locator(f"{row(first)} .words")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(row(second))).to_be_visible()


async def test_a_row_that_changes_between_press_and_release_takes_the_click(login: Login, homes: Homes) -> None:
    page = await login()
    alarm_id = await homes.press()
    await page.locator(f"{row(alarm_id)} [data-action=ack]").hover()
    await page.mouse.down()
    await homes.press(hub_id=(await homes.alarm(alarm_id))["hub_id"])
    await expect(page.locator(f"{row(alarm_id)} .times")).to_contain_text("2")
    await page.mouse.up()
    await expect(page.locator(f"{row(alarm_id)} .holder")).to_have_text("Fiona Ross has it")


async def test_what_comes_is_told_to_those_who_do_not_see_it_at_most_each_two_seconds(
    login: Login, homes: Homes
) -> None:
    page = await login()
    await page.evaluate("""() => {
        window.told = []
        new MutationObserver(() => window.told.push([Date.now(), document.getElementById('announce').textContent]))
            .observe(document.getElementById('announce'), { childList: true, characterData: true, subtree: true })
    }""")
    for type_ in ("pendant", "smoke", "fall", "pendant"):
        await homes.press(type_)
    await page.wait_for_function(
        "() => window.told.map(([, text]) => Number.parseInt(text)).reduce((sum, each) => sum + each, 0) >= 4"
    )
    told = await page.evaluate("window.told")
    assert any("1 fire" in text for _, text in told)
    assert all(later - sooner > 1500 for (sooner, _), (later, _) in itertools.pairwise(told))


async def test_keys_stand_on_their_buttons_and_none_acts_while_somebody_types(login: Login, homes: Homes) -> None:
    page = await login()
    alarm_id = await homes.press()
    await expect(page.locator(row(alarm_id))).to_be_visible()
    assert await page.locator("#bar kbd").all_inner_texts() == ["C", "R", "H", "N", "A", "X", "?"]
    await page.locator(f"{row(alarm_id)} .words").focus()
    await expect(page.locator("#bar [data-key=c]")).to_be_enabled()
    await page.keyboard.press("/")
    await expect(page.locator("#find")).to_be_focused()
    await page.keyboard.type("crhnax jk?")
    assert await page.input_value("#find") == "crhnax jk?"
    assert (await homes.alarm(alarm_id))["handling"] == "raised"
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_be_hidden()


async def test_sound_is_off_for_ten_minutes_at_the_most_and_never_down_to_nothing(login: Login, homes: Homes) -> None:
    page = await login()
    await homes.press()
    await page.evaluate("localStorage.setItem('sound-off-until', String(Date.now() + 86400000))")
    await page.reload()
    await page.click("#sound")
    await page.click("[data-test=fire]")  # a press lets the browser sound
    await expect(page.locator("#sound-banner")).to_be_hidden()
    await expect(page.locator("#sound")).to_have_text("Sound on")
    await page.click("#sound-off")
    await expect(page.locator("#sound")).to_contain_text("Sound off, 9:5")
    await page.click("#sound-off")
    await expect(page.locator("#sound")).to_have_text("Sound on")
    assert await page.get_attribute("#volume", "min") == "10"
    assert len(await page.locator("[data-test]").all()) == 5
