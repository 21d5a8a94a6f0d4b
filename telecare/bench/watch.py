"""Watches the board from outside, as consoles do: event streams on plain sockets, and the page in a real browser."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from shutil import which
from typing import Any

import httpx

Moments = dict[str, float]
"""When each alarm (by its id) was first there, in seconds since 1970."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
)  # fmt: skip

# Two frames after a row came into the page it has been painted.
_NOTE_ROWS = """
() => {
  window.painted = {}
  const note = (row) => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.painted[row.dataset.id] ??= (performance.timeOrigin + performance.now()) / 1000
  }))
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes)
      if (node.nodeType === 1)
        for (const row of [node, ...node.querySelectorAll('.alarm')]) if (row.dataset?.id) note(row)
  }).observe(document.getElementById('main'), { childList: true, subtree: true })
}
"""


@asynccontextmanager
async def streams(url: str, token: str, count: int) -> AsyncIterator[Moments]:
    """Keep `count` event streams open while the block lasts; yield when the first of them told each alarm.

    The others are only read: in a control room each console is a machine of its own.
    """
    moments: Moments = {}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=httpx.Timeout(10, read=None)
    ) as client:
        opened = [asyncio.Event() for _ in range(count)]
        tasks = [asyncio.create_task(_follow(client, moments, opened[0]))]
        tasks += [asyncio.create_task(_only_read(client, each)) for each in opened[1:]]
        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*(event.wait() for event in opened))
            yield moments
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _stream(client: httpx.AsyncClient) -> AbstractAsyncContextManager[httpx.Response]:
    return client.stream("GET", "/api/v1/stream", params={"form": "html"})


async def _only_read(client: httpx.AsyncClient, opened: asyncio.Event) -> None:
    async with _stream(client) as response:
        response.raise_for_status()
        async for _ in response.aiter_raw():
            opened.set()


async def _follow(client: httpx.AsyncClient, moments: Moments, opened: asyncio.Event) -> None:
    async with _stream(client) as response:
        response.raise_for_status()
        name = ""
        async for line in response.aiter_lines():
            opened.set()
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif name == "change" and line.startswith("data: "):
                at = time.time()
                moments.setdefault(json.loads(line.removeprefix("data: "))["id"], at)


@asynccontextmanager
async def browser(url: str, username: str, password: str) -> AsyncIterator[Any]:
    """Yield the board in a real Chromium, logged in; None when there is none on this machine."""
    program = next((found for name in CHROMIUM if (found := which(name))), None)
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - a library of the tests
    except ImportError:
        program = None
    if program is None:
        yield None
        return
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(Path(program)), args=list(ARGUMENTS))
        page = await chromium.new_page()
        await page.goto(f"{url}/login")
        await page.fill("[name=username]", username)
        await page.fill("[name=password]", password)
        await page.press("[name=password]", "Enter")
        await page.wait_for_selector("#lanes")
        await page.evaluate(_NOTE_ROWS)
        yield page
        with contextlib.suppress(Exception):
            await chromium.close()


async def painted(page: Any) -> Moments:
    """Return when the browser had painted each alarm's row."""
    moments: Moments = await page.evaluate("() => window.painted") if page is not None else {}
    return moments
