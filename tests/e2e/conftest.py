"""A whole system for the tests of a module: embedded PostgreSQL and broker, the service as a process of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab
from telecare.embedded.ports import free_port
from tests.wire import WireHub

LIMIT_S = 20.0


@pytest.fixture(scope="module")
def lab_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-e2e-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the database runs as another user, which must get in
        yield folder


@pytest.fixture(scope="module")
async def lab(lab_folder: Path) -> AsyncIterator[Lab]:
    async with Lab(lab_folder, homes=90, http_port=free_port(), mqtt_port=free_port()) as lab:
        yield lab


@pytest.fixture(scope="module")
async def api(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    async with httpx.AsyncClient(base_url=lab.url, headers=headers, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
async def gateway(lab: Lab) -> AsyncIterator[WireHub]:
    """Publishes as any hub, known or not."""
    async with WireHub(lab.mqtt_port, GATEWAY_ACCOUNT, lab.secrets.gateway_password) as client:
        await client.subscribe("telecare/v1/+/ack")
        yield client


@pytest.fixture
def hub_ids(lab: Lab) -> list[str]:
    return [hub.hub_id for hub in lab.hubs]


async def until(look: Callable[[], Awaitable[Any]], within_s: float = LIMIT_S) -> Any:
    """Ask again and again until the answer is truthy; the events that it waits for are another process's."""
    async with asyncio.timeout(within_s):
        while not (found := await look()):  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)
        return found
