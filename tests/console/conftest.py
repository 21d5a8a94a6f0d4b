"""A real browser on a whole system: Debian's Chromium, driven by Playwright."""

import asyncio
import base64
import itertools
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ctypes.util import find_library
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from sqlalchemy import text

from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab
from telecare.embedded.ports import free_port
from telecare.kernel.db import Database
from tests.wire import WireHub

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or (sys.platform == "linux" and find_library("atomic") is None),
    reason="needs Debian's chromium, and a library for what drives it: apt-get install chromium libatomic1",
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
LIMIT_MS = 15_000
HOMES = 400
PUSH_KEY = base64.urlsafe_b64encode(b"\x01" * 32).decode().rstrip("=")
"""Any number below the order of the curve is a private key."""
FIRST_FREE = 10
"""The hubs before it belong to tests that choose theirs by number."""

SPY = "addEventListener('securitypolicyviolation', ({ effectiveDirective }) => console.error(effectiveDirective))"

ANSWERS = ("409 (Conflict)", "422 (Unprocessable")

Login = Callable[..., Awaitable[Page]]
expect.set_options(timeout=LIMIT_MS)


def is_complaint(message: ConsoleMessage) -> bool:
    """A refused command or form is an answer and no fault, though the browser logs it as one."""
    return message.type == "error" and not any(answer in message.text for answer in ANSWERS)


def listen(context: BrowserContext, complaints: list[str]) -> None:
    """Collect what goes wrong on any page: errors, failed requests, violations of the page's policy."""
    context.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))


@pytest.fixture(scope="session")
def lab_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-console-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the database runs as another user, which must get in
        yield folder


@pytest.fixture(scope="session")
async def lab(lab_folder: Path) -> AsyncIterator[Lab]:
    settings = {"PUSH_VAPID_KEY": PUSH_KEY}
    async with Lab(lab_folder, homes=HOMES, http_port=free_port(), mqtt_port=free_port(), settings=settings) as lab:
        await _never_miss_a_heartbeat(lab)
        yield lab


async def _never_miss_a_heartbeat(lab: Lab) -> None:
    """Let no hub be due again: those that a test had beat once would be silent, and alarms, after sixteen minutes."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        for table in ("device_model", "hub"):
            await session.execute(text(f"UPDATE {table} SET heartbeat_interval_s = 86400"))  # noqa: S608 - ours
    await database.dispose()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def enter(lab: Lab, page: Page, username: str) -> None:
    """Fill in the log-in that the page shows."""
    await page.fill("#username", username)
    await page.fill("#password", lab.secrets.operator_password)
    await page.click("main button[type=submit]")


@pytest.fixture
async def login(lab: Lab, browser: Browser) -> AsyncIterator[Login]:
    """Log somebody in, in a browser of their own; what the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def log_in(
        username: str = "fiona", *, width: int = 1366, dark: bool = False, quiet: bool = False, script: bool = True
    ) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": 768},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
        )
        contexts.append(context)
        context.set_default_timeout(LIMIT_MS)
        await context.add_init_script(SPY)
        if not quiet:
            listen(context, complaints)
        page = await context.new_page()
        await page.goto(f"{lab.url}/login")
        await enter(lab, page, username)
        await page.wait_for_url(f"{lab.url}/")
        return page

    yield log_in
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest.fixture
async def gateway(lab: Lab) -> AsyncIterator[WireHub]:
    name = f"test-{uuid4().hex[:8]}"
    async with WireHub(lab.mqtt_port, GATEWAY_ACCOUNT, lab.secrets.gateway_password, name) as client:
        await client.subscribe("telecare/v1/+/ack")
        yield client


@pytest.fixture
async def api(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    async with httpx.AsyncClient(base_url=f"{lab.url}/api/v1", headers=headers, trust_env=False, timeout=20) as client:
        yield client


class Homes:
    """The homes of the tests: each raises alarms through its own hub, and no two tests share one."""

    def __init__(self, lab: Lab, gateway: WireHub, api: httpx.AsyncClient) -> None:
        self.lab = lab
        self.gateway = gateway
        self.api = api

    def hub(self) -> str:
        """Return a hub that nothing has come from in this run, as long as there are some."""
        free = self.lab.hubs[FIRST_FREE:]
        return free[next(_numbers) % len(free)].hub_id

    async def press(self, type_: str = "pendant", lane: str = "alarm", hub_id: str | None = None) -> str:
        """Have a hub raise an alarm; return the alarm's id, empty when what it sent raises none."""
        event_id = uuid4().hex
        await self.gateway.publish(f"telecare/v1/{hub_id or self.hub()}/{lane}", {"event_id": event_id, "type": type_})
        return str((await self.gateway.ack(event_id)).get("alarm_id") or "")

    async def put_behind(self, target: str) -> str:
        """Put somebody behind a target, in all councils; return the id."""
        body = {"target": target, "channel": "email", "address": "duty@telecare.example", "label": "Duty"}
        reply = await self.api.post("/contact-points", json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    async def settled(self, alarm_id: str) -> str:
        """Wait for the first step of an alarm's ladder: without script a form that was shown before it is stale."""
        async with asyncio.timeout(20):
            while (await self.alarm(alarm_id))["version"] == 1:  # noqa: ASYNC110 - the engine's doing
                await asyncio.sleep(0.05)
        return alarm_id

    async def alarm(self, alarm_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.api.get(f"/alarms/{alarm_id}")).json()
        return found

    async def open_alarms(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"handling": "open", "limit": "200", **({"cursor": cursor} if cursor else {})}
            reply = (await self.api.get("/alarms", params=query)).json()
            found += reply["items"]
            cursor = reply["next"]
            if cursor is None:
                return found

    async def close(self, alarm: dict[str, Any]) -> None:
        """Close an alarm, whatever happens to it at this moment."""
        body = {"as_of": alarm["version"], "outcome": "reassured", "reason": "a test is over"}
        reply = await self.api.post(f"/alarms/{alarm['id']}/close", json=body)
        while reply.status_code == 409 and reply.json()["handling"] != "closed":
            reply = await self.api.post(f"/alarms/{alarm['id']}/close", json={**body, "as_of": reply.json()["version"]})

    async def calm(self) -> None:
        """Close whatever is open."""
        while found := await self.open_alarms():
            for first in range(0, len(found), 10):
                await asyncio.gather(*(self.close(alarm) for alarm in found[first : first + 10]))


_numbers = itertools.count()


@pytest.fixture
def homes(lab: Lab, gateway: WireHub, api: httpx.AsyncClient) -> Homes:
    return Homes(lab, gateway, api)


def row(alarm_id: str) -> str:
    """Return the selector of an alarm's row on the board."""
    return f"#alarm-{alarm_id}"
