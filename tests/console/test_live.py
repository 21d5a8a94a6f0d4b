"""What is seen after changes is what a reload shows: rows, their order, groups of a flood, and figures."""

import random
from uuid import UUID

import pytest
from playwright.async_api import expect

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Closed, Noted
from alarms.handling.domain import Opening, Subject
from alarms.handling.service import AlarmService, Origin
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database, database_now
from tests.console.conftest import CHROMIUM, Homes, Login, row
from tests.console.picture import agrees

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")

LONG_MS = 60_000
"""Hundreds of alarms opened and closed at once are work for a machine that runs other tests too."""

SIGNALS = (
    ("pendant", "alarm"), ("fall", "alarm"), ("smoke", "alarm"), ("carbon_monoxide", "alarm"), ("flood", "event"),
    ("inactivity", "event"), ("mains_fail", "event"), ("path_lost", "event"), ("hub_battery_low", "event"),
)  # fmt: skip
CLEARING = ("mains_restored", "path_restored", "battery_restored", "cancel")
ODD = (b"\xff\xfe", b'{"event_id": 7}', b'{"event_id":"odd","type":"<b>odd</b> & sons"}')


class History:
    """A random history of alarms over a few hubs, the same for the same seed."""

    def __init__(self, homes: Homes, seed: int) -> None:
        self.homes = homes
        self.chance = random.Random(seed)
        self.hubs = [homes.hub() for _ in range(12)]

    async def go(self, steps: int) -> None:
        for _ in range(steps):
            await self.chance.choices([self.signal, self.clear, self.handle, self.odd], [10, 4, 8, 1])[0]()

    async def signal(self) -> None:
        await self.homes.press(*self.chance.choice(SIGNALS), hub_id=self.chance.choice(self.hubs))

    async def clear(self) -> None:
        await self.homes.press(self.chance.choice(CLEARING), "event", self.chance.choice(self.hubs))

    async def odd(self) -> None:
        hub_id = self.chance.choice(self.hubs)
        await self.homes.gateway.publish(f"telecare/v1/{hub_id}/alarm", self.chance.choice(ODD))

    async def handle(self) -> None:
        found = await self.homes.open_alarms()
        if not found:
            return
        alarm = self.chance.choice(found)
        command, more = self.chance.choice(
            [
                ("ack", {}), ("ack", {"take_over": True}), ("release", {}), ("escalate", {}), ("hold", {}),
                ("attend", {"who": "Team West"}), ("note", {"text": "noted"}),
                ("close", {"outcome": "reassured"}), ("close", {"outcome": "ambulance"}),
            ]
        )  # fmt: skip
        body = {"as_of": alarm["version"], **more}  # refused as often as not: that changes nothing
        await self.homes.api.post(f"/alarms/{alarm['id']}/{command}", json=body)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_changes_on_a_picture_are_a_fresh_picture(login: Login, homes: Homes, lab: Lab, seed: int) -> None:
    page = await login("calum")
    history = History(homes, seed)
    for _ in range(3):
        await history.go(20)
        await agrees(page, lab.url)


async def test_a_flood_is_one_row_a_cause_and_life_safety_is_never_in_it(login: Login, homes: Homes, lab: Lab) -> None:
    await homes.calm()
    page = await login("calum")
    hubs = [homes.hub() for _ in range(14)]
    for number, hub_id in enumerate(hubs, 1):
        await homes.press("malfunction", "event", hub_id)
        if number == 9:
            await expect(page.locator("#lane-technical > .alarm")).to_have_count(9)
            await expect(page.locator("#flood")).to_be_hidden()
    two = [await homes.press("tamper", "event", hub_id) for hub_id in hubs[:2]]
    pressed = [await homes.press("pendant", hub_id=hub_id) for hub_id in hubs[:12]]
    group = page.locator("#lane-technical > .group")
    await expect(page.locator("#flood")).to_be_visible()
    await expect(group).to_have_count(1)
    await expect(group.locator("summary")).to_contain_text("Unit reports a fault")
    await expect(group.locator(".group-count")).to_have_text("14 homes")
    worst = await group.locator(".alarm").first.get_attribute("data-name")
    await expect(group.locator(".group-worst")).to_contain_text(f"Worst: {worst}")
    for alarm_id in two:  # two of a kind are no crowd
        await expect(page.locator(f"#lane-technical > {row(alarm_id)}")).to_be_visible()
    for alarm_id in pressed:
        await expect(page.locator(f"#lane-life > {row(alarm_id)}")).to_be_visible()
    await agrees(page, lab.url)
    await group.locator("summary").click()
    await expect(group.locator(".alarm").last).to_be_visible()
    held = group.locator(".alarm").nth(3)
    taken = await held.get_attribute("data-id") or ""
    await held.locator("[data-action=ack]").click()
    await expect(page.locator(f"{row(taken)} .holder")).to_have_text("Calum Reid has it")
    await page.keyboard.press("Escape")
    await page.mouse.move(5, 5)
    await expect(page.locator(f"#lane-technical > {row(taken)}")).to_be_visible()  # what somebody has stands by itself
    await expect(group.locator(".group-count")).to_have_text("13 homes")
    await agrees(page, lab.url)
    await homes.calm()
    await expect(page.locator(".technical .empty")).to_be_visible()


async def test_more_than_a_page_holds_says_so_and_the_figures_count_all(login: Login, homes: Homes, lab: Lab) -> None:
    # Somebody behind each step: on a slow machine its hole would be one more technical alarm, and the figures others.
    points = [await homes.put_behind(target) for target in ("supervisor", "partner_arc", "duty_manager")]
    await homes.calm()
    database = Database(lab.settings())
    opening = Opening("mains_fail", "T", 50, "mains_fail", "Mains power lost")
    async with database.transaction() as session:
        now = await database_now(session)
        for number in range(540):
            await AlarmService(session).open(opening, Subject(), Origin(f"MANY-{number}", None, now), now)
    pendant = await homes.press()
    page = await login("calum")
    await expect(page.locator("#cut")).to_contain_text("500 of 541 open alarms are shown")
    await expect(page.locator("#count-technical")).to_have_text("540")
    await expect(page.locator("#count-life")).to_have_text("1")
    await expect(page.locator(row(pendant))).to_be_visible()  # the gravest first: life-safety always fits
    await page.route("**/board/figures", lambda _: None)  # the server does not answer
    smoke = await homes.press("smoke")
    await expect(page.locator(row(smoke))).to_be_visible()
    await expect(page.locator("#count-life")).to_have_text("2")
    await expect(page.locator("#waiting")).to_have_text("2")
    await page.unroute("**/board/figures")
    many = [alarm for alarm in await homes.open_alarms() if alarm["hub_id"].startswith("MANY-")]
    async with database.transaction() as session:  # one that has no place on the page changes, and still has none
        noted = Noted(Holder(str(UUID(int=0)), "Nobody"), "noted")
        await AlarmService(session).command(UUID(many[-1]["id"]), noted, councils=frozenset())
    flood = await homes.press("smoke")
    await expect(page.locator(row(flood))).to_be_visible()
    await expect(page.locator("#lanes .alarm:not(.gone)")).to_have_count(500)
    await expect(page.locator("#cut")).to_contain_text("500 of 543 open alarms are shown")
    over = Closed(Holder(str(UUID(int=0)), "Nobody"), "technical_job", supervisor=True)
    for alarm in many[:200]:  # one by one, as people do: the engine may be at any of them
        async with database.transaction() as session:
            await AlarmService(session).command(UUID(alarm["id"]), over, councils=frozenset())
    await expect(page.locator("#count-technical")).to_have_text("340", timeout=LONG_MS)
    await expect(page.locator("#cut")).to_be_hidden()  # those that did not fit have come
    await expect(page.locator("#lane-technical .alarm")).to_have_count(340, timeout=LONG_MS)
    for alarm in many[200:]:
        async with database.transaction() as session:
            await AlarmService(session).command(UUID(alarm["id"]), over, councils=frozenset())
    await database.dispose()
    await expect(page.locator("#count-technical")).to_have_text("0", timeout=LONG_MS)
    for point in points:
        await homes.api.delete(f"/contact-points/{point}")
