"""One HTTP request and its answer, as small as the simulated provider needs them. One request a connection."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

MAX_BODY = 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """One request as received; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def form(self) -> dict[str, list[str]]:
        """The body as a form."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def authorization(self) -> str:
        """The header of that name, or nothing."""
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Reply:
    """What is answered; a document goes as JSON."""

    status: int
    document: Any = None

    def encode(self) -> bytes:
        """Return the bytes of it."""
        body = json.dumps(self.document).encode() if self.document is not None else b""
        head = f"HTTP/1.1 {int(self.status)} {HTTPStatus(self.status).phrase}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """Read one request; None when it has a body whose length is not said, or that is too long."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _version = (head[0] + "  ").split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY:
        return None
    return Asked(method, target, headers, await reader.readexactly(int(length)))
