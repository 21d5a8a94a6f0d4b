"""Scenarios as somebody at the console sees them: the whole system in real time, and three pages in a real browser.

What a file says of a moment is when it must be so at the latest, counted from the line before: nothing is waited out.
"""

import asyncio
import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from alarms.policy.scenario import EventPart, Scenario
from telecare.embedded.lab import Lab
from tests.console.conftest import CHROMIUM, Homes, Login, row
from tests.console.picture import agrees
from tests.scenarios.files import name_of, of_level, scenario_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")

LISTEN = """
window.heard = []
const start = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (...when) {
    heard.push(this.frequency.value)
    return start.apply(this, when)
}
"""
SOUNDS_DEAD = """new Promise((resolve) => {
    const look = () => { heard.includes(165) ? resolve() : setTimeout(look, 50) }
    look()
})"""
"""165 Hz: no alarm sounds so deep."""
BEAT = """new Promise((resolve) => {
    new BroadcastChannel('telecare-feed').onmessage = ({ data }) => { if (data.type === 'beat') resolve() }
})"""


class Desk:
    """The board, the first alarm and the fleet in three tabs of one browser that may sound."""

    def __init__(self, scenario: Scenario, page: Page, homes: Homes, lab: Lab) -> None:
        self.scenario = scenario
        self.board = page
        self.tabs = [page]
        self.homes = homes
        self.lab = lab
        self.raised: list[str] = []
        self._not_heard_of: list[str] = []
        self._hung: int | None = None

    async def run(self) -> None:
        before = 0
        try:
            for event in sorted(self.scenario.events, key=lambda event: event.at):
                await self._happen(event, event.at - before)
                before = event.at
        finally:
            await self._answer_again()

    async def _happen(self, event: EventPart, within_s: int) -> None:
        if event.raise_ is not None:
            await self._raise(event.raise_)
        elif event.feed == "off":
            await self._hang()
        elif event.feed == "on":
            await self._answer_again()
        else:
            assert event.check is not None, f"{event.acts} is nothing that happens at a desk"
            look = self._is_lost if event.check.page == "lost" else self._is_whole
            await look(1000 * within_s)

    async def _raise(self, type_: str) -> None:
        """Have a hub raise an alarm: the broker takes it also while the server hangs."""
        event_id = uuid4().hex
        await self.homes.gateway.publish(f"telecare/v1/{self.homes.hub()}/alarm", {"event_id": event_id, "type": type_})
        self._not_heard_of.append(event_id)
        if self._hung is None:
            await self._hear()
        if len(self.tabs) == 1:
            await self._open_tabs()

    async def _hear(self) -> None:
        while self._not_heard_of:
            answer = await self.homes.gateway.ack(self._not_heard_of.pop(0))
            self.raised.append(answer["alarm_id"])

    async def _open_tabs(self) -> None:
        await self.board.context.add_init_script(LISTEN)
        await self.board.reload()
        await self.board.click("#sound")
        await self.board.click("[data-test=fire]")  # a press lets the browser sound
        await self.board.click("#sound")
        for path in (f"/alarms/{self.raised[0]}", "/fleet"):
            tab = await self.board.context.new_page()
            await tab.goto(f"{self.lab.url}{path}")
            await expect(tab.locator("#waiting-now")).to_be_visible()
            self.tabs.append(tab)

    async def _hang(self) -> None:
        """Stop the server just after it has given a sign."""
        await self.tabs[-1].evaluate(BEAT)
        for tab in self.tabs:
            await tab.evaluate("heard.length = 0")
        assert self.lab.service.pid is not None
        self._hung = self.lab.service.pid
        os.kill(self._hung, signal.SIGSTOP)

    async def _answer_again(self) -> None:
        if self._hung is not None:
            os.kill(self._hung, signal.SIGCONT)
            self._hung = None

    async def _is_lost(self, within_ms: int) -> None:
        for tab in self.tabs:
            banner = tab.locator("#feed-banner")
            await expect(banner).to_be_visible(timeout=within_ms)
            box, size = await banner.bounding_box(), tab.viewport_size
            assert box is not None
            assert size is not None
            assert box["width"] == size["width"], "it is as wide as the page"
            await expect(tab.locator("#feed-words")).to_contain_text("seconds old: use the telephone list")
            await expect(tab.locator("#feed-alert")).to_contain_text("The live feed is lost")
            assert (await tab.title()).startswith("OLD PICTURE")
        async with asyncio.timeout(within_ms / 1000):
            await self.board.evaluate(SOUNDS_DEAD)
        for tab in self.tabs[1:]:
            assert await tab.evaluate("heard") == [], "one of them sounds, and not all at once"

    async def _is_whole(self, within_ms: int) -> None:
        await self._hear()
        for tab in self.tabs:
            await expect(tab.locator("#feed-banner")).to_be_hidden(timeout=within_ms)
            assert not (await tab.title()).startswith("OLD")
        for alarm_id in self.raised:
            await expect(self.board.locator(row(alarm_id))).to_be_visible(timeout=within_ms)
        await agrees(self.board, self.lab.url)


@pytest.mark.parametrize("path", of_level("page"), ids=name_of)
async def test_it_looks_so(path: Path, login: Login, homes: Homes, lab: Lab) -> None:
    await Desk(scenario_of(path), await login(quiet=True), homes, lab).run()
