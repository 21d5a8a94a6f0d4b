"""Has a file read by a program of its own, and yields what that prints, batch by batch."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.switchover.importing.table import NotATableError

TOO_LONG_S = 300.0
LINE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Head:
    """What a table begins with."""

    headings: list[str]
    notes: list[str]


class Reader:
    """A file that is being read: first its head, then its rows."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def head(self) -> Head:
        """Return the headings; NotATableError when there are none."""
        said = await self._line()
        return Head(said["headings"], said["notes"])

    async def batches(self, size: int) -> AsyncIterator[list[tuple[int, list[str]]]]:
        """Yield the rows with their numbers; NotATableError when they end in the middle."""
        batch: list[tuple[int, list[str]]] = []
        while isinstance(said := await self._line(), list):
            batch.append((said[0], said[1:]))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _line(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        line = await self._process.stdout.readline()
        said = (
            json.loads(line)
            if line.endswith(b"\n")
            else {"wrong": "It needs more memory or time than one file is given"}
        )
        if isinstance(said, dict) and "wrong" in said:
            raise NotATableError(said["wrong"])
        return said


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[Reader]:
    """Start reading a file; what is not read to the end, or takes too long, is stopped."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devices.switchover.importing.table", str(path),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=LINE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(TOO_LONG_S):
            yield Reader(process)
    except TimeoutError as error:
        raise NotATableError("It takes longer to read than one file is given: split it") from error
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
