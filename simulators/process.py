"""What a simulator needs as a process: signals to stop, enough open files, a name for the run, words on a terminal."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import threading
import time

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def say(words: str) -> None:
    """Write a line for whoever started the simulator; a reader that has gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()


def complain(words: str) -> None:
    """Write a line where programs that read our output do not stumble over it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()


def epoch_now() -> str:
    """Return a short text that differs between runs: the present millisecond, base 36."""
    digits, rest = "", time.time_ns() // 1_000_000
    while rest:
        rest, digit = divmod(rest, 36)
        digits = DIGITS[digit] + digits
    return digits


def allow_many_sockets() -> None:
    """Raise the limit of open files to what the system permits: a fleet holds a socket for each hub."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT or SIGTERM, in the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends: the pipe that a parent holds closes even if the parent is killed.

    A thread reads, because not every kind of standard input can be watched by the loop; and it reads the descriptor,
    because a daemon thread inside `sys.stdin` holds a lock on which the interpreter aborts when it ends first.
    """
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def wait_for_end() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(descriptor, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may have ended first
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_end, name="parent", daemon=True).start()
