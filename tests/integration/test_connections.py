"""The web server on real sockets: what a stranger's connection may take of the process that takes in alarms."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from telecare import connections
from telecare.connections import MAX_HEAD, BoundedProtocol

Address = tuple[str, int]

GET = b"GET /%b HTTP/1.1\r\nHost: here\r\n"
SOON_S = 0.3


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo a body; under /stream go on for longer than any request may take."""
    request = Request(scope, receive)
    if scope["path"] != "/stream":
        await PlainTextResponse(await request.body())(scope, receive, send)
        return

    async def lines() -> AsyncIterator[str]:
        yield "first\n"
        await asyncio.sleep(SOON_S * 2)
        yield "last\n"

    await StreamingResponse(lines())(scope, receive, send)


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    config = uvicorn.Config(app, port=0, http=BoundedProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await server.shutdown()


@pytest.fixture
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", SOON_S)
    monkeypatch.setattr(connections, "REQUEST_WITHIN_S", SOON_S)


async def answer(address: Address, *parts: bytes) -> bytes:
    """Send these parts and return everything until the server ends the connection."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_head_without_end_is_refused_instead_of_kept(address: Address) -> None:
    line = b"X-More: " + b"a" * 8000 + b"\r\n"

    said = await answer(address, GET % b"", *[line] * (MAX_HEAD // len(line) + 2))

    assert said.startswith(b"HTTP/1.1 431 ")


async def test_a_body_is_no_part_of_the_head(address: Address) -> None:
    body = b"b" * (MAX_HEAD * 4)
    head = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)

    said = await answer(address, head, body[:1000], body[1000:])

    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(body)


@pytest.mark.usefixtures("_in_a_hurry")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        GET % b"",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nslow",
        GET % b"" + b"\r\n" + GET % b"",
    ],
    ids=["nothing", "half a head", "half a body", "half a second request"],
)
async def test_who_takes_too_long_over_a_request_is_cut_off(address: Address, sent: bytes) -> None:
    await answer(address, sent)  # ends only because the server ends it


@pytest.mark.usefixtures("_in_a_hurry")
async def test_a_reply_may_last_longer_than_a_request(address: Address) -> None:
    said = await answer(address, GET % b"stream" + b"Connection: close\r\n\r\n")

    assert b"last\n" in said


async def test_some_files_are_left_for_the_alarms(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "most", 2)
    held = [await asyncio.open_connection(*address) for _ in range(2)]

    assert await answer(address, GET % b"" + b"\r\n") == b""

    for _, writer in held:
        writer.close()
