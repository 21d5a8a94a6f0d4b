"""Plain functions for a command line: run a hub, a fleet, operators. They block, print, and return an exit code."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simulators.broker import Broker
from simulators.fleet.roster import load
from simulators.fleet.run import FleetOptions, run
from simulators.hub.client import HubClient
from simulators.hub.happenings import Press
from simulators.hub.link import Login
from simulators.hub.model import HubConfig
from simulators.operator.run import OperatorOptions, load_tokens
from simulators.operator.run import run as work
from simulators.process import epoch_now, say, stop_on_signals


def run_fleet(
    fleet_file: Path,
    mqtt_url: str,
    options: FleetOptions | None = None,
    *,
    ca_file: str | None = None,
    tell: Callable[[str], None] = say,
) -> int:
    """Run a fleet until its duration is over or SIGINT or SIGTERM comes.

    Exit code 0: well; 1: some events were never acked; 2: the file or the address is unusable (`tell` says why).
    """
    try:
        broker, members = Broker.parse(mqtt_url, ca_file), load(fleet_file)
    except (ValueError, OSError) as error:
        tell(str(error))
        return 2
    return asyncio.run(run(broker, members, options or FleetOptions(), tell))


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
    tell: Callable[[str], None] = say,
) -> int:
    """Run one hub and tell what happens. `press` names a trigger to set off once it is connected.

    Ends when what was pressed is acked (0), unless `stay`; on SIGINT or SIGTERM (0 if nothing waits for an ack, else
    1); or after `timeout_s` seconds without the ack (1). 2: the address is unusable. Without `press` it stays.
    """
    try:
        broker = Broker.parse(mqtt_url, ca_file)
    except ValueError as error:
        tell(str(error))
        return 2
    config = HubConfig(
        hub_id, pre_alarm_s=pre_alarm_s, retry_s=retry_s, heartbeat_s=interval_s, epoch=epoch_now(), seed=1
    )
    limit_s = timeout_s if press is not None and not stay else None
    return asyncio.run(_live(config, broker, Login(hub_id, hub_id, password), press, stay, limit_s, tell))


def run_operators(url: str, tokens_file: Path, options: OperatorOptions, *, tell: Callable[[str], None] = say) -> int:
    """Run simulated operators until SIGINT or SIGTERM; exit code 2: the file is unusable."""
    try:
        tokens = load_tokens(tokens_file)
    except (ValueError, OSError) as error:
        tell(str(error))
        return 2
    return asyncio.run(work(url, tokens, options, tell))


async def _live(
    config: HubConfig,
    broker: Broker,
    login: Login,
    press: str | None,
    stay: bool,
    limit_s: float | None,
    tell: Callable[[str], None],
) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    with ThreadPoolExecutor(1) as pool:
        hub = HubClient(config, broker, login, pool, say=tell)
        hub.start()

        async def story() -> None:
            await hub.online.wait()
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
        waits = bool(hub.state.pending or hub.state.held)
        await hub.stop()
    return 0 if in_time and not waits else 1
