"""Without scripts every page is read and every command is a form; and what goes wrong is said in plain words."""

import re
import secrets

import pytest
from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import CHROMIUM, Homes, Login, enter, row

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")
NOBODY = "00000000-0000-0000-0000-000000000000"


async def test_an_alarm_from_the_board_to_its_end_without_script(login: Login, homes: Homes, lab: Lab) -> None:
    await homes.calm()
    page = await login("fiona", script=False)
    alarm_id = await homes.press()
    await page.reload()
    await expect(page.locator("#waiting")).to_have_text("1")
    await expect(page.locator("#feed-state")).to_contain_text("reloads each 15 s")
    await page.click(f"{row(alarm_id)} [data-action=ack]")
    await page.wait_for_url(f"**/alarms/{alarm_id}")
    await expect(page.locator("#case-holder")).to_have_text("Fiona Ross has it")
    await page.fill("#note", "In the hall; talking")
    await page.click(".note-form button")
    await expect(page.locator(".log")).to_contain_text("In the hall; talking")
    await page.locator(".contacts li").first.locator("button[value=true]").click()
    await expect(page.locator(".contacts .tried").first).to_contain_text("reached")
    await page.fill("#who", "Team West")
    await page.fill("#minutes", "30")
    await page.click(".attend button")
    await expect(page.locator(".log")).to_contain_text("Team West is on the way; arrival asked in 30 min")
    await page.select_option("#outcome", "test")
    await page.click("#close button")
    await expect(page.locator("#told")).to_contain_text("voice check")
    await expect(page.locator("#outcome")).to_have_value("test")  # what was chosen came back
    await page.check("#close input[name=voice_confirmed]")
    await page.click("#close button")
    await page.wait_for_url(f"{lab.url}/")
    await expect(page.locator(row(alarm_id))).to_have_count(0)


async def test_the_next_alarm_is_taken_without_script(login: Login, homes: Homes, lab: Lab) -> None:
    await homes.calm()
    page = await login("fiona", script=False)
    await page.click("#next-alarm")
    await page.wait_for_url(f"{lab.url}/")  # nobody waits
    await homes.press()
    fire = await homes.press("smoke")
    await page.click("#next-alarm")
    await page.wait_for_url(f"**/alarms/{fire}")
    await expect(page.locator("#case-holder")).to_have_text("Fiona Ross has it")


async def test_a_refused_form_says_why_and_keeps_what_was_typed(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona", script=False, quiet=True)
    alarm_id = await homes.press()
    alarm = await homes.alarm(alarm_id)
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await homes.api.post(f"/alarms/{alarm_id}/ack", json={"as_of": alarm["version"]})  # meanwhile
    await page.select_option("#outcome", "refused")
    await page.fill("#reason", "wants to sleep")
    await page.click("#close button")
    await expect(page.locator("#told")).to_contain_text("has it")
    await expect(page.locator("#reason")).to_have_value("wants to sleep")
    await page.locator("#note").evaluate("(field) => field.removeAttribute('required')")
    await page.click(".note-form button")
    await expect(page.locator("#told a")).to_have_attribute("href", "#note")
    await expect(page.locator("#told")).to_contain_text("Write the note first")


async def test_the_key_safe_opens_without_script_and_closes_by_itself(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona", script=False)
    for _ in range(20):  # not every home of the fleet has a key safe
        alarm_id = await homes.press()
        await page.goto(f"{lab.url}/alarms/{alarm_id}")
        if await page.locator("#reveal").count():
            break
    reason = f"she has fallen {secrets.token_hex(4)}"
    await page.fill("#reveal-reason", reason)
    await page.click("#reveal button")
    await expect(page.locator("output")).to_have_text(re.compile(r"\d{3,}"))
    assert f"60;url=/alarms/{alarm_id}" in await page.content()
    audit = (await homes.api.get("/audit", params={"limit": 50})).json()["items"]
    assert [line["action"] for line in audit if line["reason"] == reason] == ["key_safe_revealed"]


async def test_lists_are_sorted_filtered_and_paged_by_their_address(login: Login, lab: Lab) -> None:
    page = await login("ewan", script=False)
    await page.goto(f"{lab.url}/fleet")
    await page.click(".hubs th:has-text('Person') a")
    names = await page.locator("td[data-head=Person]").all_inner_texts()
    families = [name.split()[-1] for name in names]
    assert families == sorted(families)
    await expect(page.locator("th[aria-sort=ascending]")).to_have_text("Person ▲")
    await page.click("a[rel=next]")
    assert "at=2" in page.url
    await page.select_option("#connection", "digital")
    await page.click(".filters button")
    await expect(page.locator("td[data-head=Connection]").first).to_have_text("Digital end to end")
    assert set(await page.locator("td[data-head=Connection]").all_inner_texts()) == {"Digital end to end"}
    await page.fill("#q", "no such thing")
    await page.click(".filters button")
    await expect(page.locator(".empty")).to_contain_text("No hub fits these filters")
    await page.goto(f"{lab.url}/fleet?council=no-such-council&sort=nonsense&presence=nonsense&at=99999")
    await expect(page.locator(".empty")).to_be_visible()


async def test_the_timeline_shows_each_message_by_day_and_kind_and_lets_none_act(
    login: Login, homes: Homes, lab: Lab
) -> None:
    page = await login("ewan", script=False)
    hub_id = homes.hub()
    await homes.press("fall", hub_id=hub_id)
    trick = '<img src=x onerror="alert(1)">\u202egnp.exe'.encode()
    await homes.gateway.publish(f"telecare/v1/{hub_id}/alarm", trick)
    for seq in (1, 2, 3):
        await homes.gateway.publish(f"telecare/v1/{hub_id}/heartbeat", {"seq": seq, "boot_id": "b"})
    address = f"{lab.url}/fleet/{hub_id}"
    await page.goto(address)
    while not await page.locator(".run").count() or await page.locator(".lane-alarm").count() < 2:
        await page.goto(address)
    assert (await page.locator("#timeline h3").first.inner_text()).startswith("Today, ")
    raw = page.locator(".lane-alarm .raw", has_text="gnp.exe")
    assert "<img src=x onerror" in await raw.inner_text() or "<img src=x onerror" in (await raw.text_content() or "")
    assert "\\u202egnp.exe" in (await raw.text_content() or "")
    assert await page.locator("#timeline img").count() == 0
    await page.click(".kinds a:has-text('Heartbeats')")
    assert await page.locator("#timeline .lane-alarm").count() == 0
    await page.click(".kinds a:has-text('Alarms and events')")
    assert await page.locator("#timeline .lane-heartbeat").count() == 0
    await expect(page.locator("#timeline .lane-alarm b").last).to_have_text("Fall detected")


async def words(page: Page) -> str:
    return await page.inner_text("main")


async def test_what_is_not_there_is_said_in_words(login: Login, lab: Lab) -> None:
    page = await login("fiona", quiet=True)
    for path in ("/nothing", f"/alarms/{NOBODY}", "/fleet/NOBODY-HAS-IT", f"/people/{NOBODY}"):
        reply = await page.goto(f"{lab.url}{path}")
        assert reply is not None
        assert reply.status == 404
        assert "There is nothing here" in await words(page)
        await expect(page.locator(".who-name")).to_have_text("Fiona Ross") if path != "/nothing" else None
    reply = await page.goto(f"{lab.url}/alarms/not-an-id")
    assert reply is not None
    assert reply.status == 422
    assert "could not be understood" in await words(page)


async def test_what_is_not_allowed_is_said_in_words_and_not_offered(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("ewan", script=False, quiet=True)
    alarm_id = await homes.press()
    await page.goto(lab.url)
    await expect(page.locator(row(alarm_id))).to_be_visible()
    assert await page.locator(f"{row(alarm_id)} button:visible").count() == 0
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    assert await page.locator("main form").count() == 0
    await page.goto(f"{lab.url}/search")
    await page.locator("#logout").evaluate(f"(form) => {{ form.action = '/alarms/{alarm_id}/ack' }}")
    await page.click(".who summary")
    await page.click("#logout button")
    assert "You may not do this" in await words(page)
    assert "Your role is engineer: it cannot handle alarms" in await words(page)


async def test_a_form_of_another_log_in_is_told_to_be_loaded_anew(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona", script=False, quiet=True)
    alarm_id = await homes.press()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    await page.locator("[name=csrf_token]").evaluate_all("fields => fields.forEach((f) => { f.value = 'of before' })")
    await page.click("form.for-free button")
    assert "This page is too old to be used" in await words(page)
    assert "csrf" not in (await words(page)).lower()
    assert (await homes.alarm(alarm_id))["handling"] == "raised"


async def test_a_log_in_that_has_ended_is_said_and_leads_back(login: Login, homes: Homes, lab: Lab) -> None:
    page = await login("fiona", script=False)
    alarm_id = await homes.press()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    stale = {"name": "telecare_session", "value": secrets.token_urlsafe(32), "url": lab.url}
    await page.context.add_cookies([stale])  # type: ignore[list-item]
    await page.fill("#note", "after the end")
    await page.click(".note-form button")
    await expect(page.locator("main")).to_contain_text("Your log-in has ended")
    await enter(lab, page, "fiona")
    await page.wait_for_url(f"**/alarms/{alarm_id}")
    await page.context.add_cookies([stale])  # type: ignore[list-item]
    await page.goto(f"{lab.url}/fleet?presence=offline&sort=-heard")
    await expect(page.locator("main")).to_contain_text("Your log-in has ended")
    await enter(lab, page, "fiona")
    await page.wait_for_url("**/fleet?presence=offline&sort=-heard")


async def test_a_wrong_password_says_so_and_logs_nobody_in(login: Login, lab: Lab) -> None:
    page = await login(script=False, quiet=True)
    await page.click(".who summary")
    await page.click("#logout button")
    await page.wait_for_url("**/login")
    await page.fill("#username", "fiona")
    await page.fill("#password", "not the password")
    await page.click("main button[type=submit]")
    await expect(page.locator(".error-summary")).to_contain_text("not right")
    await expect(page.locator("#username")).to_have_value("fiona")
    await page.goto(f"{lab.url}/fleet")
    assert "/login?next=/fleet" in page.url


async def test_a_log_in_leads_nowhere_but_here(login: Login, lab: Lab) -> None:
    page = await login(script=False)
    for wanted in ("//evil.example/", "/\\evil.example/", "https://evil.example/", "/\tevil"):
        await page.context.clear_cookies()
        await page.goto(f"{lab.url}/login")
        await page.locator("[name=next]").evaluate("(field, wanted) => { field.value = wanted }", wanted)
        await enter(lab, page, "fiona")
        await page.wait_for_url(f"{lab.url}/")


async def test_programs_get_documents_and_no_pages(homes: Homes, lab: Lab) -> None:
    for accept in ("*/*", "application/json", "text/html"):
        reply = await homes.api.get(f"/alarms/{NOBODY}", headers={"Accept": accept})
        assert reply.headers["content-type"] == "application/problem+json"
    reply = await homes.api.get(f"{lab.url}/nothing", headers={"Accept": "*/*"})
    assert reply.headers["content-type"] == "application/problem+json"
