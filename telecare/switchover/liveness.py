"""Checks units whose line was moved, within an hour of the notified time, and has humans told of what they must settle.

A unit that hears commands is asked for a test call; one that does not is a job for a human to ring it. Whatever has not
answered in time is an urgent alarm. By the database's clock; any number of copies; after a downtime of ours all that is
late is done at once.
"""

import asyncio
from datetime import datetime
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Annotated, Cleared
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService, Origin
from alarms.handling.switchover import LINE_MOVED, NOTICES, line_moved, notices_to_settle
from alarms.intake.repository import IntakeRepository
from devices.commands.domain import CommandName, CommandState
from devices.commands.repository import CommandRepository
from devices.commands.service import CommandService
from devices.jobs.domain import Finding, Item, JobKind, JobState, Look
from devices.jobs.service import JobService
from devices.registry.context import hub_context
from devices.registry.repository import HubRepository
from devices.switchover.telco.domain import (
    ANSWER_WITHIN,
    CHECK_WITHIN,
    SETTLE,
    Act,
    Check,
    CheckState,
    Seen,
    looks_next,
    next_act,
)
from devices.switchover.telco.models import TelcoCheck
from devices.switchover.telco.repository import TelcoRepository
from telecare.ingest.subject import subject_of
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.kernel.metrics import REGISTRY
from telecare.kernel.transient import is_transient
from telecare.wire.payloads import Message

log = get_logger("liveness")

EVERY_S = 15.0
STEPS = 4
"""A check takes at most so many steps in one look: asked and answered, or to be rung and late already."""
SYSTEM = "system"

_unsettled = Gauge(
    "telecare_migration_notices_unsettled", "Notices against a hold, or of a number of no home", registry=REGISTRY
)


class LivenessWatch:
    """One worker that checks."""

    def __init__(self, database: Database, public_url: str | None = None) -> None:
        self.database = database
        self.public_url = public_url

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.begin, self.step, self.tell, name="liveness", database=self.database)

    async def begin(self) -> None:
        """Make the checks of every notice whose time has come, one for each unit in its homes."""
        while True:
            async with self.database.transaction() as session:
                telco = TelcoRepository(session)
                notice = await telco.lock_unchecked(await database_now(session))
                if notice is None:
                    return
                for hub_id in await telco.homes_of(notice.council_id, notice.number):
                    await telco.add(
                        TelcoCheck(
                            id=new_id(), council_id=notice.council_id, notice_id=notice.id, hub_id=hub_id,
                            planned_at=notice.planned_at, state=CheckState.DUE, look_at=notice.planned_at + SETTLE,
                        )
                    )  # fmt: skip
                notice.checks_for = notice.planned_at

    async def step(self) -> None:
        """Go on with every check whose moment has come, one transaction each."""
        async with self.database.transaction() as session:
            due = await TelcoRepository(session).due_checks(await database_now(session))
        for check_id, hub_id in due:
            try:
                await self._step(check_id, hub_id)
            except Exception as error:
                if is_transient(error):
                    raise
                log.exception("check_failed", check_id=str(check_id), hub_id=hub_id)

    async def _step(self, check_id: UUID, hub_id: str) -> None:
        async with self.database.transaction() as session:
            now = await IntakeRepository(session).lock_hub(hub_id)
            check = await TelcoRepository(session).lock_check(check_id)
            if check is None:
                return
            for _ in range(STEPS):
                act = next_act(_pure(check), await self._seen(session, check), now)
                if act is Act.WAIT:
                    break
                await self._do(session, check, act, now)
            if check.ended_at is None:
                check.look_at = looks_next(_pure(check), now)

    async def _seen(self, session: AsyncSession, check: TelcoCheck) -> Seen:
        proven = await TelcoRepository(session).proven(check.hub_id, check.planned_at + SETTLE)
        command = await CommandRepository(session).lock(check.command_id) if check.command_id else None
        rung = check.rung
        if rung is None and check.job_id is not None:
            job = await JobService(session).jobs.require(check.job_id)
            rung = True if job.state == JobState.DONE else None  # somebody has seen to it, and said why
        hub = await HubRepository(session, frozenset()).require(check.hub_id)
        reachable = hub["connection"] != "analogue" and hub["presence"] != "never_seen" and hub["status"] != "retired"
        return Seen(proven, rung, reachable, CommandState(command.state) if command else None)

    async def _do(self, session: AsyncSession, check: TelcoCheck, act: Act, now: datetime) -> None:
        if act is Act.ASK:
            await self._ask(session, check, now)
        elif act is Act.RING:
            await self._ring(session, check, now)
        elif act is Act.ANSWERED:
            check.state, check.ended_at = CheckState.ANSWERED, now
        else:
            check.alarm_id = await self._open_case(session, check, now)
            check.state, check.ended_at = CheckState.NO_ANSWER, now
        await session.flush()

    async def _ask(self, session: AsyncSession, check: TelcoCheck, now: datetime) -> None:
        hub = await HubRepository(session, frozenset()).require(check.hub_id)
        try:
            command = await CommandService(session).request(
                hub, CommandName.TEST, None, requested_by=SYSTEM, expires_in=ANSWER_WITHIN
            )
        except RefusedError as refused:
            log.warning("unit_not_asked", hub_id=check.hub_id, why=str(refused))
            await self._ring(session, check, now)
            return
        check.state, check.asked_at, check.command_id = CheckState.ASKED, now, command.id

    async def _ring(self, session: AsyncSession, check: TelcoCheck, now: datetime) -> None:
        """Have a human ring it: a job that is due when the hour is over."""
        jobs = JobService(session)
        await jobs.jobs.lock_looks(wait=True)
        item = Item(
            f"{check.notice_id}:{check.planned_at.isoformat()}",
            f"The line was to be moved at {check.planned_at:%Y-%m-%d %H:%M} UTC",
            check.planned_at,
        )
        finding = Finding(JobKind.LINE_MOVED, (item,), before=check.planned_at + CHECK_WITHIN)
        await jobs.follow([Look(check.hub_id, JobKind.LINE_MOVED, finding)], now)
        job = (await jobs.jobs.lock_open([check.hub_id])).get((check.hub_id, JobKind.LINE_MOVED))
        check.state, check.job_id = CheckState.TO_RING, job.id if job else None

    async def _open_case(self, session: AsyncSession, check: TelcoCheck, now: datetime) -> UUID:
        subject = subject_of(await hub_context(session, check.hub_id, None), Message(type=LINE_MOVED))
        opening = line_moved(check.planned_at, asked=check.asked_at is not None, said=check.rung_words)
        alarms = AlarmService(session, self.public_url)
        return await alarms.open(opening, subject, Origin(check.hub_id, None, now), now)

    async def tell(self) -> None:
        """Have a human told of notices against a hold and of numbers of no home: one alarm a council."""
        async with self.database.transaction() as session:
            now = await database_now(session)
            counts = await TelcoRepository(session).unsettled(now)
            on_the_board = await AlarmRepository(session).open_faults(NOTICES)
        _unsettled.set(sum(counts.values()))
        for council, count in counts.items():
            async with self.database.transaction() as session:
                fresh = await TelcoRepository(session).lock_unsettled(await database_now(session), council)
                if not fresh:
                    continue
                named = [f"{one.provider}, {one.number}, {one.planned_at:%d %b %H:%M} UTC" for one in fresh]
                alarms = AlarmService(session, self.public_url)
                alarm_id, is_new = await alarms.open_or_find(notices_to_settle(count, named), council)
                if not is_new:
                    await alarms.feed(alarm_id, Annotated(f"{len(fresh)} more of them: {'; '.join(named[:5])}"))
                for one in fresh:
                    one.told_for = one.planned_at
        for known, (alarm_id, _) in on_the_board.items():
            if known is not None and known not in counts:
                async with self.database.transaction() as session:
                    await AlarmService(session, self.public_url).clear_if_open(
                        alarm_id, Cleared("No notice is against a hold or of an unknown number any more")
                    )


def _pure(check: TelcoCheck) -> Check:
    return Check(check.planned_at, CheckState(check.state), check.asked_at)
