"""A small real HTTP/1.1 server that takes POSTs: the webhook side of the simulated provider.

One request a connection; bodies need a Content-Length, as every client library sends for JSON.
"""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulators.provider.inbox import Inbox, Mode

HOST = "127.0.0.1"
MAX_BODY = 1024 * 1024
ANSWERS = {Mode.ACCEPT: "200 OK", Mode.REJECT: "400 Bad Request", Mode.TEMPORARY: "503 Service Unavailable"}


@dataclass(frozen=True)
class Request:
    """One request as received. Header names are in lower case; `at` seconds since 1970."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        """The body read as JSON; ValueError when it is none."""
        return json.loads(self.body)


class WebhookSink:
    """`async with WebhookSink() as sink:` then `sink.url`, `.requests`, `await sink.wait_for(n)`, `sink.inbox.mode`.

    Listens on `port` of 127.0.0.1, an ephemeral one by default.
    """

    def __init__(
        self, mode: Mode = Mode.ACCEPT, *, port: int = 0, path: Path | None = None, limit: int = 10_000
    ) -> None:
        self.host = HOST
        self.port = port
        self.inbox: Inbox[Request] = Inbox(mode, limit=limit, path=path)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://{self.host}:{self.port}/"

    @property
    def requests(self) -> list[Request]:
        """The requests that were accepted, oldest first."""
        return list(self.inbox.items)

    async def wait_for(self, n: int, timeout_s: float = 10.0) -> None:
        """Wait until `n` requests in all were accepted; TimeoutError otherwise."""
        await self.inbox.wait_for(n, timeout_s)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            answer = ANSWERS.get(await self.inbox.take(request)) if request else "411 Length Required"
            if answer is None:  # Mode.DIE
                writer.transport.abort()
                return
            writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, as clients with a time limit do
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when it has a body whose length is not said, or that is too long."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = (head[0] + "  ").split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY:
        return None
    body = await reader.readexactly(int(length))
    return Request(time.time(), method, path, headers, body.decode("utf-8", "replace"))
