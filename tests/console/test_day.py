"""The engineer's day, on a phone of 360 px: a visit by thumb, a dead spot in the middle, a desk that is faster."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import LIMIT_MS, Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser

LONDON = ZoneInfo("Europe/London")
COUNCIL = "S12000047"
HAZARD = "A dog, shut in the kitchen"
PHONE = 360
THUMB = 44
WAY = ("data_validated", "prioritised", "contacted", "consented", "surveyed", "stock_allocated", "booked", "confirmed")


@dataclass
class Booked:
    """A confirmed visit of Ewan's: an old unit with a pendant and a smoke detector, and a new one in his van."""

    homes: Homes
    visit_id: str
    old: str
    new: str
    on: date

    @property
    def address(self) -> str:
        return f"{self.homes.lab.url}/switchover/day?on={self.on}"

    async def now(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.homes.api.get(f"/switchover/visits/{self.visit_id}")).json()
        return found

    async def state(self) -> str:
        return str((await self.now())["state"])

    async def steps(self) -> list[str]:
        """What became of it since it was confirmed."""
        log = (await self.now())["log"]
        told = [line["to_state"] or f"{line['kind']}: {line['text']}" for line in log]
        return told[told.index("confirmed") + 1 :]

    async def step(self, to: str, **more: object) -> dict[str, Any]:
        body = {"to": to, "as_of": (await self.now())["version"], **more}
        return await post(self.homes, f"/switchover/visits/{self.visit_id}/steps", **body)

    async def sends(self, type_: str, device: str = "", path: str = "ethernet", lane: str = "alarm") -> None:
        """A message of the new hub, over the broker, as a test."""
        event_id = uuid4().hex
        body = {"event_id": event_id, "type": type_, "path": path, "test": True}
        await self.homes.gateway.publish(
            f"telecare/v1/{self.new}/{lane}", body | ({"device": {"id": device}} if device else {})
        )
        await self.homes.gateway.ack(event_id)


async def post(homes: Homes, path: str, **body: object) -> dict[str, Any]:
    reply = await homes.api.post(path, json=body)
    assert reply.status_code in {200, 201}, f"{path}: {reply.text}"
    shown: dict[str, Any] = reply.json()
    return shown


Book = Callable[..., Awaitable[Booked]]


@pytest.fixture
async def book(homes: Homes) -> Book:
    """Book a visit, far enough in the future that nobody else's is on that day."""

    async def make(second: str = "") -> Booked:
        models = {row["connection"]: row["id"] for row in (await homes.api.get("/device-models")).json()["items"]}
        tail = uuid4().hex[:8]
        old, new = f"OLD-{tail}", f"NEW-{tail}"
        for hub_id, model in ((old, models["analogue"]), (new, models["digital"])):
            await post(homes, "/hubs", hub_id=hub_id, council_id=COUNCIL, model_id=model, serial=f"SN{tail}")
        person = await post(
            homes, "/people", council_id=COUNCIL, given_name="Morag", family_name=f"Sinclair {tail}", hazards=HAZARD,
            communication="Hard of hearing: ring twice", phone="+441632960123",
        )  # fmt: skip
        premises = await post(
            homes, "/premises", council_id=COUNCIL, address="4 Harbour Row", town="Cupar", postcode="KY15 4AA",
            access_notes="Back door, up six steps",
        )  # fmt: skip
        safe = {"location": "Left of the door", "code": "1234"}
        assert (await homes.api.put(f"/premises/{premises['id']}/key-safe", json=safe)).is_success
        await post(homes, f"/hubs/{old}/installations", person_id=person["id"], premises_id=premises["id"])
        for device_id, kind in (("p1", "pendant"), ("s1", "smoke")):
            await post(homes, f"/hubs/{old}/peripherals", device_id=device_id, kind=kind, room="hall")
        programme = await post(
            homes,
            "/switchover/programmes",
            name=f"PSTN {tail}",
            cause="pstn",
            deadline="2027-01-31",
            councils=[COUNCIL],
        )
        await post(homes, f"/switchover/programmes/{programme['id']}/find-units")
        unit = await unit_of(homes, programme["id"], old)
        visit = await post(
            homes, "/switchover/visits", unit_id=unit, second_person=True, notes="Ring the daughter first"
        )
        users = (await homes.api.get("/users")).json()["items"]
        ewan = next(row["id"] for row in users if row["username"] == "ewan")
        starts = datetime.combine(datetime.now(LONDON).date() + timedelta(days=next_day()), time(9), LONDON)
        booked = Booked(homes, visit["id"], old, new, starts.date())
        for channel, outcome in (("letter", "sent"), ("phone", "reached")):
            await post(homes, f"/switchover/visits/{visit['id']}/contacts", channel=channel, outcome=outcome)
        for to in WAY:
            more: dict[str, object] = {"new_hub_id": new} if to == "stock_allocated" else {}
            if to == "surveyed":
                more = {"survey": {"network": "Three", "signal_dbm": -88, "socket": True, "notes": "Behind the sofa"}}
            if to == "booked":
                ends = starts + timedelta(hours=2)
                more = {"engineer_id": ewan, "starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
                more |= {"second_engineer_id": second} if second else {}
            await booked.step(to, **more)
        return booked

    return make


_days = iter(range(10, 1000))


def next_day() -> int:
    return next(_days)


async def unit_of(homes: Homes, programme: str, hub_id: str) -> str:
    cursor: dict[str, str] = {}
    while True:
        found = (
            await homes.api.get(f"/switchover/programmes/{programme}/units", params={"limit": 200, **cursor})
        ).json()
        for unit in found["items"]:
            if unit["hub_id"] == hub_id:
                return str(unit["id"])
        cursor = {"cursor": found["next"]}


async def cut(page: Page, booked: Booked) -> None:
    """Lose the signal, once the phone has kept the page: its worker controls it, and what it shows is in the cache."""
    # Not by wait_for_function, to which a promise is as good as its answer.
    kept = """async (path) => Boolean(navigator.serviceWorker.controller && await (await caches.open('day')).match(path)
        && (await (await caches.open('day')).keys()).some((one) => one.url.endsWith('day-queue.js')))"""
    async with asyncio.timeout(LIMIT_MS / 1000):
        while not await page.evaluate(kept, f"/switchover/day?on={booked.on}"):  # noqa: ASYNC110 - the browser's doing
            await asyncio.sleep(0.05)
    await page.context.set_offline(True)


def stop_of(page: Page, booked: Booked) -> Locator:
    return page.locator(f"#visit-{booked.visit_id}")


def button(stop: Locator, words: str) -> Locator:
    return stop.get_by_role("button", name=words, exact=True)


async def small(page: Page) -> list[str]:
    """What can be pressed on the page below its head and is too small for a thumb."""
    found: list[str] = await page.evaluate(
        """(least) => [...document.querySelectorAll('.day :is(button, summary, .button, .check, input)')]
             .filter((one) => !['radio', 'hidden'].includes(one.type))
             .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < least)
             .map((one) => one.outerHTML.slice(0, 80))""",
        THUMB,
    )
    return found


async def at_the_desk(login: Login, booked: Booked) -> Page:
    """The page of the visit, open with an operator."""
    page = await login("fiona")
    await page.goto(f"{booked.homes.lab.url}/switchover/visits/{booked.visit_id}")
    await expect(page.locator("#proof .triggers li").filter(has_text="Pendant")).to_contain_text("Missing")
    return page


async def test_a_visit_by_one_thumb_while_the_hub_ticks_the_list(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    for words in (
        "09:00 to 11:00", HAZARD, "nobody goes there alone", "Back door, up six steps", "Left of the door",
        "Hard of hearing", "Ring the daughter first", booked.new, "serial SN", "2 peripherals",
    ):  # fmt: skip
        await expect(stop).to_contain_text(words)
    await button(stop, "I am there").click()
    await expect(button(stop, "The new hub is in")).to_be_visible()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    assert await booked.state() == "on_site"
    assert await faults(page) == []
    assert await small(page) == []
    await button(stop, "The new hub is in").click()
    await expect(button(stop, "All is paired")).to_be_visible()

    await stop.get_by_role("button", name="Paired with the new hub: pendant").click()
    await expect(stop.locator("[data-pairs=p1]")).to_contain_text("moved")
    await stop.get_by_label("Retired instead: smoke").fill("Ten years old, the landlord has a wired one")
    await button(stop, "All is paired").click()
    await expect(button(stop, "All is tested")).to_be_visible()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    assert (await booked.now())["retired"] == {"s1": "Ten years old, the landlord has a wired one"}

    checks = stop.locator(".checks[aria-live] li")
    await expect(checks.filter(has_text="Pendant")).to_contain_text("to come")
    operator = await at_the_desk(login, booked)
    desk = operator.locator("#proof .triggers li")
    await booked.sends("pendant", "p1")
    await expect(checks.filter(has_text="Pendant")).to_contain_text("shown")
    await expect(desk.filter(has_text="Pendant")).to_contain_text("a test")
    for type_ in ("mains_fail", "mains_restored"):
        await booked.sends(type_, lane="event")
    await expect(checks.filter(has_text="Mains pulled")).to_contain_text("shown")
    await expect(checks.filter(has_text="Mains back")).to_contain_text("shown")
    await expect(checks.filter(has_text="Two-way voice")).to_contain_text("to come")

    await button(stop, "All is tested").click()
    trouble = stop.locator(".trouble")
    await expect(trouble).to_contain_text("The new hub has not shown everything yet")
    await expect(trouble).to_contain_text("Two-way voice")
    assert await faults(page) == []
    await booked.sends("path_lost", lane="event", path="lte")
    await booked.sends("pendant", "p1", path="lte")
    await expect(checks.filter(has_text="The other path")).to_contain_text("shown")
    # The desk has seen it all, without a reload, and confirms there what it heard.
    await expect(desk.filter(has_text="The other path")).to_contain_text("Shown")
    await operator.get_by_role("button", name="I and the home have heard each other").click()
    await operator.wait_for_url("**?done=voice")
    assert await faults(operator) == []
    await expect(checks.filter(has_text="Two-way voice")).to_contain_text("shown")
    await button(stop, "Enter it again").click()
    await button(stop, "Leave it to soak").click()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    await expect(checks.filter(has_text="Soak")).to_contain_text("0 of 24 hours so far")
    assert await booked.state() == "soak"
    assert [line for line in await booked.steps() if not line.startswith("evidence")] == [
        "on_site", "installed", "peripherals_paired", "e2e_tested", "soak",
    ]  # fmt: skip


async def test_the_calendar_of_a_phone_has_the_visits_by_an_address_shown_once(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE)
    await page.goto(f"{booked.homes.lab.url}/switchover/day")
    await page.get_by_role("button", name="Give me an address").click()
    address = await page.locator("#feed").inner_text()
    assert await faults(page) == []
    assert await small(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with httpx.AsyncClient(base_url=booked.homes.lab.url) as phone:
        assert f"/switchover/day?on={booked.on}#visit-{booked.visit_id}" in unfolded((await phone.get(address)).text)
        await page.goto(f"{booked.homes.lab.url}/switchover/day")
        await expect(page.locator("#feed")).to_have_count(0)
        await page.get_by_role("button", name="Revoke all addresses").click()
        await expect(page.locator("#calendar")).to_contain_text("All addresses of your calendar are revoked")
        assert (await phone.get(address)).status_code == 404


async def test_the_second_of_a_pair_has_the_visit_on_their_own_day(login: Login, book: Book, homes: Homes) -> None:
    name = f"eilidh-{uuid4().hex[:6]}"
    body = {"username": name, "display_name": "Eilidh", "role": "engineer"}
    user = await post(homes, "/users", **body, password=homes.lab.secrets.operator_password)
    booked = await book(user["id"])
    page = await login(name, width=PHONE)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await expect(stop).to_contain_text("and Eilidh; nobody goes there alone")
    silent = f"{booked.new} has never been heard, not once since it was registered"
    await expect(stop.locator(".silent-hub")).to_contain_text(silent)
    assert await faults(page) == []
    await button(stop, "I am there").click()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    await expect(stop.locator(".silent-hub")).to_be_hidden()
    log = (await booked.now())["log"]
    assert log[-1]["text"] == "Eilidh is there"
    desk = await login("sheila")
    await desk.goto(f"{homes.lab.url}/switchover/visits/{booked.visit_id}")
    await expect(desk.locator("main")).to_contain_text("and Eilidh")
    await expect(desk.locator(".silent-hub")).to_contain_text(silent)
    await expect(desk.get_by_label("New hub", exact=True)).to_contain_text(f"{booked.new}, as it is")
    for words in ("-88 dBm, enough (Three)", "there is one", "nobody looked", "Behind the sofa"):
        await expect(desk.locator("#survey")).to_contain_text(words)
    assert await faults(desk) == []


def unfolded(calendar: str) -> str:
    """A calendar's text, its long lines put together."""
    return calendar.replace("\r\n ", "")


async def test_what_was_entered_in_a_dead_spot_arrives_once_and_in_order(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE, quiet=True)  # without signal the browser complains, as it should
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await cut(page, booked)
    await button(stop, "I am there").click()
    await expect(page.locator("#day-state")).to_contain_text("No signal: 1 entry waits on this phone")
    await stop.get_by_text("Write a note").click()
    await stop.get_by_label("Note").fill("Socket behind the sofa")
    await button(stop, "Write it down").click()
    await button(stop, "The new hub is in").click()

    await page.reload()
    await expect(page.locator("#day-state")).to_contain_text("3 entries wait")
    await expect(stop.locator(".waits")).to_contain_text("Socket behind the sofa")
    await expect(stop.locator("[data-step=installed]")).to_contain_text("waits")
    await expect(button(stop, "All is paired")).to_be_visible()
    assert await faults(page) == []
    assert await booked.steps() == []

    await page.context.set_offline(False)
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    await expect(stop.locator(".waits li")).to_have_count(0)
    await expect(stop.locator("[data-step=installed]")).to_contain_text("done")
    assert await booked.steps() == ["on_site", "note: Socket behind the sofa", "installed"]


async def test_a_visit_that_the_desk_has_called_off_says_so_and_asks_for_nothing(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await expect(button(stop, "I am there")).to_be_visible()
    why = {"reason": "She has moved to her daughter", "as_of": (await booked.now())["version"]}
    await post(booked.homes, f"/switchover/visits/{booked.visit_id}/cancel", **why)
    await page.reload()
    await expect(stop.locator("summary").first).to_contain_text("Called off")
    await stop.locator("summary").first.click()
    await expect(stop).to_contain_text("Called off: She has moved to her daughter. Do not go there for it.")
    await expect(stop.get_by_role("button")).to_have_count(0)
    assert await faults(page) == []


async def test_an_entry_whose_reply_was_lost_is_sent_again_and_has_its_effect_once(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE, quiet=True)
    keys: list[str] = []
    lost: list[int] = []

    async def lose_the_first(route: Route, request: Request) -> None:
        keys.append(request.headers["idempotency-key"])
        reply = await route.fetch()
        if len(lost) < 2 and request.url.endswith(("/note", "/steps")) and keys.count(keys[-1]) == 1:
            lost.append(reply.status)
            await route.abort("connectionreset")
        else:
            await route.fulfill(response=reply)

    await page.context.route(re.compile(r"/api/v1/switchover/visits/"), lose_the_first)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await stop.get_by_text("Write a note").click()
    await stop.get_by_label("Note").fill("The bell is broken: knock")
    await button(stop, "Write it down").click()
    await button(stop, "I am there").click()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    assert lost == [200, 200], "the service had both before the phone knew"
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [2, 2]
    assert await booked.steps() == ["note: The bell is broken: knock", "on_site"]


async def test_what_the_desk_changed_meanwhile_is_shown_with_both_versions(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE, quiet=True)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await cut(page, booked)
    await stop.get_by_text("It does not go on today").click()
    await stop.get_by_label("No access").check()
    await stop.locator("[name=why]").fill("Nobody opened, twice")
    await stop.get_by_label("Next contact on").fill("2031-03-04")
    await button(stop, "Enter it").click()
    await expect(stop.locator(".waits")).to_contain_text("No access: Nobody opened, twice, again on 2031-03-04")
    await booked.step("rescheduled", why="She is at the hairdresser's", next_contact_on="2031-02-03")

    await page.context.set_offline(False)
    trouble = stop.locator(".trouble")
    await expect(trouble).to_contain_text("You entered at")
    await expect(trouble).to_contain_text("No access: Nobody opened, twice")
    await expect(trouble).to_contain_text("The visit has changed since you saw it")
    await expect(trouble).to_contain_text("She is at the hairdresser's")
    await expect(page.locator("#day-state")).to_contain_text("1 entry needs you")
    await expect(trouble.get_by_role("button")).to_have_count(1)  # it no longer fits, so it can only be kept
    assert await faults(page) == []
    await page.reload()
    await button(trouble, "Keep it as a note").click()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    await expect(trouble).to_have_count(0)
    *_, last = await booked.steps()
    assert re.fullmatch(
        r"note: Entered on the phone at \d\d:\d\d, and not carried out: "
        r"No access: Nobody opened, twice, again on 2031-03-04",
        last,
    )
    assert await booked.state() == "rescheduled"


OUTCOMES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("No access", "no_access", ("booked",)),
    ("No signal", "aborted_no_signal", ("surveyed", "stock_allocated", "booked")),
    ("They refuse", "declined", ()),
)
"""What is chosen, the state that comes of it, and by which steps the desk books the visit again."""


async def test_each_outcome_is_entered_with_why_who_and_the_day_of_the_next_contact(login: Login, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE)
    slot = {name: (await booked.now())[name] for name in ("engineer_id", "starts_at", "ends_at")}
    for number, (said, state, way_back) in enumerate(OUTCOMES):
        await page.goto(booked.address)
        stop = stop_of(page, booked)
        await stop.get_by_text("It does not go on today").click()
        await stop.get_by_label(said, exact=True).check()
        await stop.locator("[name=why]").fill(f"{said}, and the neighbour knows")
        await stop.get_by_label("Next contact on").fill(f"2031-03-0{number + 1}")
        await button(stop, "Enter it").click()
        await expect(stop.locator(".stop-latest")).to_contain_text(f"{said}, and the neighbour knows")
        now = await booked.now()
        told = (now["state"], now["next_contact_on"], now["owner"])
        assert told == (state, f"2031-03-0{number + 1}", "Ewan Baird")
        for to in way_back:
            await booked.step(to, **{"stock_allocated": {"new_hub_id": booked.new}, "booked": slot}.get(to, {}))


async def test_without_script_the_day_is_plain_forms(login: Login, lab: Lab, book: Book) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE, script=False)
    await page.goto(f"{lab.url}/switchover/day")
    await expect(page.locator(".empty a")).to_contain_text("The next are on")
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    await button(stop, "I am there").click()
    await expect(button(stop, "The new hub is in")).to_be_visible()
    assert await booked.state() == "on_site"
    await stop.get_by_text("Write a note").click()
    await stop.get_by_label("Note").fill("By hand")
    await button(stop, "Write it down").click()
    await expect(stop.locator(".stop-latest")).to_contain_text("By hand")
    await button(stop, "The new hub is in").click()
    await stop.get_by_role("button", name="Paired with the new hub: smoke").click()
    await expect(stop.locator("[data-pairs=s1]")).to_contain_text("moved")
    await button(stop, "All is paired").click()
    await expect(stop.get_by_role("alert")).to_contain_text("pendant")
    await stop.get_by_text("It does not go on today").click()
    await stop.get_by_label("Take the new hub out").check()
    await stop.locator("[name=why]").fill("It does not hear the pendant in the bathroom")
    await button(stop, "Enter it").click()
    await expect(stop.locator(".stop-latest")).to_contain_text("Rolled back")
    now = await booked.now()
    assert (now["state"], now["owner"]) == ("rolled_back", "Ewan Baird")
    assert "note: By hand" in await booked.steps()


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
async def test_the_day_is_fit_for_everybody_and_works_by_keyboard(login: Login, book: Book, dark: bool) -> None:
    booked = await book()
    page = await login("ewan", width=PHONE, dark=dark)
    await page.goto(booked.address)
    stop = stop_of(page, booked)
    for summary in ("It does not go on today", "Write a note"):
        await stop.get_by_text(summary).click()
    assert await faults(page) == []
    assert await small(page) == []
    await button(stop, "I am there").focus()
    await page.keyboard.press("Enter")
    await expect(button(stop, "The new hub is in")).to_be_focused()
    await page.keyboard.press("Space")
    await expect(button(stop, "All is paired")).to_be_focused()
    await expect(page.locator("#day-state")).to_contain_text("All sent")
    assert await booked.steps() == ["on_site", "installed"]
    await page.set_viewport_size({"width": 1366, "height": 768})
    assert await faults(page) == []
