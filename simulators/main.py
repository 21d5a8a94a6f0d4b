"""Plain functions for a command line: run a hub, a fleet, operators. They block, print, and return an exit code."""

import asyncio
import json
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from simulators.broker import Broker
from simulators.fleet.ledger import fold
from simulators.fleet.roster import load
from simulators.fleet.run import FleetOptions, run
from simulators.hub.client import Fact, HubClient
from simulators.hub.happenings import Press
from simulators.hub.link import Login
from simulators.hub.model import HubConfig
from simulators.operator.run import OperatorOptions, load_tokens
from simulators.operator.run import run as work
from simulators.process import complain, epoch_now, say, stop_on_signals

CONNECT_S = 15.0
"""How long one hub tries to reach a broker that it has never reached."""


def run_fleet(
    fleet_file: Path,
    mqtt_url: str,
    options: FleetOptions | None = None,
    *,
    ca_file: str | None = None,
    hubs: int | None = None,
    tell: Callable[[str], None] = say,
    warn: Callable[[str], None] = complain,
) -> int:
    """Run a fleet, or its first `hubs`, until its duration is over or SIGINT or SIGTERM comes.

    Exit code 0: well; 1: some events were never acked, or no hub could connect; 2: a file or the address is unusable
    (`warn` says why).
    """
    try:
        broker, members = _broker(mqtt_url, ca_file), load(fleet_file)
    except (ValueError, OSError) as error:
        warn(_what_is_wrong(error))
        return 2
    return asyncio.run(run(broker, members[:hubs], options or FleetOptions(), tell))


def run_hub(
    mqtt_url: str,
    hub_id: str,
    password: str | None,
    *,
    press: str | None = None,
    pre_alarm_s: float = 10.0,
    retry_s: float = 30.0,
    interval_s: float = 60.0,
    stay: bool = False,
    timeout_s: float | None = None,
    ca_file: str | None = None,
    as_json: bool = False,
    tell: Callable[[str], None] = say,
    warn: Callable[[str], None] = complain,
) -> int:
    """Run one hub and tell what happens. `press` names a trigger to set off once it is connected.

    Ends when what was pressed is acked (0), unless `stay`; on SIGINT or SIGTERM (0 if nothing waits for an ack, else
    1); or after `timeout_s` seconds without the ack (1). Also 1: the broker refuses the hub, or is not there for
    `CONNECT_S`. 2: the address is unusable. Without `press` it stays. `as_json` tells of each event in the end as one
    JSON object a line, and of nothing else.
    """
    try:
        broker = _broker(mqtt_url, ca_file)
    except (ValueError, OSError) as error:
        warn(_what_is_wrong(error))
        return 2
    config = HubConfig(
        hub_id, pre_alarm_s=pre_alarm_s, retry_s=retry_s, heartbeat_s=interval_s, epoch=epoch_now(), seed=1
    )
    limit_s = timeout_s if press is not None and not stay else None
    facts: list[Fact] = []
    chat = _quiet if as_json else tell
    live = _live(config, broker, Login(hub_id, hub_id, password), press, stay, limit_s, chat, warn, facts.append)
    code = asyncio.run(live)
    for (_, event_id), entry in fold(facts).items() if as_json else ():
        tell(json.dumps({"hub_id": hub_id, "event_id": event_id} | asdict(entry)))
    return code


def run_operators(
    url: str,
    tokens_file: Path,
    options: OperatorOptions,
    *,
    tell: Callable[[str], None] = say,
    warn: Callable[[str], None] = complain,
) -> int:
    """Run simulated operators until SIGINT or SIGTERM; exit code 1: no token is taken; 2: file or address unusable."""
    try:
        tokens = load_tokens(tokens_file)
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError(f"the service is written http://host:port, not {url!r}")  # noqa: TRY301 - one place to say
    except (ValueError, OSError) as error:
        warn(_what_is_wrong(error))
        return 2
    return asyncio.run(work(url, tokens, options, tell))


def _broker(mqtt_url: str, ca_file: str | None) -> Broker:
    broker = Broker.parse(mqtt_url, ca_file)
    if ca_file is not None:
        try:
            ssl.create_default_context(cafile=ca_file)
        except ssl.SSLError as error:
            raise ValueError(f"{ca_file}: no certificates in PEM are in it") from error
        except OSError as error:  # this one does not say which file
            raise ValueError(f"{ca_file}: {error.strerror}") from error
    return broker


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _quiet(_words: str) -> None:
    """Say nothing."""


async def _reached(hub: HubClient) -> bool:
    """Wait until the hub is connected; False when the broker says no, or nothing for too long."""
    answers = [asyncio.create_task(event.wait()) for event in (hub.online, hub.denied)]
    await asyncio.wait(answers, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    for answer in answers:
        answer.cancel()
    return hub.online.is_set()


async def _live(
    config: HubConfig,
    broker: Broker,
    login: Login,
    press: str | None,
    stay: bool,
    limit_s: float | None,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    record: Callable[[Fact], None],
) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    with ThreadPoolExecutor(1) as pool:
        hub = HubClient(config, broker, login, pool, say=tell, record=record)
        hub.start()

        async def story() -> None:
            if not await _reached(hub):
                warn(f"{config.hub_id} cannot connect to {broker.host}:{broker.port}: {hub.counts.refusal}")
                return
            if press is not None:
                hub.feed(Press(press))
                await hub.settled()
            if stay or press is None:
                await stop.wait()

        told, stopped = asyncio.create_task(story()), asyncio.create_task(stop.wait())
        await asyncio.wait((told, stopped), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        in_time = told.done() or stopped.done()
        for task in (told, stopped):
            task.cancel()
        await asyncio.gather(told, stopped, return_exceptions=True)
        waits = bool(hub.state.pending or hub.state.held) or (told.done() and not hub.counts.connections)
        await hub.stop()
    return 0 if in_time and not waits else 1
