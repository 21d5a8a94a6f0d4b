"""What a step of the ladder costs: the engine, one alarm a transaction, beside bare SQL that writes the same rows.

Both by as many processes, in turns and on the same tables, so that whatever else the machine does meets both. Then what
a step costs with few and with very many open alarms that are not due: it must not grow.
"""

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from alarms.escalation.domain import FOREVER, Ladder, Step, Target
from alarms.escalation.inputs import Rerouted
from alarms.handling.domain import Opening, Subject
from alarms.handling.engine import Engine
from alarms.handling.service import AlarmService, Origin
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from telecare.contacts import contacts_by
from telecare.kernel.db import Database, asyncpg_dsn, database_now
from telecare.kernel.settings import Settings

LADDER = Ladder("bench", 1, (Step((Target.SUPERVISOR,), 3600),) * 3, (Target.QUEUE,), 3600, 300, 60, loops=FOREVER)
"""Each step tells one party: one line of the log, one message."""

_COPY = """
    INSERT INTO alarm
    SELECT made.*
      FROM (SELECT to_jsonb(alarm) AS row FROM alarm WHERE hub_id = 'bench' LIMIT 1) AS first,
           (SELECT n, gen_random_uuid() AS fresh FROM generate_series(1, $1) AS n) AS copies,
           LATERAL jsonb_populate_record(NULL::alarm, first.row || jsonb_build_object(
               'id', fresh, 'case_id', fresh, 'hub_id', 'bench-' || fresh, 'next_due_at', now() + interval '1 day',
               'rank', (ARRAY[0, 2, 5, 10, 12, 30, 50])[1 + n % 7],
               'state', first.row->'state' || jsonb_build_object('alarm_id', fresh))) AS made
"""
_DUE = """
    UPDATE alarm SET next_due_at = now(), state = state || jsonb_build_object('step_due_at', now(), 'rank', rank)
     WHERE id IN (SELECT id FROM alarm WHERE handling <> 'closed' ORDER BY id LIMIT $1)
"""


@dataclass(frozen=True)
class EscalationOptions:
    """`workers` in `processes`, `steps` in each of `turns` turns; then `paced` steps at each number of open alarms.

    The service has two workers in each of its engine processes.
    """

    workers: int = 4
    processes: int = 2
    steps: int = 1000
    turns: int = 4
    paced: int = 300
    open_alarms: tuple[int, ...] = (100, 1_000, 10_000, 100_000)


@dataclass
class EscalationReport:
    """Steps a second of each turn, and seconds a step by the number of open alarms."""

    workers: int
    processes: int
    engine: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    cost: dict[int, float] = field(default_factory=dict)

    def ratio(self) -> float:
        """Return the engine's rate over that of bare SQL: the median of the turns."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.engine, self.bare, strict=True))

    def growth(self) -> float:
        """Return what a step costs with the most open alarms over what it costs with the fewest."""
        return self.cost[max(self.cost)] / self.cost[min(self.cost)]

    def lines(self) -> list[str]:
        """Return the report in words."""
        turns = [f"{rate:,.0f}" for rate in self.engine]
        bare = [f"{rate:,.0f}" for rate in self.bare]
        return [
            f"{self.workers} workers in {self.processes} processes, one alarm a transaction; steps a second in a turn:",
            f"  engine              {'  '.join(turns)}",
            f"  bare SQL, same rows {'  '.join(bare)}",
            f"  ratio (median)      {self.ratio():.2f}",
            "",
            "one process, milliseconds a step while so many alarms are open:",
            *(f"  {count:>9,}   {seconds * 1000:6.2f}" for count, seconds in sorted(self.cost.items())),
            f"  most over fewest    {self.growth():.2f}",
        ]

    def values(self) -> dict[str, object]:
        """Return the report for programs."""
        return {
            "workers": self.workers,
            "processes": self.processes,
            "engine_steps_per_s": self.engine,
            "bare_steps_per_s": self.bare,
            "ratio": self.ratio(),
            "seconds_per_step_by_open_alarms": {str(count): seconds for count, seconds in self.cost.items()},
            "growth": self.growth(),
        }


async def escalation_run(url: str, options: EscalationOptions, say: Callable[[str], None]) -> EscalationReport:
    """Run on an empty database with the schema; the report says what was found."""
    report = EscalationReport(options.workers, options.processes)
    await _first_alarm(url)
    connection = await asyncpg.connect(asyncpg_dsn(url))
    try:
        say(f"{options.workers} workers, {options.turns} turns of {options.steps} steps each …")
        await connection.execute(_COPY, options.steps)
        shared = (options.workers, options.processes)
        async with _workers("engine", url, *shared) as ours, _workers("bare", url, *shared) as theirs:
            for turn in range(options.turns + 1):
                for workers, rates in ((ours, report.engine), (theirs, report.bare)):
                    took = await _turn(connection, workers, options.steps)
                    if turn > 0:  # the first one is for warming up
                        rates.append(options.steps / took)
        async with _workers("engine", url, 1, 1) as alone:
            for count in options.open_alarms:
                say(f"{count:,} open alarms …")
                await _open(connection, count)
                await _turn(connection, alone, min(count, options.paced))
                steps = min(count, options.paced)
                report.cost[count] = min([await _turn(connection, alone, steps) for _ in range(3)]) / steps
    finally:
        await connection.close()
    return report


async def _first_alarm(url: str) -> None:
    """Open the alarm of which all others are copies, and take its first step."""
    settings = Settings.model_validate({"database_url": url})
    database = Database(settings)
    opening = Opening("pendant", "L", 10, "pendant", "Pendant pressed")
    try:
        async with database.transaction() as session:
            points = ContactPointRepository(session)
            await points.create(None, ContactTarget.SUPERVISOR, Channel.WEBHOOK, "http://127.0.0.1:9/", "Bench")
            now = await database_now(session)
            alarm_id = await AlarmService(session).open(opening, Subject(), Origin("bench", None, now), now)
            await AlarmService(session).feed(alarm_id, Rerouted(LADDER, "For the bench"))
        await Engine(database, contacts_by(settings)).drive()
    finally:
        await database.dispose()


async def _open(connection: "asyncpg.Connection", count: int) -> None:
    """Have exactly so many alarms, the first one included, none of them due."""
    have = await connection.fetchval("SELECT count(*) FROM alarm")
    await connection.execute("DELETE FROM invitation; DELETE FROM outbox; DELETE FROM board_change")
    if have > count:
        await connection.execute(
            "ALTER TABLE alarm_log DISABLE TRIGGER USER; DELETE FROM alarm_log WHERE kind = 'step'"
        )
        surplus = "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE hub_id <> 'bench' LIMIT $1)"
        await connection.execute(surplus, have - count)
    else:
        await connection.execute(_COPY, count - have)
    await connection.execute("VACUUM ANALYZE alarm, outbox, board_change, alarm_log, board_head")


async def _turn(connection: "asyncpg.Connection", workers: "Sequence[asyncio.subprocess.Process]", steps: int) -> float:
    """Let so many alarms be due, and the workers take them; return the seconds until the last was taken."""
    await connection.execute("DELETE FROM outbox")
    await connection.execute(_DUE, steps)
    started = time.perf_counter()
    taken = await asyncio.gather(*(_round(worker) for worker in workers))
    took = time.perf_counter() - started
    told = await connection.fetchval("SELECT count(*) FROM outbox")
    if sum(taken) != steps or told != steps:
        raise RuntimeError(f"{steps} alarms were due, {sum(taken)} were taken, {told} messages were written")
    return took


async def _round(worker: asyncio.subprocess.Process) -> int:
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("The worker has no pipes")
    worker.stdin.write(b"\n")
    await worker.stdin.drain()
    return int(await worker.stdout.readline())


@asynccontextmanager
async def _workers(kind: str, url: str, count: int, processes: int) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Have so many workers, spread over processes, while the block lasts; these end with their input."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "telecare.bench.stepping", kind, url]
    shares = [len(range(place, count, processes)) for place in range(min(processes, count))]
    workers = [await asyncio.create_subprocess_exec(*command, str(share), stdin=pipe, stdout=pipe) for share in shares]
    try:
        for worker in workers:
            if worker.stdout is None or await worker.stdout.readline() != b"ready\n":
                raise RuntimeError("A worker did not start")
        yield workers
    finally:
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await worker.wait()
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
