"""The crash run: alarms are raised while service, broker and database are killed at random; then books are compared.

What must hold afterwards: every alarm that was acked to a hub is in the database exactly once, every alarm that was
raised ends acked, each alarm's log has no gap and replays to its state.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from alarms.escalation.codec import dump_state, replay
from alarms.handling.models import Alarm, AlarmLog
from alarms.intake.models import Event
from simulators.fleet.ledger import Ledger, read_ledger, unacked
from telecare.embedded.lab import Lab, wait_for_up
from telecare.embedded.secrets import write_private
from telecare.kernel.db import Database

GRACE_S = 120


Kill = Callable[[], bool | None]
"""Kills a process; False when it did not."""


@dataclass(frozen=True)
class CrashOptions:
    """How long the fleet raises alarms (seconds), how many a second, and the seconds between kills, from and to."""

    seconds: float = 300.0
    alarms_per_s: float = 10.0
    pause_s: tuple[float, float] = (2.0, 5.0)
    seed: int = 1


@dataclass
class CrashReport:
    """The counts of a run; `faults` lists each thing that must not be."""

    kills: Counter[str] = field(default_factory=Counter)
    raised: int = 0
    acked: int = 0
    sent: int = 0
    stored: int = 0
    duplicates: int = 0
    alarms: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Return how many raised alarms never ended acked, or were acked and are not in the database."""
        return sum(1 for fault in self.faults if fault.startswith("lost"))

    def lines(self) -> list[str]:
        """Return the counts in words."""
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return [
            f"kill -9: {sum(self.kills.values())} ({killed})",
            f"hubs: raised {self.raised}, acked {self.acked}, sent {self.sent} times with repeats",
            f"database: {self.stored} first messages, {self.duplicates} repeats, {self.alarms} alarms",
            f"lost: {self.lost}; faults: {len(self.faults)}",
            *self.faults[:20],
        ]


async def crash_run(lab: Lab, options: CrashOptions, say: Callable[[str], None]) -> CrashReport:
    """Run on a started lab; the report says what was found."""
    report = CrashReport()
    victims = {"service": lab.service.kill, "broker": lab.broker.kill, "postgres": lab.postgres.kill}
    ledger = await raise_and_kill(lab, victims, options, report, say)
    database = Database(lab.settings())
    try:
        await compare(database, ledger, report)
        await replay_all(database, report)
    finally:
        await database.dispose()
    return report


async def raise_and_kill(
    lab: Lab,
    victims: Mapping[str, Kill],
    options: CrashOptions,
    report: CrashReport,
    say: Callable[[str], None],
) -> Ledger:
    """Have alarms raised while the victims are killed, then wait until all is up and each alarm acked; return which."""
    ledger_file = lab.folder / "ledger.jsonl"
    fleet = await start_fleet(lab, options, ledger_file)
    killing = asyncio.create_task(kill_at_random(victims, options, report, say))
    try:
        await asyncio.sleep(options.seconds)
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        say("No more kills; waiting until every hub has its ack …")
        async with asyncio.timeout(GRACE_S):
            code = await fleet.wait()
        if code != 0:
            report.faults.append(f"the fleet ended with code {code}: not every alarm was acked in time")
    except TimeoutError:
        report.faults.append("the fleet did not settle in time")
    finally:
        killing.cancel()
        if fleet.returncode is None:
            fleet.kill()
            await fleet.wait()
    for service in lab.services.values():
        await wait_for_up(service)
    ledger = read_ledger(ledger_file)
    report.raised = sum(1 for entry in ledger.values() if entry.raised_at is not None)
    report.acked = sum(1 for entry in ledger.values() if entry.acked_at is not None)
    report.sent = sum(entry.attempts for entry in ledger.values())
    report.faults += [f"lost: {hub_id} {event_id} was never acked" for hub_id, event_id in unacked(ledger)]
    return ledger


async def start_fleet(lab: Lab, options: CrashOptions, ledger_file: Path) -> asyncio.subprocess.Process:
    """Start the fleet, a process of its own that writes what it raised and what was acked into `ledger_file`."""
    roster = lab.folder / "crash-fleet.json"
    write_private(roster, json.dumps({"hubs": [hub.for_simulator() for hub in lab.hubs]}))
    command = [
        sys.executable, "-m", "simulators.fleet", "--file", str(roster), "--mqtt", lab.mqtt_url, "--profile", "crash",
        "--seed", str(options.seed), "--duration", str(options.seconds), "--grace", str(GRACE_S - 10),
        "--alarms-per-minute", str(options.alarms_per_s * 60), "--ledger", str(ledger_file), "--progress-s", "5",
        "--parent-pipe",
    ]  # fmt: skip
    with (lab.folder / "crash-fleet.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )


async def kill_at_random(
    victims: Mapping[str, Kill], options: CrashOptions, report: CrashReport, say: Callable[[str], None]
) -> None:
    """Kill these by turns, in an order and with pauses that follow from the seed, until cancelled."""
    chance = random.Random(options.seed)  # noqa: S311 - a repeatable run, not a secret
    while True:
        for name in chance.sample(sorted(victims), len(victims)):
            await asyncio.sleep(chance.uniform(*options.pause_s))
            if victims[name]() is False:
                continue
            report.kills[name] += 1
            say(f"killed {name} ({sum(report.kills.values())})")


async def compare(database: Database, ledger: Ledger, report: CrashReport) -> None:
    """Hold the hubs' ledger against what the database has."""
    async with database.transaction() as session:
        firsts = await session.execute(
            select(Event.hub_id, Event.event_id, Event.alarm_id, func.count())
            .where(Event.dedup_key.is_not(None))
            .group_by(Event.hub_id, Event.event_id, Event.alarm_id)
        )
        stored = {(hub_id, event_id): (alarm_id, count) for hub_id, event_id, alarm_id, count in firsts}
        repeats = select(func.count()).where(Event.treatment == "duplicate")
        report.duplicates = (await session.execute(repeats)).scalar_one()
        report.alarms = (await session.execute(select(func.count()).select_from(Alarm))).scalar_one()
    report.stored = len(stored)
    for (hub_id, event_id), entry in ledger.items():
        alarm_id, count = stored.get((hub_id, event_id), (None, 0))
        if entry.acked_at is not None and count == 0:
            report.faults.append(f"lost: {hub_id} {event_id} was acked and is not in the database")
        if count > 1:
            report.faults.append(f"double: {hub_id} {event_id} is {count} times in the database")
        if entry.alarm_id is not None and str(alarm_id) != entry.alarm_id:
            report.faults.append(f"wrong: {hub_id} {event_id} was acked as {entry.alarm_id}, is {alarm_id}")
        if count and alarm_id is None and entry.type != "test":
            report.faults.append(f"lost: {hub_id} {event_id} belongs to no alarm")


async def replay_all(database: Database, report: CrashReport) -> None:
    """Check each alarm: its log has no gap, replays to its state, and what is open has a deadline."""
    async with database.transaction() as session:
        alarm_ids = list((await session.execute(select(Alarm.id).order_by(Alarm.id))).scalars())
    for alarm_id in alarm_ids:
        async with database.transaction() as session:
            alarm = (await session.execute(select(Alarm).where(Alarm.id == alarm_id).with_for_update())).scalar_one()
            lines = select(AlarmLog).where(AlarmLog.alarm_id == alarm_id).order_by(AlarmLog.seq)
            log = list((await session.execute(lines)).scalars())
        if [line.seq for line in log] != list(range(1, alarm.log_seq + 1)):
            report.faults.append(f"gap: the log of {alarm_id} is not gapless")
        state = replay((line.at, line.input) for line in log if line.input is not None)
        if state is None or dump_state(state) != alarm.state:
            report.faults.append(f"replay: the log of {alarm_id} does not lead to its state")
