"""Scenarios from a hub's press on the broker to a text at the provider, on the simulated clock of the database."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alarms.notify.channels import channels
from alarms.policy.compare import differences
from alarms.policy.scenario import Scenario
from alarms.policy.simulate import Timeline
from devices.registry.seed import seed_fleet
from simulators.provider.desk import API_KEY
from simulators.provider.simulator import ProviderSimulator
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.embedded import EmbeddedBroker
from telecare.embedded.lab import GATEWAY_ACCOUNT, SERVICE_ACCOUNT
from telecare.embedded.ports import free_port
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from telecare.wire.topics import CANARY_HUB
from tests.conftest import SEAL_KEY
from tests.scenarios.clock import set_clock
from tests.scenarios.files import name_of, of_level, runs_of, scenario_of
from tests.scenarios.from_outside import WATCHDOG
from tests.scenarios.invariants import broken, of_database
from tests.scenarios.line import Line
from tests.scenarios.wire_run import WireRun, fits

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CHOSEN = [path for path in of_level("wire") if fits(scenario_of(path)) and not path.name.startswith("o")]
"""Those of the parts A to C; our own begin with `o`, and say nothing of the wire that these do not."""


async def run(line: Line, scenario: Scenario) -> Timeline:
    before = len(line.provider.texts) + len(line.provider.mails)
    timeline = await WireRun(scenario, line).run()
    shown = [*line.provider.texts, *line.provider.mails]
    ours = [told for told in timeline.told if told.alarm != WATCHDOG]  # it has a way of its own
    assert len(shown) - before == len(ours), "the provider has shown as many as the outbox says were sent"
    return timeline


@pytest.fixture(scope="module")
async def line(simulated: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    port, accounts = free_port(), (SERVICE_ACCOUNT, GATEWAY_ACCOUNT, CANARY_HUB)
    passwords = {account: secrets.token_hex(8) for account in accounts}
    await set_clock(simulated, LONG_AGO)
    settings = Settings(
        database_url=simulated.url,
        seal_key=SEAL_KEY,
        ingest_retry_cap_s=0.5,  # a database that is away is away for longer
        mqtt_url=f"mqtt://{SERVICE_ACCOUNT}:{passwords[SERVICE_ACCOUNT]}@127.0.0.1:{port}",
    )
    async with simulated.transaction() as session:
        hubs = await seed_fleet(session, Sealer(settings), "11" * 32, homes=30)
        await set_broker_account(session, SERVICE_ACCOUNT, passwords[SERVICE_ACCOUNT], BrokerRole.SERVICE)
        await set_broker_account(session, GATEWAY_ACCOUNT, passwords[GATEWAY_ACCOUNT], BrokerRole.GATEWAY)
        await set_broker_account(session, CANARY_HUB, passwords[CANARY_HUB], BrokerRole.CANARY)
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(ProviderSimulator())
        provided = settings.model_copy(
            update={
                "notify_url": provider.url,
                "notify_api_key": type(settings.notify_api_key)(API_KEY),
                "notify_sms_template": "9d751e0e-f929-4891-82a1-a3e1c3c18ee3",
                "notify_email_template": "0d751e0e-f929-4891-82a1-a3e1c3c18ee3",
                "email_providers": ("notify",),
                "sms_providers": ("notify",),
            }
        )
        ways = await channels(provided, stack)
        broker = EmbeddedBroker(simulated.url, port=port, log_file=tmp_path_factory.mktemp("broker") / "log")
        await broker.start()
        stack.push_async_callback(broker.stop)
        canary_url = f"mqtt://{CANARY_HUB}:{passwords[CANARY_HUB]}@127.0.0.1:{port}"
        ids = [hub.hub_id for hub in hubs]
        line = Line(simulated, settings, broker, passwords[GATEWAY_ACCOUNT], provider, ways, ids, canary_url)
        await line.open()
        yield line
        await line.close()


def test_many_can_be_run_so() -> None:
    assert len(CHOSEN) > 20


@pytest.mark.parametrize("path", CHOSEN, ids=name_of)
async def test_exactly_these_arrive(path: Path, line: Line) -> None:
    scenario = scenario_of(path)
    for _ in runs_of(scenario):
        timeline = await run(line, scenario)
        found = [*differences(scenario, timeline), *broken(await of_database(line.database))]
        assert not found, "\n".join([scenario.name, *found])
