"""One run of a fleet from start to exit code: what the command line and a parent process ask for."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulators.broker import Broker
from simulators.fleet.delays import Delays
from simulators.fleet.fleet import Fleet, Manner
from simulators.fleet.gateway import Gateway
from simulators.fleet.incidents import Incidents, IncidentsError, Service
from simulators.fleet.ledger import LedgerFile
from simulators.fleet.plan import PROFILES, PlannedStep, plan
from simulators.fleet.result import Observed, words
from simulators.fleet.roster import Member
from simulators.fleet.storms.kinds import STORIES, StormKind
from simulators.fleet.storms.story import PENDANTS, Ask, Story
from simulators.hub.client import Counts, Fact
from simulators.hub.link import Login
from simulators.hub.model import HubConfig
from simulators.process import allow_many_sockets, complain, epoch_now, stop_on_signals, stop_with_parent

PROFILE_NAMES = (*PROFILES, "storm")
GIVE_UP_S = 15.0
"""After so long without any hub connected, the address or the passwords are wrong, not the moment."""
FOR_EVER = 2**31
"""A number of retries that no run reaches."""


@dataclass(frozen=True)
class FleetOptions:
    """What a run may be asked for; None leaves it to the profile (or the roster). Durations in seconds.

    `rate` is the total of heartbeats a second in profile `heartbeat`. `grace_s` is how long the hubs may go on
    repeating after `duration_s` before the run counts as failed. `parent_pipe`: end when standard input ends, and not
    because nobody can connect. `storm`, `pendants`, `calm_s` and `service`, which is asked in the end for the incidents
    that it opened, are the storm's. `as_json` gives the result, and nothing else, to `say`.
    """

    profile: str = "demo"
    seed: int = 1
    ledger: Path | None = None
    duration_s: float | None = None
    grace_s: float = 60.0
    alarms_per_minute: float | None = None
    faults_per_minute: float | None = None
    max_outage_s: float | None = None
    pre_alarm_s: float | None = None
    retry_s: float | None = None
    rate: float | None = None
    gateway_user: str | None = None
    gateway_password: str | None = None
    parent_pipe: bool = False
    progress_s: float = 5.0
    storm: StormKind = StormKind.WHOLE
    pendants: int = PENDANTS
    calm_s: float = 0.0
    service: Service | None = None
    as_json: bool = False


async def run(broker: Broker, members: list[Member], options: FleetOptions, say: Callable[[str], None]) -> int:
    """Run until the duration is over, a signal comes or the parent goes; the exit code says how it ended.

    0: every event that was raised is acked, or the run was open-ended and was stopped. 1: some are not acked, or no hub
    could connect. 2: the ledger cannot be written, the fleet file does not say what the storm goes by, or the service
    does not tell its incidents.
    """
    allow_many_sockets()
    stop = asyncio.Event()
    stop_on_signals(stop)
    if options.parent_pipe:
        stop_with_parent(stop)
    base = base_config(options)
    if options.profile == "heartbeat" and options.gateway_user:
        return await _run_gateway(broker, members, options, base, stop, say)
    incidents = Incidents(options.service) if options.service else None
    try:
        observed = Observed(Delays("pendant"), _story(members, options), incidents)
        if incidents is not None:
            await incidents.begin()
    except (ValueError, IncidentsError) as error:
        complain(str(error))
        return 2
    with contextlib.ExitStack() as stack:
        try:
            ledger = stack.enter_context(LedgerFile(options.ledger)) if options.ledger else None
        except OSError as error:
            complain(f"The ledger {options.ledger} cannot be written: {error.strerror}")
            return 2

        def record(fact: Fact) -> None:
            if ledger is not None:
                ledger.write(fact)
            observed.delays.note(fact)

        interval_s = len(members) / options.rate if options.rate else None
        if observed.story is not None:
            base = replace(base, time_scale=observed.story.time_scale)
        manner = Manner(base, interval_s, habits=options.profile == "demo")
        async with Fleet(broker, members, manner, record) as fleet:
            return await _run_fleet(fleet, members, options, stop, say, observed)


async def _run_fleet(
    fleet: Fleet,
    members: list[Member],
    options: FleetOptions,
    stop: asyncio.Event,
    say: Callable[[str], None],
    observed: Observed,
) -> int:
    story = observed.story
    steps = story.steps if story else _steps(members, options)
    ends = story is not None or options.duration_s is not None
    counts, begun = fleet.counts, time.monotonic()
    chat = complain if options.as_json else say

    async def run_through() -> bool:
        if ends:  # a measured run starts when all are there; a demo shows life at once
            with contextlib.suppress(TimeoutError):  # hubs that cannot connect show in the result
                await asyncio.wait_for(fleet.connected(), options.grace_s)
            chat(f"{counts.connected} of {len(members)} hubs connected in {time.monotonic() - begun:.1f} s")
        if options.calm_s:
            observed.delays.split_at = time.time() + options.calm_s
        await fleet.play(steps, options.duration_s or 0.0)
        if not ends:
            await stop.wait()
        return await fleet.settled(options.grace_s, observed.left)

    watches = [_progress(counts, len(members), options.progress_s, chat)]
    if not options.parent_pipe:
        watches.append(_give_up(counts, stop))
    finished, settled = await _until(stop, run_through(), *watches)
    if not counts.connections and counts.refusal:
        complain(f"No hub could connect to {fleet.address}: {counts.refusal}")
        return 1
    result = await observed.result(fleet)
    for line in [json.dumps(result)] if options.as_json else words(result):
        say(line)
    if finished:
        return 0 if settled else 1
    return 1 if ends and result["waiting"] else 0


async def _run_gateway(
    broker: Broker,
    members: list[Member],
    options: FleetOptions,
    base: HubConfig,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> int:
    login = Login("sim-gateway", options.gateway_user, options.gateway_password)
    gateway = Gateway(broker, login, members, base)
    rate = options.rate or sum(1.0 / member.interval_s for member in members)

    async def story() -> bool:
        await gateway.run(rate, options.duration_s)
        return True

    begun = time.monotonic()
    await _until(stop, story(), _progress(gateway.counts, 0, options.progress_s, say))
    took = time.monotonic() - begun
    counts = gateway.counts
    say(f"heartbeats published {counts.heartbeats}  answered by the broker {counts.sent}  in {took:.1f} s")
    return 0


async def _until(
    stop: asyncio.Event, story: Coroutine[Any, Any, bool], *beside: Coroutine[Any, Any, None]
) -> tuple[bool, bool]:
    """Run a story until it ends or `stop` is set; return whether it ended by itself, and what it said then."""
    told, stopped = asyncio.create_task(story), asyncio.create_task(stop.wait())
    watching = [asyncio.create_task(watch) for watch in beside]
    await asyncio.wait((told, stopped), return_when=asyncio.FIRST_COMPLETED)
    finished = told.done()
    for task in (told, stopped, *watching):
        task.cancel()
    await asyncio.gather(stopped, *watching, return_exceptions=True)
    with contextlib.suppress(asyncio.CancelledError):
        return finished, await told
    return False, False


async def _give_up(counts: Counts, stop: asyncio.Event) -> None:
    """End a run in which nobody has been able to connect."""
    await asyncio.sleep(GIVE_UP_S)
    if not counts.connections:
        stop.set()


async def _progress(counts: Counts, hubs: int, every_s: float, say: Callable[[str], None]) -> None:
    """Say in one line every few seconds how the fleet fares."""
    before = 0
    while every_s > 0:
        await asyncio.sleep(every_s)
        rate = (counts.heartbeats - before) / every_s
        before = counts.heartbeats
        of = f"/{hubs}" if hubs else ""
        why = f"  ({counts.refusal})" if counts.refusal and not counts.connected else ""
        say(
            f"connected {counts.connected}{of}  heartbeats {rate:.1f}/s  "
            f"raised {counts.raised}  acked {counts.acked}  waiting {counts.raised - counts.acked}{why}"
        )


def _story(members: list[Member], options: FleetOptions) -> Story | None:
    """Return the story of a storm; None for another profile. ValueError when the roster lacks what it goes by."""
    if options.profile != "storm":
        return None
    ask = Ask(options.seed, options.pendants, options.calm_s, options.duration_s or 60.0)
    return STORIES[options.storm](members, ask)


def _steps(members: list[Member], options: FleetOptions) -> Iterable[PlannedStep]:
    """Return what is to happen."""
    profile = PROFILES[options.profile]
    changes = {
        name: value
        for name in ("alarms_per_minute", "faults_per_minute", "max_outage_s")
        if (value := getattr(options, name)) is not None
    }
    profile = replace(profile, **changes)
    return plan(profile, members, options.seed, options.duration_s)


def base_config(options: FleetOptions) -> HubConfig:
    """Return how each hub of the run behaves; a crash run repeats soon and for ever.

    A storm repeats as real hubs do: a thousand that repeat each second are a storm of the simulator's own making.
    """
    base = HubConfig(hub_id="", seed=options.seed, epoch=epoch_now())
    if options.profile in {"crash", "storm"}:
        base = replace(base, pre_alarm_s=0.0)
    if options.profile == "crash":
        base = replace(base, retry_s=1.5, retry_soon_s=0.5, fast_retries=FOR_EVER)
    if options.pre_alarm_s is not None:
        base = replace(base, pre_alarm_s=options.pre_alarm_s)
    if options.retry_s is not None:
        base = replace(base, retry_s=options.retry_s)
    return base
