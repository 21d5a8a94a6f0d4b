"""The page behind the link in a message, on a phone: no log-in, one thumb, and the board knows at once."""

import asyncio
import base64
import json
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Browser, BrowserContext, Page, expect

from alarms.escalation.domain import Address, Notify
from alarms.invitations.repository import InvitationRepository
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from tests.console.conftest import LIMIT_MS, SPY, Homes, Login, listen, needs_browser, row
from tests.console.test_pages import faults

pytestmark = needs_browser


async def ask(lab: Lab, alarm_id: str, name: str, target: str, party_id: str = "") -> str:
    """Ask somebody about an alarm; return the address of their link."""
    database = Database(lab.settings())
    effect = Notify(
        f"test:{new_id()}", target, Address("sms", "+447700900999", name), 10, "", party_id or str(new_id()), name
    )
    async with database.transaction() as session:
        asked = await InvitationRepository(session).add(UUID(alarm_id), None, [effect])
    await database.dispose()
    return f"{lab.url}/a/{asked[effect.effect_key].token}"


async def phone(browser: Browser, complaints: list[str], *, dark: bool = False) -> tuple[BrowserContext, Page]:
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light", java_script_enabled=False
    )
    context.set_default_timeout(LIMIT_MS)
    await context.add_init_script(SPY)
    listen(context, complaints)
    return context, await context.new_page()


async def test_a_warden_goes_there_and_the_board_knows(browser: Browser, login: Login, homes: Homes, lab: Lab) -> None:
    complaints: list[str] = []
    alarm_id = await homes.press("fall")
    board = await login()
    await expect(board.locator(row(alarm_id))).to_be_visible()
    context, page = await phone(browser, complaints)
    await page.goto(await ask(lab, alarm_id, "Will Warden", "rota:wardens"))
    await expect(page.locator("dl")).to_contain_text((await homes.alarm(alarm_id))["place"])
    await page.get_by_label("10 min").check()
    await page.get_by_role("button", name="I go", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Thank you: you have it")
    await expect(board.locator(f"{row(alarm_id)} .holder")).to_contain_text("Will Warden")
    lines = [line["text"] for line in (await homes.alarm(alarm_id))["log"]]
    assert "Will Warden goes there, said by the link; arrival asked in 10 min." in lines
    await page.get_by_role("button", name="I am there").click()
    await page.get_by_label("In a few words").fill("On the floor, unhurt, up again")
    await page.get_by_role("button", name="Done: close the alarm").click()
    await expect(page.locator(".notice").last).to_contain_text("This alarm has ended")
    closed = await homes.alarm(alarm_id)
    assert (closed["outcome"], closed["log"][-1]["actor"]) == ("responder_attended", "Will Warden")
    assert "unhurt" in closed["log"][-1]["text"]
    entries = (await homes.api.get("/audit", params={"subject_id": alarm_id})).json()["items"]
    assert [one["actor"][:17] for one in entries if one["action"] == "invitation_opened"][0] == "asked:Will Warden"  # noqa: RUF015
    await context.close()
    assert complaints == []


async def test_a_neighbour_learns_no_address_and_ends_no_alarm(browser: Browser, homes: Homes, lab: Lab) -> None:
    complaints: list[str] = []
    alarm_id = await homes.press("fall")
    context, page = await phone(browser, complaints)
    await page.goto(await ask(lab, alarm_id, "Nora Neighbour", "contacts"))
    place = (await homes.alarm(alarm_id))["place"]
    await expect(page.locator("main")).not_to_contain_text(place)
    await page.get_by_role("button", name="I go", exact=True).click()
    await page.get_by_role("button", name="I am there").click()
    await expect(page.get_by_role("button", name="Done: close the alarm")).to_have_count(0)
    await page.get_by_label("In a few words").fill("She is well")
    await page.get_by_role("button", name="Done: tell the control room").click()
    after = await homes.alarm(alarm_id)
    assert after["handling"] == "raised"
    assert any("She is well" in line["text"] for line in after["log"])
    await context.close()
    assert complaints == []


async def test_who_cannot_go_says_so_and_a_link_that_is_none_says_what_it_is(
    browser: Browser, homes: Homes, lab: Lab
) -> None:
    complaints: list[str] = []
    alarm_id = await homes.press("fall")
    context, page = await phone(browser, complaints)
    await page.goto(await ask(lab, alarm_id, "Nora Neighbour", "contacts"))
    await page.get_by_role("button", name="I cannot go").click()
    await expect(page.get_by_role("status")).to_contain_text("others are asked")
    reply = await page.goto(f"{lab.url}/a/{'x' * 32}")
    assert reply is not None
    assert reply.status == 404
    await expect(page.locator("h1")).to_have_text("This link has ended")
    await context.close()
    assert [one for one in complaints if "404" not in one] == []


async def test_the_page_is_fit_for_everybody_by_day_and_by_night(browser: Browser, homes: Homes, lab: Lab) -> None:
    alarm_id = await homes.press("fall")
    address = await ask(lab, alarm_id, "Will Warden", "rota:wardens")
    for dark in (False, True):
        context = await browser.new_context(
            viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        await page.goto(address)
        assert await faults(page) == []
        await context.close()


FAKE_SUBSCRIBE = """
Notification.requestPermission = async () => "granted";
PushManager.prototype.subscribe = async (options) => ({
  toJSON: () => ({endpoint: "https://push.example/of-this-browser", keys: {p256dh: "%s", auth: "%s"},
                  key: options.applicationServerKey.length}),
});
"""
"""What a push service on the internet would do; all else is the real browser."""


async def test_a_responder_has_the_next_alarms_shown_by_the_browser(browser: Browser, homes: Homes, lab: Lab) -> None:
    responders = (await homes.api.get("/responders", params={"limit": 100})).json()["items"]
    eilidh = next(one for one in responders if one["key"] == "eilidh-maclean")
    alarm_id = await homes.press("fall")
    address = await ask(lab, alarm_id, eilidh["name"], "rota:wardens-on-call", eilidh["id"])
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (raw, b"\x02" * 16)]
    context = await browser.new_context(viewport={"width": 360, "height": 740}, permissions=["notifications"])
    context.set_default_timeout(LIMIT_MS)
    await context.add_init_script(FAKE_SUBSCRIBE % tuple(keys))
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_role("button", name="Show the next alarms in this browser").click()
    await expect(page.locator("#notify-told")).to_contain_text("Done")
    whole = (await homes.api.get(f"/responders/{eilidh['id']}")).json()
    (method,) = [one for one in whole["methods"] if one["channel"] == "push"]
    assert method["verified_at"] is not None
    assert method["address"] == "push.example/…"
    assert [rule["after_s"] for rule in whole["rules"] if rule["method_id"] == method["id"]] == [0]
    shown = """async () => {
        const registration = await navigator.serviceWorker.ready;
        return (await registration.getNotifications()).map((one) => [one.title, one.data.url]);
    }"""
    devtools = await context.new_cdp_session(page)
    await devtools.send("ServiceWorker.enable")
    registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if not registered.done() and not one["isDeleted"]:
                registered.set_result(one["registrationId"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", note)
    await devtools.send("ServiceWorker.enable")
    data = json.dumps(
        {"title": "Life-safety alarm: Fall detected", "body": "Ùna", "alarm_id": alarm_id, "url": address}
    )
    sent = {"origin": lab.url, "registrationId": await asyncio.wait_for(registered, 10), "data": data}
    await devtools.send("ServiceWorker.deliverPushMessage", sent)
    await page.wait_for_function(f"({shown})().then((all) => all.length === 1)")
    assert await page.evaluate(shown) == [["Life-safety alarm: Fall detected", address]]
    await context.close()
