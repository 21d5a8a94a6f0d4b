"""Keeps one child process alive: starts it, waits until it answers, starts it again when it dies, stops it."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from telecare.kernel.errors import UnavailableError
from telecare.kernel.logging import get_logger

log = get_logger("embedded")

START_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0
LOOK_EVERY_S = 0.03
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
FIRST_TRIES = 12
"""How often a process may end before it has answered once. The pauses between are 13 s together: enough for what a
killed predecessor leaves behind (a port, a database's memory) to go away by itself."""


class StartError(UnavailableError):
    """The process did not come up; the text says why, with the end of its log."""


class Supervised:
    """A child of our own, reaped by us.

    `launch` starts it, `answers` says whether it is at work, `log_file` is where it writes what it has to say,
    `stop_signal` asks it to end in order, `first_tries` is how often it may end before it has answered once.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], "subprocess.Popen[bytes]"],
        answers: Callable[[], Awaitable[bool]],
        log_file: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        first_tries: int = FIRST_TRIES,
    ) -> None:
        self.name = name
        self._launch = launch
        self._answers = answers
        self._log_file = log_file
        self._stop_signal = stop_signal
        self._first_tries = first_tries
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.up = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Return the process id, None while there is no process."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    async def start(self) -> None:
        """Start the process and keep it; StartError when it does not answer in time, or ends again and again."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.name}")
        came_up = asyncio.create_task(self.up.wait())
        try:
            await asyncio.wait([self._keeper, came_up], timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came_up.cancel()
        if self.up.is_set():
            return
        gave_up = self._keeper.exception() if self._keeper.done() else None
        await self.stop()
        why = gave_up or f"it did not answer within {START_WITHIN_S:g} s"
        raise StartError(f"{self.name} did not start: {why}\n{self.last_words()}") from gave_up

    async def stop(self) -> None:
        """Ask the process to end, and end it when it does not; nothing starts it again."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self.up.clear()
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(self._stop_signal)
        if not await _gone(process, STOP_WITHIN_S):
            process.kill()
            await _gone(process, STOP_WITHIN_S)

    def kill(self) -> None:
        """Kill the process as a crash would (SIGKILL); the keeper starts it again."""
        if self._process is not None:
            self.up.clear()
            self._process.kill()

    def last_words(self) -> str:
        """Return the end of its log."""
        try:
            return self._log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
        except OSError:
            return "(it left no log)"

    async def _keep(self) -> None:
        """Run the process for ever; raises only as long as it has never answered: later there is no one to tell."""
        pause = FIRST_PAUSE_S
        tries = 0
        ever_up = False
        while True:
            try:
                # Not in a thread: a cancelled wait for one would leave behind a process that nobody knows.
                self._process = process = self._launch()
                if await self._comes_up(process):
                    pause, ever_up = FIRST_PAUSE_S, True
                    self.up.set()
                    while process.poll() is None:  # noqa: ASYNC110 - polling reaps it; portable, unlike a pidfd
                        await asyncio.sleep(LOOK_EVERY_S)
                self.up.clear()
                log.warning("process_ended", process=self.name, code=process.returncode)
            except OSError as error:
                if not ever_up:
                    raise
                log.warning("process_not_started", process=self.name, error=repr(error))
            tries += 1
            if not ever_up and tries == self._first_tries:
                raise StartError(f"it ended {tries} times")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _comes_up(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until the process answers; false when it has ended."""
        while process.poll() is None:
            if await self._answers():
                return process.poll() is None
            await asyncio.sleep(LOOK_EVERY_S)
        return False


async def _gone(process: "subprocess.Popen[bytes]", within_s: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, within_s)
    return process.poll() is not None
