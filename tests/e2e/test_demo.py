"""The demo by its command: how it ends, what it keeps over a kill -9, and what it says when it cannot start."""

import asyncio
import json
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from telecare.embedded.ports import free_port
from tests.e2e.conftest import until
from tests.wire import WireHub

READY_WITHIN_S = 60.0
END_WITHIN_S = 30.0
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="telecare-demo-") as name:
        path = Path(name)
        path.chmod(0o755)  # as root the database runs as another user, which must get in
        yield path


class Demo:
    """`telecare demo` on a directory; with `make` as a developer starts it."""

    def __init__(self, data_dir: Path, *arguments: str, make: bool = False) -> None:
        self.data_dir = data_dir
        ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
        options = ("--hubs", "5", "--data-dir", str(data_dir), *ports, *arguments)
        ours = (sys.executable, "-m", "telecare.cli", "demo", *options)
        # Whoever runs the tests in the background of a shell has SIGINT ignored, and make would inherit that.
        hearing = ("env", "--default-signal=INT") if sys.platform == "linux" else ()
        self.command = (*hearing, "make", "run", f"ARGS={' '.join(options)}") if make else ours

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    async def refused(self) -> str:
        """Say what it says when it does not start."""
        process = await self.start()
        said, _ = await asyncio.wait_for(process.communicate(), END_WITHIN_S)
        assert process.returncode == 1
        assert b"Traceback" not in said
        return said.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
        """Run it; the document is there as soon as it is ready."""
        process = await self.start()
        announcement = self.data_dir / "demo.json"

        async def announced() -> dict[str, Any] | None:
            assert process.returncode is None
            return json.loads(announcement.read_text()) if announcement.exists() else None

        try:
            yield process, await until(announced, READY_WITHIN_S)
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.communicate(), END_WITHIN_S)


async def press(document: dict[str, Any], event_id: str) -> None:
    hub = document["hub"]
    async with WireHub(document["mqtt"]["port"], hub["username"], hub["password"]) as client:
        await client.subscribe(f"telecare/v1/{hub['hub_id']}/ack")
        await client.publish(f"telecare/v1/{hub['hub_id']}/alarm", {"event_id": event_id, "type": "pendant"})
        async with asyncio.timeout(END_WITHIN_S):
            _, ack = await client.heard.get()
        assert json.loads(ack)["status"] == "accepted"


async def get(document: dict[str, Any], path: str) -> Any:
    headers = {"Authorization": f"Bearer {document['api_token']}"}
    async with httpx.AsyncClient(base_url=document["url"], headers=headers, trust_env=False) as client:
        reply = await client.get(path)
        assert reply.status_code == 200, reply.text
        return reply.json()


async def pressed(document: dict[str, Any]) -> dict[str, str]:
    """The visitor's hub's alarms by the id of their event."""
    items = (await get(document, f"/api/v1/hubs/{document['hub']['hub_id']}/events"))["items"]
    return {item["event_id"]: item["alarm_id"] for item in items if item["lane"] == "alarm"}


async def test_it_ends_in_order_and_after_a_kill_goes_on_with_nothing_lost(folder: Path) -> None:
    """Meanwhile nobody else starts on its directory, and another runs beside it."""
    demo = Demo(folder / "demo")
    async with demo.running() as (process, first):
        assert (await get(first, "/readyz"))["status"] == "ready"
        assert (folder / "demo" / "demo.json").stat().st_mode & 0o777 == 0o600
        await press(first, "one")
        before = await pressed(first)
        assert "in use by another process" in await Demo(folder / "demo").refused()
        process.kill()
        await process.wait()
    (folder / "demo" / "demo.json").unlink()
    other = Demo(folder / "other", "--no-simulate")
    async with demo.running() as (process, second), other.running() as (_, beside):
        assert second == first
        assert await pressed(second) == before
        await press(second, "two")
        assert set(await pressed(second)) == {"one", "two"}
        assert await pressed(beside) == {}
        for roster in ("fleet.json", "operators.json"):  # for simulators that are started by hand
            assert (folder / "other" / roster).stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), END_WITHIN_S)
        assert process.returncode == 0


@pytest.mark.parametrize("option", ["--http-port", "--mqtt-port"])
async def test_a_port_in_use_is_said(folder: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = await Demo(folder / "demo", option, port).refused()
    assert f"Port {port} is not to be had (Address already in use)" in said
    assert option in said


async def test_a_place_that_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "file").write_text("a letter", encoding="utf-8")
    said = await Demo(folder / "file").refused()
    assert "File exists" in said
    assert "--data-dir" in said


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux shows that make was interrupted")
async def test_make_run_passes_on_a_sigint_that_make_alone_gets(folder: Path) -> None:
    """As a supervisor sends it; Ctrl-C reaches everybody by itself."""
    async with Demo(folder / "demo", "--no-simulate", make=True).running() as (process, _):
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), END_WITHIN_S)
        assert process.returncode == -signal.SIGINT
