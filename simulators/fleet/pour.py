"""Heartbeats of very many hubs from one process over a few sockets: as fast as the broker takes them, or at a rate.

For measuring what stands behind the broker. It speaks MQTT 3.1.1 by itself, and no more of it than it needs: a client
library would be slower than what it is to measure. It logs in as a gateway, which may publish for any hub; all messages
of one hub go over one connection, so they reach the broker in their order. Hubs are called `pour-000000`, `pour-000001`
and so on: nobody needs a list of a hundred thousand. The same seed gives the same words in the same order.

    python -m simulators.fleet.pour --mqtt mqtt://127.0.0.1:1883 --user gateway --hubs 100000 --count 200000

The password is taken from SIMULATOR_GATEWAY_PASSWORD. At the end one line of JSON says what was done.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from simulators.broker import Broker, topic
from simulators.process import epoch_now, say, stop_on_signals, stop_with_parent

PASSWORD_VARIABLE = "SIMULATOR_GATEWAY_PASSWORD"  # noqa: S105 - the name of a variable, not a password
CONNECTIONS = 4
BURST = 50
"""So many messages are written at once."""
MAX_UNANSWERED = 1000
"""On each connection; 65,535 is what MQTT could number."""
ANSWER_BYTES = 4
QOS_1 = 0x32
BEAT_S = 0.02
LAST_ANSWERS_S = 30.0


@dataclass(frozen=True)
class PourOptions:
    """What to publish: `count` messages in all, or for ever; `rate_per_s` of them a second, or as fast as it goes."""

    hubs: int = 1000
    count: int | None = None
    rate_per_s: float | None = None
    seed: int = 1
    connections: int = CONNECTIONS


@dataclass
class Poured:
    """What was done. `began` and `ended` are seconds since 1970; `answered` counts the broker's PUBACKs."""

    published: int = 0
    answered: int = 0
    began: float = 0.0
    ended: float = 0.0


def hub_name(number: int) -> str:
    """Return the hub id of hub number `number`."""
    return f"pour-{number:06d}"


class Words:
    """What these hubs say: each its own boot and battery, drawn from the seed; `seq` counts up."""

    def __init__(self, hubs: int, seed: int, epoch: str) -> None:
        dice = random.Random(f"{seed}/pour")
        self._turn = list(range(hubs))
        dice.shuffle(self._turn)
        self._batteries = [dice.randrange(40, 101) for _ in range(hubs)]
        self._signals = [dice.randrange(-110, -60) for _ in range(hubs)]
        self._seqs = [0] * hubs
        self._next = 0
        self._epoch = epoch

    def next(self, at: str) -> tuple[int, bytes]:
        """Return who speaks next, and the payload."""
        hub = self._turn[self._next]
        self._next = (self._next + 1) % len(self._turn)
        self._seqs[hub] += 1
        body = (
            f'{{"seq": {self._seqs[hub]}, "boot_id": "{self._epoch}-{hub}", "at": "{at}", "battery_pct": '
            f'{self._batteries[hub]}, "mains": true, "signal_dbm": {self._signals[hub]}, "path": "lte", '
            f'"firmware": "4.2.1", "interval_s": 300, "peripherals": [{{"id": "p1", "kind": "pendant"}}, '
            f'{{"id": "p2", "kind": "smoke"}}]}}'
        )
        return hub, body.encode()


class _Pipe(asyncio.Protocol):
    """One connection that only publishes."""

    def __init__(self, client_id: str, username: str, password: str) -> None:
        self.up = asyncio.Event()
        self.lost = asyncio.Event()
        self.answered = 0
        self.sent = 0
        self.transport: asyncio.Transport | None = None
        self._login = (client_id, username, password)
        self._held = b""
        self._mid = 0

    @property
    def room(self) -> int:
        """Return how many more messages may be under way."""
        if not self.up.is_set() or self.lost.is_set():
            return 0
        return MAX_UNANSWERED - (self.sent - self.answered)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in; the broker waits for nothing from us (keep-alive 0)."""
        self.transport = transport  # type: ignore[assignment]
        words = b"".join(_text(part.encode()) for part in self._login)
        body = _text(b"MQTT") + bytes([4, 0xC2, 0, 0]) + words
        transport.write(bytes([0x10]) + _length(len(body)) + body)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Count answers: after the CONNACK nothing else comes here, and each has the same length."""
        held = self._held + data
        whole, self._held = divmod(len(held), ANSWER_BYTES)[0], held[len(held) - len(held) % ANSWER_BYTES :]
        if whole and not self.up.is_set():
            if held[0] != 0x20 or held[3]:  # noqa: PLR2004 - a CONNACK, its return code
                self.lost.set()
                return
            self.up.set()
            whole -= 1
        self.answered += whole

    def connection_lost(self, _error: Exception | None) -> None:
        """Say so."""
        self.lost.set()

    def message(self, name: bytes, payload: bytes) -> bytes:
        """Return the packet of a message at QoS 1."""
        self._mid = self._mid % 65_535 + 1
        self.sent += 1
        body = _text(name) + self._mid.to_bytes(2, "big") + payload
        return bytes([QOS_1]) + _length(len(body)) + body


async def pour(broker: Broker, user: str, password: str, options: PourOptions, stop: asyncio.Event) -> Poured:
    """Publish until all is published and answered, or until `stop` is set; ConnectionError when a connection breaks."""
    loop = asyncio.get_running_loop()
    epoch = epoch_now()
    pipes: list[_Pipe] = []
    for number in range(options.connections):
        _, pipe = await loop.create_connection(
            lambda number=number: _Pipe(f"sim-pour-{epoch}-{number}", user, password),  # type: ignore[misc]
            broker.host,
            broker.port,
        )
        pipes.append(pipe)
    for pipe in pipes:
        gone, up = asyncio.create_task(pipe.lost.wait()), asyncio.create_task(pipe.up.wait())
        await asyncio.wait((gone, up), timeout=LAST_ANSWERS_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, up):
            task.cancel()
    done = Poured(began=time.time())
    try:
        await _publish(pipes, options, done, epoch, stop)
        await _until_answered(pipes, done)
    finally:
        done.answered = sum(pipe.answered for pipe in pipes)
        for pipe in pipes:
            if pipe.transport is not None:
                pipe.transport.close()
    return done


async def _publish(pipes: Sequence[_Pipe], options: PourOptions, done: Poured, epoch: str, stop: asyncio.Event) -> None:
    words = Words(options.hubs, options.seed, epoch)
    names = [topic(hub_name(hub), "heartbeat").encode() for hub in range(options.hubs)]
    began = time.monotonic()
    while not stop.is_set():
        _complain_of_lost(pipes)
        left = options.count - done.published if options.count is not None else BURST
        if options.rate_per_s is not None:
            left = min(left, int((time.monotonic() - began) * options.rate_per_s) - done.published)
        if left <= 0 and options.count == done.published:
            return
        burst = min(BURST, left, *(pipe.room for pipe in pipes))
        if burst <= 0:
            await asyncio.sleep(BEAT_S if left <= 0 else 0.001)
            continue
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        packets: list[list[bytes]] = [[] for _ in pipes]
        for _ in range(burst):
            hub, payload = words.next(at)
            way = hub % len(pipes)
            packets[way].append(pipes[way].message(names[hub], payload))
        for pipe, written in zip(pipes, packets, strict=True):
            if pipe.transport is not None and written:
                pipe.transport.write(b"".join(written))
        done.published += burst
        await asyncio.sleep(0)


async def _until_answered(pipes: Sequence[_Pipe], done: Poured) -> None:
    until = time.monotonic() + LAST_ANSWERS_S
    while sum(pipe.answered for pipe in pipes) < done.published and time.monotonic() < until:
        _complain_of_lost(pipes)
        await asyncio.sleep(0.001)
    done.ended = time.time()


def _complain_of_lost(pipes: Sequence[_Pipe]) -> None:
    if any(pipe.lost.is_set() for pipe in pipes):
        raise ConnectionError("the broker refused or dropped a connection")


def _text(words: bytes) -> bytes:
    return len(words).to_bytes(2, "big") + words


def _length(count: int) -> bytes:
    digits = bytearray()
    while True:
        count, digit = divmod(count, 128)
        digits.append(digit | (128 if count else 0))
        if not count:
            return bytes(digits)


async def _run(broker: Broker, user: str, options: PourOptions, *, parent_pipe: bool) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if parent_pipe:
        stop_with_parent(stop)
    done = await pour(broker, user, os.environ.get(PASSWORD_VARIABLE, ""), options, stop)
    say(json.dumps(asdict(done)))
    return 0 if done.answered == done.published else 1


def main() -> int:
    """Read the arguments, pour, return the exit code: 0 when the broker has answered every message."""
    parser = argparse.ArgumentParser(prog="python -m simulators.fleet.pour", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--mqtt", required=True, help="mqtt://host:port")
    parser.add_argument("--user", required=True, help="an account that may publish for any hub")
    parser.add_argument("--hubs", type=int, default=1000)
    parser.add_argument("--count", type=int, help="messages in all; without it until it is stopped")
    parser.add_argument("--rate", type=float, help="messages a second; without it as fast as the broker answers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input ends")
    asked = parser.parse_args()
    options = PourOptions(asked.hubs, asked.count, asked.rate, asked.seed, asked.connections)
    return asyncio.run(_run(Broker.parse(asked.mqtt), asked.user, options, parent_pipe=asked.parent_pipe))


if __name__ == "__main__":
    sys.exit(main())
