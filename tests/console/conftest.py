"""A real browser on a whole system: Debian's Chromium, driven by Playwright."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab, free_port
from tests.wire import WireHub

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
LIMIT_MS = 15_000

Login = Callable[..., Awaitable[Page]]


def is_complaint(message: ConsoleMessage) -> bool:
    """A refused command is an answer and no fault, though the browser logs it as one."""
    return message.type == "error" and "409 (Conflict)" not in message.text


@pytest.fixture(scope="module")
def lab_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-console-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the database runs as another user, which must get in
        yield folder


@pytest.fixture(scope="module")
async def lab(lab_folder: Path) -> AsyncIterator[Lab]:
    async with Lab(lab_folder, homes=60, http_port=free_port(), mqtt_port=free_port()) as lab:
        yield lab


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def login(lab: Lab, browser: Browser) -> AsyncIterator[Login]:
    """Log somebody in, in a browser of their own; what the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def enter(username: str = "fiona", *, width: int = 1366, dark: bool = False, quiet: bool = False) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": 768}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.set_default_timeout(LIMIT_MS)
        page = await context.new_page()
        if not quiet:
            page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{lab.url}/login")
        await page.fill("#username", username)
        await page.fill("#password", lab.secrets.operator_password)
        await page.click("main button[type=submit]")
        await page.wait_for_url(f"{lab.url}/")
        return page

    yield enter
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest.fixture
async def gateway(lab: Lab) -> AsyncIterator[WireHub]:
    async with WireHub(lab.mqtt_port, GATEWAY_ACCOUNT, lab.secrets.gateway_password) as client:
        await client.subscribe("telecare/v1/+/ack")
        yield client
