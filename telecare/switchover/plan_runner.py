"""Makes the plans that somebody has asked for, each in a process that stands back behind all others.

One at a time, and beside it one that is made anew: a whole plan takes minutes, for which nobody who is ill can wait.
"""

import asyncio
import contextlib
import pickle
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from devices.switchover.planning.changes import Answer, Order, Since
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.problem import Plan, Unplanned
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.programmes.domain import Part
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import ProblemError
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of
from telecare.switchover.planning import Known, as_result, plan_of, problem_of

log = get_logger("planning")

EVERY_S = 1.0
BEAT_S = 10.0
LONDON = ZoneInfo("Europe/London")

Tell = Callable[[float, str], Awaitable[None]]


class PlanRunner:
    """One worker that makes plans; any number of copies."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Make what is asked for until `stop` is set; what is in hand then is made anew by whoever comes next.

        A plan may take minutes, so this is no task of which a whole round each second is expected.
        """
        making = [asyncio.create_task(self._make_each(stop, only_anew=only_anew)) for only_anew in (False, True)]
        await stop.wait()
        for each in making:
            each.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    async def _make_each(self, stop: asyncio.Event, *, only_anew: bool) -> None:
        while not stop.is_set():
            try:
                made = await self.make_next(only_anew=only_anew)
            except Exception as error:
                made = False
                if is_transient(error):
                    log.warning("planning_waits_for_database", error=repr(error)[:200])
                else:
                    log.exception("planning_failed")
            if not made:
                await first_of(stop, timeout_s=EVERY_S)

    async def make_next(self, *, only_anew: bool = False) -> bool:
        """Make the plan whose turn it is, or the next that is made anew from another; say whether there was one."""
        async with self.database.transaction() as session:
            row = await PlanningRepository(session).claim(await database_now(session), only_anew=only_anew)
            if row is None:
                return False
            plan_id = row.id
        try:
            known, order = await self._order(plan_id)
            answer = await carry_out(order, lambda share, words: self._beat(plan_id, share, words))
            result = as_result(known, answer.plan, answer.done)
            why = f"The plan breaks a rule: {result['faults'][0]}" if result["faults"] else None
        except ProblemError as error:
            result, why = None, error.detail
        except WorkerError:
            log.exception("plan_failed", plan=str(plan_id))
            result, why = None, "The planner failed; the log has the reason"
        async with self.database.transaction() as session:
            await PlanningRepository(session).end(plan_id, None if why else result, why)
        return True

    async def _order(self, plan_id: UUID) -> tuple[Known, Order]:
        async with self.database.transaction() as session:
            repository = PlanningRepository(session)
            row = await repository.require(plan_id)
            now = (await database_now(session)).astimezone(LONDON)
            anew = row.replaces_id is not None
            known = await problem_of(
                session, row.council_id, row.first_on, row.last_on, now.date(), anew=anew, part=part_of(row)
            )
            if row.replaces_id is None:
                return known, Order(known.problem, row.seconds)
            before = await repository.require(row.replaces_id)
            return known, Order(known.problem, row.seconds, before_of(before, known), since_of(now, row.first_on))

    async def _beat(self, plan_id: UUID, share: float, words: str) -> None:
        async with self.database.transaction() as session:
            await PlanningRepository(session).beat(plan_id, share, words)


def part_of(row: SwitchoverPlan) -> Part | None:
    """Return the part of a programme that a plan is of, None when it is of all that are due."""
    return None if row.programme_id is None else Part(row.programme_id, row.wave_id)


def since_of(now: datetime, first: date) -> Since:
    """Return from when on things may be arranged: now, or the plan's first day when that is still to come."""
    return Since(now.date(), now.hour * 60 + now.minute) if first <= now.date() else Since(first)


def before_of(row: SwitchoverPlan, known: Known) -> Plan:
    """Return the plan to begin with: what is booked now, and else what it said of homes that still need a visit.

    A home that needs one only since it was made has no time in it: the next whole plan gives it one.
    """
    there = {home.id for home in known.problem.homes}
    if row.result is None or row.state not in {PlanState.READY, PlanState.ACCEPTED}:
        raise WorkerError("the plan to begin with is not there")
    plan, booked = plan_of(row.result), {each.home_id: each for each in known.promised}
    free = there - booked.keys()
    appointments = [replace(each, confirmed=False) for each in plan.appointments if each.home_id in free]
    unplanned = [each for each in plan.unplanned if each.home_id in free]
    new = free - {each.home_id for each in appointments} - {each.home_id for each in unplanned}
    unplanned += [Unplanned(each, "it needs a visit only since this plan was made: order a new one") for each in new]
    return Plan(
        tuple(sorted([*booked.values(), *appointments], key=lambda each: (each.day, each.crew, each.start))),
        tuple(sorted(unplanned, key=lambda each: each.home_id)),
    )


class WorkerError(Exception):
    """The process of the planner ended without an answer."""


async def carry_out(order: Order, tell: Tell) -> Answer:
    """Have an order carried out by a process of its own; `tell` is given its progress, at least each ten seconds."""
    async with _worker() as process:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise WorkerError("no pipes")
        process.stdin.write(pickle.dumps(order))
        process.stdin.close()
        progress = asyncio.create_task(_follow(process.stderr, tell))
        try:
            raw = await process.stdout.read()
            code, said = await process.wait(), await progress
        finally:
            progress.cancel()
    if code != 0:
        raise WorkerError(said or f"it ended with {code}")
    answer: Answer = pickle.loads(raw)  # noqa: S301 - from our own process
    return answer


async def _follow(lines: asyncio.StreamReader, tell: Tell) -> str:
    """Tell of each line of progress; return the last one that was none."""
    said, share, words = "", 0.0, ""
    reading = asyncio.ensure_future(lines.readline())
    while True:
        done, _ = await asyncio.wait({reading}, timeout=BEAT_S)
        if done:
            line = reading.result().decode(errors="replace")
            if not line:
                return said
            parts = line.split(maxsplit=2)
            if len(parts) == 3 and parts[0].isdecimal() and parts[1].isdecimal():  # noqa: PLR2004 - done, of, words
                share, words = int(parts[0]) / max(1, int(parts[1])), parts[2].strip()
            else:
                said = line.strip() or said
            reading = asyncio.ensure_future(lines.readline())
        await tell(share, words)


@asynccontextmanager
async def _worker() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devices.switchover.planning.worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
