"""Reads ahead of the MQTT library, which asks the socket for a byte, another byte and the rest, for each message.

Four system calls for each heartbeat, and after each the thread must get the interpreter back from the thread that
writes them down: that is what bounded the lane. So much is read at once, and the messages in it are taken out here, all
that are whole; the library sees to everything else: log-in, subscriptions, keep-alive, what we publish, and any packet
that is out of the ordinary.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt

AHEAD = 64 * 1024
LITTLE = 4 * 1024
PUBLISH = 0x30
MOST_DIGITS = 4
"""Of the length of a packet, in MQTT 3.1.1."""


class Published(NamedTuple):
    """One message at QoS 0 or 1 as it came; `mid` is 0 at QoS 0."""

    qos: int
    retained: bool
    mid: int
    topic: bytes
    payload: bytes


class ReadAhead:
    """A socket that reads much at once and gives it out in the pieces that are asked for.

    It makes room for twice of what came the last time. Room for the most takes 64 KiB in one piece, of which all is
    given back but what has come; what lives longer soon lies in between, and no such piece is left: the memory of a
    thread that has little to read grew by 0.15 MiB a minute, and of 3.7 MiB after twenty 0.2 were in use. One room that
    is kept does not grow either, but each heartbeat is copied once more, which costs a busy lane one in fifteen.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._held = b""
        self._given = 0

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes; BlockingIOError when none have come, b"" at the end."""
        if self._given == len(self._held):
            room = min(AHEAD, max(LITTLE, 2 * len(self._held)))
            self._held, self._given = self._sock.recv(max(size, room)), 0
        part: bytes = self._held[self._given : self._given + size]
        self._given += len(part)
        return part

    def pending(self) -> int:
        """Return how much has come and is not given out: by this the library knows that it need not wait."""
        deeper = getattr(self._sock, "pending", None)  # a TLS socket holds some, too
        return len(self._held) - self._given + (deeper() if deeper is not None else 0)

    def messages(self) -> list[Published]:
        """Take out the messages at the head of what has come, as far as they are whole and of QoS 0 or 1."""
        held, end, start = self._held, len(self._held), self._given
        found: list[Published] = []
        while start < end and held[start] & 0xF0 == PUBLISH:
            body = _body(held, start + 1, end)
            if body is None:
                break
            at, stop = body
            qos = held[start] >> 1 & 3
            topic_ends = at + 2 + int.from_bytes(held[at : at + 2], "big")
            begins = topic_ends + 2 if qos else topic_ends
            if qos > 1 or begins > stop:
                break  # the library says what is wrong with it
            mid = int.from_bytes(held[topic_ends:begins], "big")
            found.append(Published(qos, bool(held[start] & 1), mid, held[at + 2 : topic_ends], held[begins:stop]))
            start = stop
        self._given = start
        return found

    def __getattr__(self, name: str) -> Any:
        """Be the socket in all else."""
        return getattr(self._sock, name)


def _body(held: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Return where the body of a packet begins and ends, whose length stands at `at`; None when it is not all here."""
    length = 0
    for digit in range(MOST_DIGITS):
        if at == end:
            return None
        byte = held[at]
        at += 1
        length |= (byte & 127) << 7 * digit
        if byte < 128:  # noqa: PLR2004 - the last digit
            return (at, at + length) if at + length <= end else None
    return None


class Client(mqtt.Client):
    """The library's client, on such a socket; and with one write for many acknowledgements."""

    def read_ahead(self, take: Callable[[list[Published]], None]) -> None:
        """Take in what has come already, all of it: messages go to `take`, all else to the library."""
        while isinstance(sock := self.socket(), ReadAhead) and sock.pending():
            if not self._in_packet["command"] and (messages := sock.messages()):
                take(messages)
            elif self.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                return

    def ack_all(self, mids: list[int]) -> None:
        """Acknowledge messages of QoS 1: one write, where `ack` makes one for each."""
        packets = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)
        self._packet_queue(mqtt.PUBACK, packets, mids[-1], 1)

    def _create_socket(self) -> Any:
        return ReadAhead(super()._create_socket())
