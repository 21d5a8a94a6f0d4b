"""One hub on the wire: the pure behaviour joined to a connection, a timer and a ledger."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from simulators.broker import Broker, topic
from simulators.hub.behaviour import new_hub, next_due, step
from simulators.hub.happenings import (
    AckReceived,
    CommandReceived,
    Connected,
    Disconnected,
    HubInput,
    HubOutput,
    Note,
    Publish,
    PublishRaw,
    Restart,
    Tick,
)
from simulators.hub.link import Link, Login, Will
from simulators.hub.model import HubConfig, HubState

ONLINE, OFFLINE = b"online", b"offline"
LAST_WORDS_S, BOOT_S = 0.1, 1.0


@dataclass(frozen=True)
class Fact:
    """One line of what happened to an event: `what` is raised, sent, acked or cancelled; `t` in seconds since 1970."""

    t: float
    hub_id: str
    event_id: str | None
    type: str
    what: str
    attempt: int | None = None
    status: str | None = None
    alarm_id: str | None = None


@dataclass
class Counts:
    """What a hub, or a fleet that shares one, has done so far."""

    connected: int = 0
    connections: int = 0
    heartbeats: int = 0
    raised: int = 0
    sent: int = 0
    acked: int = 0
    refusal: str | None = None
    """Why the last connection that did not come about did not."""


class HubClient:
    """A hub with its own MQTT session. `login.username` is the hub id by contract.

    `online` is set while the hub is connected, `denied` once the broker has said no to it. `record` gets each fact
    before its message leaves, so that a ledger never misses what the service may have seen. `say` gets words for a
    person who watches this hub.
    """

    def __init__(
        self,
        config: HubConfig,
        broker: Broker,
        login: Login,
        pool: Executor,
        *,
        counts: Counts | None = None,
        record: Callable[[Fact], None] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config
        self.state: HubState = new_hub(config, time.time())
        self.counts = counts or Counts()
        self._record = record
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._started = time.time() - self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.online = asyncio.Event()
        self.denied = asyncio.Event()
        self._settled = asyncio.Event()
        hub_id = config.hub_id
        self.link = Link(
            broker,
            login,
            self,
            pool,
            subscriptions=(topic(hub_id, "ack"), topic(hub_id, "command")),
            will=Will(topic(hub_id, "status"), OFFLINE),
            chance=random.Random(f"{config.seed}/{hub_id}/link"),
        )

    def start(self) -> None:
        """Begin to connect and to live."""
        self._task = asyncio.create_task(self.link.run())
        self._set_timer()

    async def stop(self) -> None:
        """Go offline with a goodbye."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.link.publish(topic(self.config.hub_id, "status"), OFFLINE, retain=True)
        await self.link.close()
        if self._timer is not None:
            self._timer.cancel()

    def now(self) -> float:
        """Return true time in seconds since 1970 that never jumps while the process runs."""
        return self._started + self._loop.time()

    def feed(self, happening: HubInput) -> None:
        """Let something happen to the hub, and do what follows."""
        self.state, outputs = step(self.config, self.state, happening, self.now())
        for output in outputs:
            self._perform(output)
        if self.state.pending or self.state.held:
            self._settled.clear()
        else:
            self._settled.set()
        self._set_timer()

    async def settled(self) -> None:
        """Wait until no press is in its pre-alarm and no event waits for an ack."""
        if self.state.pending or self.state.held:
            self._settled.clear()
            await self._settled.wait()

    def on_up(self) -> None:
        """Say that we are online, then send what waited."""
        self._count(up=True)
        self.counts.connections += 1
        self._tell("connected")
        self.link.publish(topic(self.config.hub_id, "status"), ONLINE, retain=True)
        self.feed(Connected())

    def on_down(self, reason: str) -> None:
        """Hold back from now on what is to be sent."""
        self._tell(reason)
        self._count(up=False)
        self.feed(Disconnected())

    def on_refused(self, reason: str, *, denied: bool) -> None:
        """Tell whoever watches."""
        self.counts.refusal = reason
        if denied:
            self.denied.set()
        self._tell(reason)

    def on_message(self, address: str, payload: bytes) -> None:
        """Read an ack or a command; what a hub cannot read it ignores, and so repeats its alarm."""
        body = _read(payload)
        if address.endswith("/ack"):
            event_id = body.get("event_id")
            if isinstance(event_id, str):
                alarm_id = body.get("alarm_id")
                status = str(body.get("status"))
                self._tell(f"ack {event_id}: {status}")
                self.feed(AckReceived(event_id, status, str(alarm_id) if alarm_id is not None else None))
        elif address.endswith("/command"):
            self._tell(f"command {body.get('command')}")
            self.feed(CommandReceived(body))

    def _perform(self, output: HubOutput) -> None:
        match output:
            case Publish():
                if output.event_id is not None:
                    self.counts.sent += 1
                    self._note(str(output.body["type"]), "sent", output.event_id, attempt=output.attempt)
                    self._tell(f"sent {output.body['type']} {output.event_id}, attempt {output.attempt}")
                elif output.lane == "heartbeat":
                    self.counts.heartbeats += 1
                self.link.publish(topic(self.config.hub_id, output.lane), json.dumps(output.body).encode())
            case PublishRaw():
                self.link.publish(topic(self.config.hub_id, output.lane), output.payload)
            case Note():
                self.counts.raised += output.what == "raised"
                self.counts.acked += output.what == "acked"
                self._note(output.type, output.what, output.event_id, status=output.status, alarm_id=output.alarm_id)
                self._tell(f"{output.what} {output.type} {output.event_id or ''}".rstrip())
            case Restart():
                self._restart(output)

    def _restart(self, restart: Restart) -> None:
        self._tell("restarts" if restart.back else "battery empty")
        self._count(up=False)
        # What was said just before (a command's result) still leaves.
        self._loop.call_later(LAST_WORDS_S, self.link.forbid, "power")
        if restart.back:
            self._loop.call_later(LAST_WORDS_S + BOOT_S, self.link.allow, "power")

    def _count(self, *, up: bool) -> None:
        self.counts.connected += up - self.online.is_set()
        if up:
            self.online.set()
        else:
            self.online.clear()

    def _note(
        self,
        type_: str,
        what: str,
        event_id: str | None,
        *,
        attempt: int | None = None,
        status: str | None = None,
        alarm_id: str | None = None,
    ) -> None:
        if self._record is not None:
            self._record(Fact(self.now(), self.config.hub_id, event_id, type_, what, attempt, status, alarm_id))

    def _tell(self, words: str) -> None:
        if self._say is not None:
            self._say(words)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = next_due(self.config, self.state)
        if due != float("inf"):
            self._timer = self._loop.call_at(due - self._started, self.feed, Tick())


def _read(payload: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(payload)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
