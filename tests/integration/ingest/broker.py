"""A broker that does what a test tells it: it knows the few packets that a lane sends, and answers on command."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 14
LIMIT_S = 10.0


@dataclass(frozen=True)
class Packet:
    """A packet as it came; `kind` is its number in MQTT 3.1.1, `body` what follows the fixed header."""

    kind: int
    body: bytes

    @property
    def mid(self) -> int:
        return int.from_bytes(self.body[:2], "big")


@dataclass(eq=False)
class Connection:
    """One connection of the lane."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    packets: list[Packet] = field(default_factory=list)
    mids: int = 0

    async def receive(self) -> Packet:
        """Read the next packet; IncompleteReadError at the end."""
        kind = (await self.reader.readexactly(1))[0] >> 4
        length, shift = 0, 0
        while True:
            digit = (await self.reader.readexactly(1))[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        packet = Packet(kind, await self.reader.readexactly(length))
        self.packets.append(packet)
        return packet

    async def expect(self, kind: int) -> Packet:
        """Read packets until one of this kind."""
        async with asyncio.timeout(LIMIT_S):
            while (packet := await self.receive()).kind != kind:
                pass
            return packet

    async def send(self, kind: int, body: bytes, flags: int = 0) -> None:
        length, digits = len(body), bytearray()
        while True:
            length, digit = divmod(length, 128)
            digits.append(digit | (128 if length else 0))
            if not length:
                break
        self.writer.write(bytes([kind << 4 | flags, *digits]) + body)
        await self.writer.drain()

    async def accept(self, granted: int = 1) -> None:
        """Answer the log-in and the subscription."""
        await self.expect(CONNECT)
        await self.send(CONNACK, b"\x00\x00")
        subscribe = await self.expect(SUBSCRIBE)
        await self.send(SUBACK, subscribe.body[:2] + bytes([granted]))

    async def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self.mids += 1
        name = topic.encode()
        head = len(name).to_bytes(2, "big") + name + (self.mids.to_bytes(2, "big") if qos else b"")
        await self.send(PUBLISH, head + payload, qos << 1)


class ScriptedBroker:
    """`async with ScriptedBroker() as broker:` then `await broker.connection()` for each connection of the lane."""

    async def __aenter__(self) -> Self:
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()
        self._all: list[Connection] = []
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._all:
            connection.writer.close()
        await self._server.wait_closed()

    async def connection(self) -> Connection:
        return await asyncio.wait_for(self._connections.get(), LIMIT_S)

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self._all.append(connection)
        self._connections.put_nowait(connection)
