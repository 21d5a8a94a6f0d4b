"""Ending with whoever started us: a pipe to standard input closes when its holder dies, however it dies."""

import asyncio
import contextlib
import os
import sys
import threading


def stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends.

    A thread reads it, as the loop cannot watch every kind of input; and it reads the descriptor, as a daemon thread
    inside `sys.stdin` holds a lock on which the interpreter aborts when it ends first.
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
