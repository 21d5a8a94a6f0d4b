"""Whether a port is to be had, or answers: a clear word now beats a hang later."""

import asyncio
import os
import random
import socket
import time

from telecare.kernel.errors import UnavailableError

FREE_WITHIN_S = 5.0
"""What was started by a killed predecessor ends with it, in a moment: its ports are waited for that long."""

FREE_PORTS = (20_000, 32_000)


class PortInUseError(UnavailableError):
    """Somebody has the port, or it is not ours to have."""


async def wait_for_port(host: str, port: int, within_s: float = FREE_WITHIN_S) -> None:
    """Return when the port can be bound; PortInUseError when it cannot for so long."""
    until = time.monotonic() + within_s
    while True:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if time.monotonic() >= until or isinstance(error, PermissionError):
                why = os.strerror(error.errno or 0)
                raise PortInUseError(f"Port {port} is not to be had ({why})") from error
            await asyncio.sleep(0.05)
        else:
            return


async def is_answered(host: str, port: int) -> bool:
    """Say whether somebody answers there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    """Return a port that nobody has at this moment, from where systems take none for connections that go out.

    One of those would be taken, before whoever asked listens on it, by the next connection of anybody.
    """
    while True:
        port = random.randrange(*FREE_PORTS)  # noqa: S311 - any will do
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
