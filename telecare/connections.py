"""What a connection to the web server may take: so many bytes of a head, so long for a request, and not the last file.

uvicorn bounds none of it, and the process that answers strangers is the one that takes in alarms: endless headers would
eat its memory, and connections that say nothing the open files that the database and the broker need.
"""

import asyncio
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from telecare.kernel.logging import get_logger

MAX_HEAD = 64 * 1024
"""Bytes of the request line and the headers together; what one read brings is not cut."""

HEAD_WITHIN_S = 10.0
REQUEST_WITHIN_S = 120.0
"""The largest body, 1 MiB, needs less than 9 KiB/s for it."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

_log = get_logger("http")


def most_connections() -> int:
    """Return how many connections one process serves at once: half of the files that it may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


class BoundedProtocol(HttpToolsProtocol):
    """One connection that ends when its client sends too much or takes too long over a request; replies may last."""

    most = most_connections()

    _head: int | None = 0  # bytes so far of a head that is not complete; None when it is
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Serve the connection, or end it at once when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            _log.warning("too_many_connections", most=self.most)
            transport.abort()
            return
        self._expect_within(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._expect_within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes; a head that goes on and on is refused."""
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the clock of this request."""
        super().on_message_begin()
        self._head = self._head or 0
        self._expect_within(HEAD_WITHIN_S)

    def on_headers_complete(self) -> None:
        """Give the body its own time."""
        self._head = None
        self._expect_within(REQUEST_WITHIN_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: from here on the reply decides how long it takes."""
        self._expect_within(None)
        super().on_message_complete()

    def _expect_within(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
