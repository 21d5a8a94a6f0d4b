"""How long an alarm takes: from a hub's publish to the ack after the commit, to the board, and on to a provider.

Once while the system is idle and once under heartbeats, in one run; beside them what broker and database alone need.
Hubs have their own connections, alarms come at random moments, and each is a new alarm of another home.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from devices.registry.seed import SeededHub
from simulators.broker import Broker
from simulators.fleet.__main__ import PASSWORD_VARIABLE
from simulators.fleet.fleet import Fleet, Manner
from simulators.fleet.roster import Member
from simulators.hub.client import Fact
from simulators.hub.model import HubConfig
from simulators.process import epoch_now
from simulators.provider.sink import WebhookSink
from telecare.bench.bare import broker_hops, transactions
from telecare.bench.figures import Figures, figures
from telecare.bench.watch import Moments, browser, painted, streams
from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab
from telecare.embedded.people import USERS
from telecare.embedded.secrets import write_private
from telecare.kernel.db import Database
from telecare.kernel.errors import UnavailableError

WARM_UP = 5
SETTLED_WITHIN_S = 60.0
LOAD_SETTLES_S = 3.0
STORM_S = 60.0
ESCALATED = 20
CONDITIONS = {"load": "Under load", "saturation": "At saturation", "storm": "In the storm"}
"""`load`: so many heartbeats a second. `saturation`: as many as the broker takes. `storm`: all other hubs lose mains
and link and come back, within a minute."""
FIRST, SECOND = "the second ring group", "the supervisor"
"""The steps of the ladder that are asked for; the supervisor is the one that a provider hears of."""
PAST = ("the partner control room", "the duty manager", "the operators' queue and the")
SHOWN_WITHIN_S = 30.0
DRAINED_WITHIN_S = 240.0
LOOKS_EACH_S = 2.0
NEVER_S = 1e9
"""An interval within which no heartbeat falls into the measurement: the load is made apart."""


@dataclass(frozen=True)
class AlarmOptions:
    """`alarms` in each phase, `per_s` of them a second on average; heartbeats a second and consoles in the second."""

    alarms: int = 100
    per_s: float = 4.0
    heartbeats_per_s: float = 2000.0
    consoles: int = 20
    seed: int = 1
    under: Sequence[str] = ("load",)
    """What the alarms are raised under, beside an idle system: some of CONDITIONS."""


@dataclass
class Phase:
    """What was measured under one condition; delays in seconds."""

    name: str
    heartbeats_per_s: float = 0.0
    ack: list[float] = field(default_factory=list)
    board: list[float] = field(default_factory=list)
    paint: list[float] = field(default_factory=list)
    provider: list[float] = field(default_factory=list)
    unseen: tuple[int, int] = (0, 0)
    """Alarms that stream and browser had not within 30 s."""
    stormed: int = 0
    """Hubs that lost mains and link meanwhile."""
    moved_on: int = 0
    """Alarms whose ladder had gone on by itself before it was asked to: then there is nothing to time."""

    def table(self) -> dict[str, Figures | None]:
        """Return the rows of the report."""
        return {
            "publish → commit → ack at the hub": figures(self.ack),
            "publish → board (event stream)": figures(self.board),
            "publish → board (painted by a browser)": figures(self.paint),
            "operator's “next step” → provider": figures(self.provider),
        }


@dataclass
class AlarmReport:
    """All phases and the floor under them."""

    broker: str
    consoles: int
    hop: list[float] = field(default_factory=list)
    transaction: list[float] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)

    def ratio(self) -> float | None:
        """Return the ack's p50, idle, over that of a bare broker round trip plus one bare transaction."""
        hop, transaction, ack = figures(self.hop), figures(self.transaction), figures(self.phases[0].ack)
        return ack.p50 / (2 * hop.p50 + transaction.p50) if hop and transaction and ack else None

    def lines(self) -> list[str]:
        """Return the report in words."""
        lines = [f"broker: {self.broker}; consoles: {self.consoles}; milliseconds:      p50      p99  longest   n", ""]
        lines += [_row("bare broker, one hop", figures(self.hop))]
        lines += [_row("bare transaction of the same rows", figures(self.transaction))]
        for phase in self.phases:
            storm = f", of {phase.stormed:,} hubs" if phase.stormed else ""
            lines += ["", f"{phase.name}{storm} ({phase.heartbeats_per_s:.0f} heartbeats/s made durable)"]
            lines += [_row(words, found) for words, found in phase.table().items()]
            if phase.moved_on:
                lines.append(f"  {phase.moved_on} alarms could not be asked for the next step: they were past it")
            if any(phase.unseen):
                lines.append(f"  not seen: {phase.unseen[0]} in the stream, {phase.unseen[1]} in the browser")
        ratio = self.ratio()
        if ratio is not None:
            lines += ["", f"ack p50, idle = {ratio:.1f} times (bare round trip + bare transaction)"]
        return lines

    def values(self) -> dict[str, object]:
        """Return the report for programs; delays in milliseconds."""
        return {
            "broker": self.broker,
            "consoles": self.consoles,
            "bare_hop": figures(self.hop),
            "bare_transaction": figures(self.transaction),
            "ack_ratio": self.ratio(),
            "phases": [
                {
                    "name": phase.name,
                    "heartbeats_per_s": phase.heartbeats_per_s,
                    "stormed": phase.stormed,
                    **phase.table(),
                }
                for phase in self.phases
            ],
        }


class Presses:
    """Presses pendants, each of another hub, and knows when each left and was acked."""

    def __init__(self, broker: Broker, members: Sequence[Member], manner: Manner, chance: random.Random) -> None:
        self.fleet = Fleet(broker, members, manner, self._record)
        self.sent: Moments = {}
        self.acked: Moments = {}
        self.alarm_of: dict[str, str] = {}
        self._chance = chance
        self._next = 0

    async def press(self, count: int, per_s: float) -> set[str]:
        """Press `count` pendants and wait for their acks; return the keys of these events."""
        before = set(self.acked)
        first, self._next = self._next, self._next + count
        for hub in range(first, self._next):
            self.fleet.press(hub, "pendant")
            await asyncio.sleep(self._chance.expovariate(per_s))
        try:
            async with asyncio.timeout(SETTLED_WITHIN_S):
                await asyncio.gather(*(self.fleet.hubs[hub].settled() for hub in range(first, self._next)))
        except TimeoutError as error:
            acked = len(set(self.acked) - before)
            words = f"{acked} of {count} alarms had their ack within {SETTLED_WITHIN_S:.0f} s after the last press"
            raise UnavailableError(f"{words}: fewer at once (--per-s), or on a machine that is less busy") from error
        return set(self.acked) - before

    def _record(self, fact: Fact) -> None:
        key = f"{fact.hub_id}/{fact.event_id}"
        if fact.what == "sent":
            self.sent.setdefault(key, fact.t)
        elif fact.what == "acked" and fact.alarm_id is not None:
            self.acked.setdefault(key, fact.t)
            self.alarm_of[key] = fact.alarm_id


async def alarm_run(lab: Lab, options: AlarmOptions, broker: str, say: Callable[[str], None]) -> AlarmReport:
    """Run on a started lab without other load; the report says what was found."""
    report = AlarmReport(broker, options.consoles)
    needed = WARM_UP + (1 + len(options.under)) * options.alarms + 1
    if len(lab.hubs) < needed:
        raise ValueError(f"{needed} hubs that speak MQTT are needed, there are {len(lab.hubs)}: take more homes")
    chance = random.Random(options.seed)  # noqa: S311 - the same moments in each run
    config = HubConfig("", pre_alarm_s=0.0, seed=options.seed, epoch=epoch_now())
    members = [_member(hub) for hub in lab.hubs[1:needed]]
    presses = Presses(Broker.parse(lab.mqtt_url), members, Manner(config, NEVER_S), chance)
    say(f"Connecting {len(members)} hubs, {options.consoles} consoles and a browser …")
    username = USERS[0][0]
    async with (
        WebhookSink() as hook,
        streams(lab.url, lab.secrets.api_token, options.consoles) as told,
        browser(lab.url, username, lab.secrets.operator_password) as page,
        presses.fleet as fleet,
    ):
        await _put_supervisor(lab, hook.url)
        await fleet.connected()
        warm = await presses.press(WARM_UP, options.per_s)
        say("Broker and database alone …")

        async def pause() -> None:
            await asyncio.sleep(chance.expovariate(options.per_s))

        report.hop = await broker_hops(lab, options.alarms, pause)
        report.transaction = await transactions(lab, UUID(presses.alarm_of[min(warm)]), options.alarms, pause)
        for condition in ("", *options.under):
            name = CONDITIONS.get(condition, "Idle")
            say(f"{name}: {options.alarms} alarms …")
            async with _beside(lab, condition, options, lab.hubs[needed:]):
                before, began = await _durable(lab), time.monotonic()
                keys = await presses.press(options.alarms, options.per_s)
                phase = Phase(name, (await _durable(lab) - before) / (time.monotonic() - began))
                phase.stormed = len(lab.hubs[needed:]) if condition == "storm" else 0
                # The latest: their ladders have not gone on by themselves yet.
                latest = sorted(keys, key=presses.sent.__getitem__)[-ESCALATED:]
                asked = [presses.alarm_of[key] for key in latest]
                phase.provider = await _to_provider(lab, hook, asked)
                phase.moved_on = len(asked) - len(phase.provider)
            await _drained(lab, say)
            ids = {presses.alarm_of[key] for key in keys}
            shown = await _shown(page, told, ids)
            phase.unseen = len(ids - told.keys()), 0 if page is None else len(ids - shown.keys())
            for key in keys:
                left, alarm_id = presses.sent[key], presses.alarm_of[key]
                phase.ack.append(presses.acked[key] - left)
                phase.board += [told[alarm_id] - left] if alarm_id in told else []
                phase.paint += [shown[alarm_id] - left] if alarm_id in shown else []
            report.phases.append(phase)
    return report


def _member(hub: SeededHub) -> Member:
    return Member(hub.hub_id, hub.hub_id, hub.password)


async def _put_supervisor(lab: Lab, url: str) -> None:
    """Put the measuring webhook behind the supervisor."""
    database = Database(lab.settings())
    try:
        async with database.transaction() as session:
            points = ContactPointRepository(session)
            await points.create(None, ContactTarget.SUPERVISOR, Channel.WEBHOOK, url, "Bench")
    finally:
        await database.dispose()


async def _to_provider(lab: Lab, hook: WebhookSink, alarm_ids: Sequence[str]) -> list[float]:
    """Return how long it takes from an operator's “next step now” until the provider has the message, in seconds.

    Without those whose ladder went on by itself meanwhile: on a slow machine half a minute is soon over.
    """
    took: list[float] = []
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    async with httpx.AsyncClient(base_url=lab.url, headers=headers, trust_env=False, timeout=10) as client:
        for alarm_id in alarm_ids:
            with contextlib.suppress(TimeoutError, httpx.TimeoutException):
                async with asyncio.timeout(SETTLED_WITHIN_S):
                    await _escalate_when(client, alarm_id, FIRST, (SECOND, *PAST))
                    left = await _escalate_when(client, alarm_id, SECOND, PAST)
                    if left is not None:
                        took.append(await _heard(hook, alarm_id) - left)
    return took


async def _escalate_when(
    client: httpx.AsyncClient, alarm_id: str, next_step: str, past: tuple[str, ...]
) -> float | None:
    """Ask for the next step as soon as it is this one; return when it was asked for, None when it is past."""
    address = f"/api/v1/alarms/{alarm_id}"
    while True:
        alarm = (await client.get(address)).json()
        following = alarm["next_step"] or ""
        if following.startswith(past):
            return None
        if following.startswith(next_step):
            left = time.time()
            reply = await client.post(f"{address}/escalate", json={"as_of": alarm["version"]})
            if reply.status_code == httpx.codes.OK:
                return left
        await asyncio.sleep(0.005)


async def _shown(page: Any, told: Moments, alarm_ids: set[str]) -> Moments:
    """Wait until stream and browser have all of these, but not for ever; return when the browser had painted each."""
    begun = time.monotonic()
    while True:
        shown = await painted(page)
        missing = alarm_ids - told.keys() | (set() if page is None else alarm_ids - shown.keys())
        if not missing or time.monotonic() - begun > SHOWN_WITHIN_S:
            return shown
        await asyncio.sleep(0.1)


async def _heard(hook: WebhookSink, alarm_id: str) -> float:
    """Wait until the webhook has a message about an alarm; return when it came."""
    seen = 0
    while True:
        requests = hook.requests
        for request in requests[seen:]:
            if request.json()["alarm_id"] == alarm_id:
                return request.at
        seen = len(requests)
        await hook.wait_for(seen + 1, SETTLED_WITHIN_S)


async def _durable(lab: Lab) -> float:
    """Return how many heartbeats the service has committed so far, by its own count."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        text = (await client.get(f"{lab.url}/metrics")).text
    wanted = 'telecare_messages_total{lane="heartbeat",status="accepted"}'
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(wanted)), 0.0)


async def _drained(lab: Lab, say: Callable[[str], None]) -> None:
    """Wait until what the broker has kept meanwhile is written, or the next phase would be measured under it."""
    begun, before = time.monotonic(), await _durable(lab)
    while time.monotonic() - begun < DRAINED_WITHIN_S:
        await asyncio.sleep(LOOKS_EACH_S)
        before, last = await _durable(lab), before
        if before - last < LOOKS_EACH_S:  # hubs of the lab may still say a word
            return
    say(
        f"After {DRAINED_WITHIN_S:.0f} s the broker still has heartbeats of this phase: the next one is under them too."
    )


@asynccontextmanager
async def _beside(lab: Lab, condition: str, options: AlarmOptions, others: Sequence[SeededHub]) -> AsyncIterator[None]:
    """Have this go on while the block lasts; nothing for an empty condition."""
    if not condition:
        yield
        return
    gateway = ["--mqtt", lab.mqtt_url, "--parent-pipe"]
    if condition == "saturation":
        command = ["simulators.fleet.pour", *gateway, "--user", GATEWAY_ACCOUNT, "--hubs", str(len(lab.hubs))]
    else:
        hubs = others if condition == "storm" else lab.hubs
        roster = lab.folder / f"bench-{condition}.json"
        write_private(roster, json.dumps({"hubs": [hub.for_simulator() for hub in hubs]}))
        command = ["simulators.fleet", *gateway, "--file", str(roster), "--progress-s", "0"]
        if condition == "storm":
            command += ["--profile", "storm", "--duration", str(STORM_S), "--seed", str(options.seed)]
        else:
            rate = str(options.heartbeats_per_s)
            command += ["--profile", "heartbeat", "--rate", rate, "--gateway-user", GATEWAY_ACCOUNT]
    environment = {**os.environ, PASSWORD_VARIABLE: lab.secrets.gateway_password}
    with (lab.folder / "bench-fleet.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, env=environment, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
        )
    try:
        await asyncio.sleep(LOAD_SETTLES_S)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # a storm may be over
            process.terminate()
        await process.wait()


def _row(words: str, found: Figures | None) -> str:
    return f"  {words:<42} {found if found is not None else '   not measured'}"
