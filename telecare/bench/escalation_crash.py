"""The crash run of the escalation (R46): four processes of the service are killed at random while alarms are raised.

A policy tells the supervisor of each alarm within seconds; a webhook counts what is handed over, and people end most of
the alarms that it heard of. What must hold afterwards: each alarm that was acked to a hub has been handed over, what
came twice came twice because somebody had been killed, and no open alarm is without a moment at which it goes on.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx
from sqlalchemy import func, select

from alarms.handling.domain import SYSTEM_HUB
from alarms.handling.models import Alarm
from alarms.notify.crowding import LIFE_SAFETY
from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.repository import ContactPointRepository
from alarms.policy.repository import PolicyRepository
from simulators.provider.sink import WebhookSink
from telecare.bench.crash import CrashOptions, CrashReport, Kill, compare, raise_and_kill, replay_all
from telecare.embedded.lab import Lab
from telecare.embedded.process import Supervised
from telecare.kernel.db import Database

LOOK_S = 0.3
LOOKS = 600
OVERDUE_S = 30
LEFT_OPEN = 4
"""Of so many alarms one is ended by nobody: its ladder goes on to the last resort, and that repeats."""

KEY = "bench-crash"
POLICY = {
    "key": KEY,
    "name": "Crash run",
    "for": {"classes": ["L", "U"]},
    "steps": [
        {"tell": ["queue"], "wait": 1},
        {"tell": ["supervisor"], "wait": 20},
        {"tell": ["duty_manager"], "wait": 20},
    ],
    "catch_all": {"tell": ["queue", "supervisor", "duty_manager"], "every": 60},
}


@dataclass(frozen=True)
class EscalationCrashOptions(CrashOptions):
    """As for the other crash run; and whether broker and database are killed too."""

    broker: bool = False
    postgres: bool = False


@dataclass
class EscalationCrashReport(CrashReport):
    """The counts of a run. `handed` counts each message by its key; `told` are the alarms that were handed over."""

    handed: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    ended: int = 0
    untold: int = 0
    without_deadline: int = 0
    overdue: int = 0

    @property
    def twice(self) -> int:
        """Return how many messages were handed over again."""
        return sum(self.handed.values()) - len(self.handed)

    @property
    def at_most_twice(self) -> int:
        """Return how many may be: with each kill, all that a sender may have in hand by one channel."""
        kills = sum(count for name, count in self.kills.items() if name.startswith(("engine", "postgres")))
        return kills * LIFE_SAFETY.by_channel

    def lines(self) -> list[str]:
        """Return the counts in words."""
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return [
            f"kill -9: {sum(self.kills.values())} ({killed})",
            f"hubs: raised {self.raised}, acked {self.acked}, sent {self.sent} times with repeats",
            f"alarms: {self.alarms}, handed over {len(self.told)}, of nobody heard {self.untold}, ended {self.ended}",
            f"messages: {len(self.handed)}, handed over again {self.twice} (at most {self.at_most_twice})",
            f"open without a deadline: {self.without_deadline}; overdue: {self.overdue}",
            f"lost: {self.lost}; faults: {len(self.faults)}",
            *self.faults[:20],
        ]


async def escalation_crash_run(
    lab: Lab, options: EscalationCrashOptions, say: Callable[[str], None]
) -> EscalationCrashReport:
    """Run on a started lab whose service is apart (`APART`); the report says what was found."""
    report = EscalationCrashReport()
    victims: dict[str, Kill] = {name: partial(_kill_if_up, service) for name, service in lab.services.items()}
    if options.broker:
        victims["broker"] = lab.broker.kill
    if options.postgres:
        victims["postgres"] = lab.postgres.kill
    database = Database(lab.settings())
    try:
        async with WebhookSink(limit=1_000_000) as sink:
            await _prepare(database, sink.url)
            people = asyncio.create_task(_hear_and_end(lab, sink, report))
            try:
                ledger = await raise_and_kill(lab, victims, options, report, say)
                say("Waiting until every alarm has been handed over …")
                for _ in range(LOOKS):
                    if not await _untold(database, report):
                        break
                    await asyncio.sleep(LOOK_S)
            finally:
                people.cancel()
                await asyncio.gather(people, return_exceptions=True)
        await compare(database, ledger, report)
        await replay_all(database, report)
        await _judge(database, report)
    finally:
        await database.dispose()
    return report


def _kill_if_up(service: Supervised) -> bool:
    """Kill a process that has answered since it was started; one that still starts is none that does anything."""
    if service.up.is_set():
        service.kill()
        return True
    return False


async def _prepare(database: Database, url: str) -> None:
    """Put in the policy, and the webhook behind supervisor and duty manager."""
    async with database.transaction() as session:
        points = ContactPointRepository(session)
        for target in (ContactTarget.SUPERVISOR, ContactTarget.DUTY_MANAGER):
            await points.create(None, target, Channel.WEBHOOK, f"{url}{target}", target)
        policies = PolicyRepository(session)
        policy = await policies.create(None, KEY)
        if policy is not None:
            written = {"text": "", "document": POLICY, "outlook": {}, "note": "for the run", "created_by": "bench"}
            await policies.add_version(policy, **written)


async def _hear_and_end(lab: Lab, sink: WebhookSink, report: EscalationCrashReport) -> None:
    """Count what is handed over, and end most of the alarms that were heard of, as people do, until cancelled."""
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    to_end: list[str] = []
    seen = 0
    async with httpx.AsyncClient(base_url=lab.url, headers=headers, trust_env=False, timeout=5) as client:
        while True:
            fresh = list(itertools.islice(sink.inbox.items, seen, None))
            seen += len(fresh)
            for request in fresh:
                alarm_id = request.json()["alarm_id"]
                report.handed[request.headers["idempotency-key"]] += 1
                if alarm_id not in report.told:
                    report.told.add(alarm_id)
                    if len(report.told) % LEFT_OPEN:
                        to_end.append(alarm_id)
            left = []
            for alarm_id in to_end:
                if await _end(client, alarm_id):
                    report.ended += 1
                else:
                    left.append(alarm_id)
            to_end = left
            await asyncio.sleep(LOOK_S)


async def _end(client: httpx.AsyncClient, alarm_id: str) -> bool:
    """End an alarm; False when it must be tried again."""
    try:
        alarm = (await client.get(f"/api/v1/alarms/{alarm_id}")).raise_for_status().json()
        if alarm["handling"] == "closed":
            return True
        body = {"as_of": alarm["version"], "outcome": "reassured", "voice_confirmed": True}
        return (await client.post(f"/api/v1/alarms/{alarm_id}/close", json=body)).is_success
    except httpx.HTTPError:
        return False


async def _untold(database: Database, report: EscalationCrashReport) -> list[str]:
    """Return the alarms of hubs of which nobody has heard and which nobody has."""
    of_hubs = select(Alarm.id).where(Alarm.hub_id != SYSTEM_HUB, Alarm.class_.in_(("L", "U")))
    ours = of_hubs.where(Alarm.first_acked_at.is_(None))
    async with database.transaction() as session:
        found = {str(alarm_id) for alarm_id in (await session.execute(ours)).scalars()}
    return sorted(found - report.told)


async def _judge(database: Database, report: EscalationCrashReport) -> None:
    untold = await _untold(database, report)
    report.untold = len(untold)
    report.faults += [f"lost: nobody has heard of alarm {alarm_id}" for alarm_id in untold]
    is_open = Alarm.handling != "closed"
    late = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, OVERDUE_S)
    async with database.transaction() as session:
        without = select(func.count()).where(is_open, Alarm.next_due_at.is_(None))
        report.without_deadline = (await session.execute(without)).scalar_one()
        overdue = select(func.count()).where(is_open, Alarm.next_due_at < late)
        report.overdue = (await session.execute(overdue)).scalar_one()
    if report.without_deadline or report.overdue:
        report.faults.append("open alarms do not go on")
    if report.twice > report.at_most_twice:
        report.faults.append("more messages were handed over again than kills can explain")
