"""The soak: a fleet with faults for as long as somebody likes, looked at each minute; then a verdict.

Simulated operators handle what the fleet raises. What must hold: memory stays flat, dead rows are swept as fast as they
come, open alarms do not pile up, and the hubs' ledger is the database's.
"""

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import func, select, text

from alarms.intake.models import Event
from simulators.fleet.ledger import Ledger, read_ledger, unacked
from simulators.fleet.plan import REPEAT_WITHIN_S
from telecare.embedded.lab import Lab
from telecare.embedded.secrets import write_private
from telecare.embedded.simulators import simulator, write_colleagues
from telecare.kernel.db import Database

GRACE_S = 110
"""How long hubs may take to connect at first, and to have their acks at last."""
MAX_OUTAGE_S = 40.0
ENDS_WITHIN_S = GRACE_S + max(MAX_OUTAGE_S, REPEAT_WITHIN_S) + GRACE_S + 60
"""The fleet's own time begins when all hubs are connected; after it they come back, have their acks, say goodbye."""
PATIENCE_S = 15.0
ALARMS_PER_MINUTE_AT_PACE_1 = 5.0
"""What three simulated operators handle with ease, at the pace of people."""
HOMES_PER_HUB = 2.5
"""Fewer than half of the seeded homes have a hub that speaks MQTT."""
FEWEST = 4
"""Minutes before which a verdict on growth means nothing: caches fill, the first vacuum has not come."""
GROWTH = 1.25
SLACK_MIB, SLACK_ROWS, SLACK_OPEN = 25.0, 2_000, 60
WARM = 20
"""Minutes in which memory may rise to its level: the feed's window fills, connections prepare their statements."""
CREEP_FROM = 15
"""So many more minutes at least for a verdict on what it does then: by 1 MiB it goes up and down from look to look."""
CREEP_MIB = 0.15
"""A minute. Statements that a connection, or anybody, says for the first time take 0.14 by then, and have an end; what
had none took 0.25 (docs/performance.md)."""
HOT = ("hub_live", "hub_presence", "outbox", "alarm", "board_head", "listening", "hub_command")

_LOOK = text(
    """
    SELECT (SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname = ANY(:hot)) AS dead,
           (SELECT relname || ' ' || n_dead_tup FROM pg_stat_user_tables
             WHERE relname = ANY(:hot) ORDER BY n_dead_tup DESC LIMIT 1) AS worst,
           (SELECT count(*) FROM hub_live WHERE last_seen_at > clock_timestamp() - interval '2 minutes') AS heard,
           (SELECT count(*) FROM alarm WHERE handling <> 'closed') AS open,
           (SELECT count(*) FROM heartbeat WHERE received_at > clock_timestamp() - interval '1 minute') AS beats,
           pg_database_size(current_database()) / 1048576.0 AS size_mib
    """
)


@dataclass(frozen=True)
class SoakOptions:
    """How long, how many hubs, and how lively; faults are broken links, reboots, lost clocks and nonsense."""

    minutes: float = 60.0
    hubs: int = 1000
    alarms_per_minute: float = 30.0
    faults_per_minute: float = 60.0
    seed: int = 1


class Files:
    """What the soak keeps beside the lab's own files."""

    def __init__(self, folder: Path) -> None:
        self.roster = folder / "soak-fleet.json"
        self.ledger = folder / "soak-ledger.jsonl"
        self.fleet_log = folder / "soak-fleet.log"
        self.operators_log = folder / "soak-operators.log"


@dataclass(frozen=True)
class Minute:
    """What was seen at the end of one minute; memory of the service in MiB, database in MiB."""

    number: int
    memory_mib: float
    database_mib: float
    dead_rows: int
    worst: str
    hubs_heard: int
    heartbeats: int
    open_alarms: int

    def line(self) -> str:
        """Return it as a line of the table."""
        return (
            f"{self.number:6} {self.memory_mib:9.1f} {self.database_mib:12.1f} {self.dead_rows:10} {self.hubs_heard:6} "
            f"{self.heartbeats:11} {self.open_alarms:6}   {self.worst}"
        )


HEAD = "minute  memory MiB  database MiB  dead rows  heard  beats/min   open   most dead rows"


@dataclass
class SoakReport:
    """The minutes, the books of the hubs, and each thing that must not be."""

    minutes: list[Minute] = field(default_factory=list)
    raised: int = 0
    acked: int = 0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the verdict in words."""
        told = [f"hubs: raised {self.raised}, acked {self.acked}"]
        if self.minutes:
            first, half, last = self.minutes[0], self.minutes[len(self.minutes) // 2], self.minutes[-1]
            told.append(
                f"memory: {first.memory_mib:.0f} MiB after the first minute, {half.memory_mib:.0f} half-way, "
                f"{last.memory_mib:.0f} at the end"
            )
        if len(self.minutes) < FEWEST:
            told.append(f"memory and dead rows: too short for a verdict, {FEWEST} minutes are the least")
        elif (mib := creep(self.minutes)) is None:
            told.append(f"memory that creeps: too short for a verdict, {WARM + CREEP_FROM} minutes are the least")
        else:
            told.append(f"memory after minute {WARM}: {mib:+.2f} MiB a minute")
        return [*told, *self.faults[:20], "verdict: " + ("NOT WELL" if self.faults else "well")]

    def values(self) -> dict[str, Any]:
        """Return all of it for programs."""
        return asdict(self)


def creep(minutes: Sequence[Minute]) -> float | None:
    """Return by how many MiB a minute memory grows once it is warm, between medians; None when that was too short."""
    warm = minutes[WARM:]
    if len(warm) < CREEP_FROM:
        return None
    third = len(warm) // 3
    first, last = warm[:third], warm[-third:]
    grown = median(one.memory_mib for one in last) - median(one.memory_mib for one in first)
    return grown / (median(one.number for one in last) - median(one.number for one in first))


def growth(minutes: Sequence[Minute]) -> list[str]:
    """Return what has grown from the first third of the run to the last; the first minute is for warming up."""
    if len(minutes) < FEWEST:
        return []
    kept = minutes[1:]
    third = max(1, len(kept) // 3)
    first, last = kept[:third], kept[-third:]
    faults = []
    before, after = median(one.memory_mib for one in first), median(one.memory_mib for one in last)
    if after > before * GROWTH + SLACK_MIB:
        faults.append(f"memory grows: {before:.0f} MiB at first, {after:.0f} MiB at last")
    if (mib := creep(minutes)) is not None and mib > CREEP_MIB:
        faults.append(f"memory creeps: by {mib:.2f} MiB a minute after minute {WARM}, of which {CREEP_MIB} may be")
    before, after = median(one.dead_rows for one in first), median(one.dead_rows for one in last)
    if after > before * 2 + SLACK_ROWS:
        faults.append(f"dead rows grow: {before:.0f} at first, {after:.0f} at last")
    before, after = median(one.open_alarms for one in first), median(one.open_alarms for one in last)
    if after > before * 2 + SLACK_OPEN:
        faults.append(f"open alarms grow: {before:.0f} at first, {after:.0f} at last; the operators do not keep up")
    return faults


def books(ledger: Ledger, stored: dict[tuple[str, str], int]) -> list[str]:
    """Hold the hubs' ledger against how often the database has each of their events as a first message."""
    faults = [
        f"lost: {hub_id} {event_id} ({ledger[hub_id, event_id].type}), sent {ledger[hub_id, event_id].attempts} times, "
        f"was never acked and is {stored.get((hub_id, event_id), 0)} times in the database"
        for hub_id, event_id in unacked(ledger)
    ]
    for (hub_id, event_id), entry in ledger.items():
        count = stored.get((hub_id, event_id), 0)
        if entry.acked_at is not None and count != 1:
            faults.append(f"wrong: {hub_id} {event_id} was acked and is {count} times in the database")
    return faults


async def soak_run(lab: Lab, options: SoakOptions, say: Callable[[str], None]) -> SoakReport:
    """Run on a started lab; say a line a minute."""
    report, files = SoakReport(), Files(lab.folder)
    database = Database(lab.settings())
    try:
        async with _operators(lab, options, files) as operators, _fleet(lab, options, files) as fleet:
            begun = time.monotonic()
            say(HEAD)
            for number in range(1, int(options.minutes) + 1):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(fleet.wait(), max(0.0, begun + 60.0 * number - time.monotonic()))
                if fleet.returncode is not None:
                    break
                report.minutes.append(await _look(lab, database, number))
                say(report.minutes[-1].line())
            say("Waiting until every hub has its ack …")
            report.faults += await ended(fleet, begun + options.minutes * 60, files.fleet_log, say)
            if operators.returncode is not None:
                report.faults.append(f"the operators' process ended too early: {last_line(files.operators_log)}")
        ledger = read_ledger(files.ledger)
        report.raised = sum(1 for entry in ledger.values() if entry.raised_at is not None)
        report.acked = sum(1 for entry in ledger.values() if entry.acked_at is not None)
        report.faults += books(ledger, await _stored(database)) + growth(report.minutes)
    finally:
        await database.dispose()
    return report


async def ended(fleet: asyncio.subprocess.Process, due: float, log_file: Path, say: Callable[[str], None]) -> list[str]:
    """Wait for the end of the fleet's process, which is due at `due` of the steady clock; return what was wrong."""
    try:
        async with asyncio.timeout(max(0.0, due + ENDS_WITHIN_S - time.monotonic())):
            code = await fleet.wait()
    except TimeoutError:
        return [f"the fleet's process did not end within {ENDS_WITHIN_S:.0f} s after its time: {last_line(log_file)}"]
    late = time.monotonic() - due
    if late < 0:
        return [f"the fleet's process ended {-late:.0f} s too early, with code {code}: {last_line(log_file)}"]
    say(f"The fleet's process ended {late:.0f} s after its time.")
    return [] if code == 0 else [f"not every event was acked in time (code {code}): {last_line(log_file)}"]


def last_line(log_file: Path) -> str:
    """Return the last words of a process."""
    told = log_file.read_text(encoding="utf-8", errors="replace").split("\n") if log_file.exists() else []
    return next((line for line in reversed(told) if line.strip()), "it said nothing")


async def _look(lab: Lab, database: Database, number: int) -> Minute:
    async with database.transaction() as session:
        row = (await session.execute(_LOOK, {"hot": list(HOT)})).one()
    memory = sum(memory_mib(pid) for service in lab.services.values() if (pid := service.pid) is not None)
    return Minute(
        number, memory, float(row.size_mib), int(row.dead or 0), row.worst or "", row.heard, row.beats, row.open
    )


async def _stored(database: Database) -> dict[tuple[str, str], int]:
    async with database.transaction() as session:
        firsts = await session.execute(
            select(Event.hub_id, Event.event_id, func.count())
            .where(Event.dedup_key.is_not(None), Event.event_id.is_not(None))
            .group_by(Event.hub_id, Event.event_id)
        )
        return {(hub_id, event_id or ""): count for hub_id, event_id, count in firsts}


def memory_mib(pid: int) -> float:
    """Return how much memory a process has, in MiB."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)  # noqa: S603, S607
    return int(told.stdout) / 1024


def _fleet(
    lab: Lab, options: SoakOptions, files: Files
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    write_private(files.roster, json.dumps({"hubs": [hub.for_simulator() for hub in lab.hubs[: options.hubs]]}))
    return simulator(
        files.fleet_log, "simulators.fleet", "--file", str(files.roster), "--mqtt", lab.mqtt_url, "--profile", "demo",
        "--seed", str(options.seed), "--duration", str(options.minutes * 60), "--grace", str(GRACE_S),
        "--alarms-per-minute", str(options.alarms_per_minute), "--faults-per-minute", str(options.faults_per_minute),
        "--max-outage-s", str(MAX_OUTAGE_S), "--ledger", str(files.ledger), "--progress-s", "60",
    )  # fmt: skip


def _operators(
    lab: Lab, options: SoakOptions, files: Files
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    pace = max(1.0, options.alarms_per_minute / ALARMS_PER_MINUTE_AT_PACE_1)
    return simulator(
        files.operators_log, "simulators.operator", "--url", lab.url, "--tokens", str(write_colleagues(lab)),
        "--patience-s", str(PATIENCE_S), "--pace", str(pace), "--seed", str(options.seed),
    )  # fmt: skip
