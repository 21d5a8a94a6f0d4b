"""Simulators beside a lab, each a process of its own that ends with us, however we end."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from telecare.embedded.lab import Lab
from telecare.embedded.people import simulated_tokens
from telecare.embedded.secrets import write_private

COLLEAGUES = "operators.json"
STOP_WITHIN_S = 5.0


def write_colleagues(lab: Lab) -> Path:
    """Write who the simulated operators are; return where."""
    path = lab.folder / COLLEAGUES
    write_private(path, json.dumps({"tokens": list(simulated_tokens(lab.secrets).values())}))
    return path


@asynccontextmanager
async def simulator(log_file: Path, module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one simulator while the block lasts; it may end by itself before."""
    command = [sys.executable, "-m", module, *arguments, "--parent-pipe"]
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
