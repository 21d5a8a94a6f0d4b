"""Very many hubs fall silent: how late each verdict is, what humans are told, and what a pendant waits meanwhile.

Keeper, watch and engine run as they do in the service; hubs are rows whose last heartbeat lies as far back as it takes.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from alarms.handling.engine import Engine
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService, Origin
from alarms.incidents.domain import Rule
from alarms.intake.domain import opening
from alarms.intake.repository import IntakeRepository
from alarms.intake.types import TYPES
from devices.presence.keeper import PresenceKeeper
from devices.presence.verdict_repository import VerdictRepository
from telecare.bench.figures import figures
from telecare.contacts import contacts_by
from telecare.ingest.subject import find_subject
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings
from telecare.protection.silence import SilenceWatch
from telecare.wire.payloads import Message

INTERVAL_S, GRACE_S, MISSES = 300, 75, 3
OFFLINE_S = INTERVAL_S * MISSES + GRACE_S
"""After so long without a word a hub of the bench is offline."""

HEARS_EACH_S = 2.0
LOOKS_EACH_S = 0.25
WITHIN_S = 10.0
"""A verdict comes at most so long after its deadline."""
AFTER_S = 120.0
"""So long after the last deadline the bench gives up on what has not come."""

# One home in five has tier A, as many postcodes as it takes for fifty homes in each; a tenth belongs to another network
# that stays alive: its homes press their pendants.
_HOMES = (
    """
    INSERT INTO device_model (id, make, name, connection, heartbeat_interval_s, heartbeat_grace_s, miss_limit,
                              battery_hours)
    VALUES (gen_random_uuid(), 'Skerry', 'Bench', 'digital', :interval, :grace, :misses, 24)
    """,
    """
    INSERT INTO hub (hub_id, council_id, model_id, connection, status, mobile_network)
    SELECT 'bench-' || n, CASE WHEN n % 2 = 0 THEN 'S12000047' ELSE 'S12000049' END,
           (SELECT id FROM device_model WHERE name = 'Bench'), 'digital', 'in_service',
           CASE WHEN n > :hubs THEN 'Forth Mobile' ELSE 'Tay Mobile' END
      FROM generate_series(1, :hubs + greatest(20, :hubs / 10)) AS n
    """,
    """
    INSERT INTO person (id, council_id, given_name, family_name, risk_tier)
    SELECT md5(hub_id)::uuid, council_id, 'Jean', hub_id, chr(65 + substr(hub_id, 7)::int % 5 % 4) FROM hub
    """,
    """
    INSERT INTO premises (id, council_id, address, town, postcode)
    SELECT md5(hub_id)::uuid, council_id, '1 High Street', 'Cupar',
           'QV' || substr(hub_id, 7)::int / 450 || ' ' || substr(hub_id, 7)::int / 50 % 9 || 'AA' FROM hub
    """,
    """
    INSERT INTO installation (id, council_id, hub_id, person_id, premises_id, period)
    SELECT md5(hub_id)::uuid, council_id, hub_id, md5(hub_id)::uuid, md5(hub_id)::uuid,
           tstzrange(now() - interval '1 year', NULL) FROM hub
    """,
    """
    INSERT INTO hub_live (hub_id, last_seen_at)
    SELECT hub_id, clock_timestamp() + make_interval(secs => CASE WHEN n > :hubs THEN 0 ELSE
           CAST(:ahead AS float8) - CAST(:offline AS float8) + CAST(:spread AS float8) * n / :hubs END)
      FROM (SELECT hub_id, CASE WHEN number > :hubs THEN number ELSE number * 7919::bigint % :hubs END AS n
              FROM (SELECT hub_id, substr(hub_id, 7)::int AS number FROM hub) AS numbered) AS shuffled
    """,
    "ANALYZE hub, person, premises, installation, hub_live",
)
_SEEN = text(
    """
    SELECT count(*) FILTER (WHERE state = 'offline'),
           extract(epoch FROM max(clock_timestamp() - look_at) FILTER (WHERE look_at < clock_timestamp()))
      FROM hub_presence WHERE hub_id IN (SELECT hub_id FROM hub WHERE mobile_network = 'Tay Mobile')
    """
)
_TOLD = text(
    """
    SELECT (SELECT count(*) FROM incident) AS incidents,
           (SELECT count(*) FROM incident_member WHERE state = 'joined') AS members,
           (SELECT count(*) FROM alarm WHERE type = 'incident') AS incident_alarms,
           (SELECT count(*) FROM alarm WHERE type = 'hub_offline') AS alone,
           (SELECT count(*) FROM outbox) AS messages
    """
)


@dataclass(frozen=True)
class SilenceOptions:
    """`hubs` fall silent, their deadlines spread over so many seconds; the first comes after `ahead_s`."""

    hubs: int = 20_000
    spread_s: float = 120.0
    ahead_s: float = 10.0
    pendants: int = 100
    settle_s: float = 20.0


@dataclass
class SilenceReport:
    """What was seen: verdicts, the latest of them, what humans were told, and seconds that a pendant waited."""

    hubs: int
    verdicts: int = 0
    latest_s: float = 0.0
    members_after_s: float | None = None
    told: dict[str, int] = field(default_factory=dict)
    quiet: list[float] = field(default_factory=list)
    meanwhile: list[float] = field(default_factory=list)

    def holds(self) -> bool:
        """Say whether each was judged in time, and humans were told of one cause and of no hub by itself."""
        told_once = (self.told.get("incidents"), self.told.get("alone"), self.told.get("messages")) == (1, 0, 0)
        return self.verdicts == self.hubs and self.latest_s <= WITHIN_S and told_once

    def ratio(self) -> float | None:
        """Return what a pendant waits meanwhile over what it waits on a quiet day (medians)."""
        quiet, meanwhile = figures(self.quiet), figures(self.meanwhile)
        return meanwhile.p50 / quiet.p50 if quiet and meanwhile else None

    def lines(self) -> list[str]:
        """Return the report in words."""
        after = self.members_after_s
        joined = "not all" if after is None else f"all {after:.1f} s after the last deadline"
        return [
            f"{self.verdicts:,} of {self.hubs:,} silent hubs judged, each within {self.latest_s:.1f} s of its deadline",
            f"incidents {self.told['incidents']}, members {self.told['members']:,} ({joined})",
            f"alarms of incidents {self.told['incident_alarms']}, of single hubs {self.told['alone']}",
            f"messages {self.told['messages']}",
            "pendant, from receipt to the first step of its ladder, ms:   p50      p99  longest   n",
            f"  quiet                                                {figures(self.quiet) or 'none'}",
            f"  while hubs fall silent                               {figures(self.meanwhile) or 'none'}",
            f"  ratio of the medians {self.ratio() or 0:.2f}",
        ]

    def values(self) -> dict[str, object]:
        """Return the report for programs."""
        return {
            "hubs": self.hubs,
            "verdicts": self.verdicts,
            "latest_verdict_s": self.latest_s,
            "all_members_after_s": self.members_after_s,
            **self.told,
            "pendant_ratio": self.ratio(),
        }


async def silence_run(url: str, options: SilenceOptions, say: Callable[[str], None]) -> SilenceReport:
    """Run on an empty database with the schema; the report says what was found."""
    report = SilenceReport(options.hubs)
    settings = Settings.model_validate({"database_url": url})
    database = Database(settings)
    engine = Engine(database, contacts_by(settings))
    try:
        say(f"{options.hubs:,} homes …")
        await _settle(database, options)
        async with _at_work(database, engine, options):
            last = time.monotonic() + options.ahead_s + options.spread_s
            report.quiet = await _press(database, engine, options, 0, options.ahead_s * 0.8)
            say(f"they fall silent within {options.spread_s:.0f} s …")
            watching = asyncio.create_task(_watch(database, report, last))
            report.meanwhile = await _press(database, engine, options, 1, options.spread_s)
            await watching
        report.told = await _told(database)
    finally:
        await database.dispose()
    return report


async def _settle(database: Database, options: SilenceOptions) -> None:
    values: dict[str, Any] = {
        "interval": INTERVAL_S, "grace": GRACE_S, "misses": MISSES, "hubs": options.hubs, "offline": OFFLINE_S,
        "ahead": options.ahead_s, "spread": options.spread_s,
    }  # fmt: skip
    async with database.transaction() as session:
        for statement in map(text, _HOMES):
            named = statement.compile().params
            await session.execute(statement, {name: values[name] for name in named})
        await VerdictRepository(session).hear("main")
    while await PresenceKeeper(database).step():
        pass


@asynccontextmanager
async def _at_work(database: Database, engine: Engine, options: SilenceOptions) -> AsyncIterator[None]:
    """Let keeper, watch, engine and an ear work while the block lasts."""
    stop = asyncio.Event()
    rule = Rule(settle=timedelta(seconds=options.settle_s))
    work = [PresenceKeeper(database).run, SilenceWatch(database, rule=rule).run, engine.run, _ear(database)]
    tasks = [asyncio.create_task(each(stop)) for each in work]
    try:
        yield
    finally:
        stop.set()
        engine.woken.set()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ear(database: Database) -> Callable[[asyncio.Event], Any]:
    async def hear(stop: asyncio.Event) -> None:
        while not stop.is_set():
            async with database.transaction() as session:
                await VerdictRepository(session).hear("main")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), HEARS_EACH_S)

    return hear


async def _watch(database: Database, report: SilenceReport, last: float) -> None:
    """See the verdicts come, and the members after them."""
    while time.monotonic() < last + AFTER_S:
        async with database.transaction() as session:
            verdicts, late = (await session.execute(_SEEN)).one()
        report.verdicts, report.latest_s = verdicts, max(report.latest_s, float(late or 0))
        if verdicts == report.hubs:
            told = await _told(database)
            if told["members"] + told["alone"] >= report.hubs:
                report.members_after_s = time.monotonic() - last
                return
        await asyncio.sleep(LOOKS_EACH_S)


async def _told(database: Database) -> dict[str, int]:
    async with database.transaction() as session:
        return {str(name): int(count) for name, count in (await session.execute(_TOLD)).mappings().one().items()}


async def _press(
    database: Database, engine: Engine, options: SilenceOptions, phase: int, seconds: float
) -> list[float]:
    """Press pendants of homes that are not silent, evenly; return how long each waited for its first step."""
    took, others = [], max(20, options.hubs // 10)
    for number in range(options.pendants):
        begun = time.monotonic()
        hub_id = f"bench-{options.hubs + 1 + (phase * options.pendants + number) % others}"
        async with database.transaction() as session:
            now = await IntakeRepository(session).lock_hub(hub_id)
            subject = await find_subject(session, hub_id, Message(type="pendant"), now)
            row = TYPES["pendant"]
            origin = Origin(hub_id, None, now)
            alarm_id = await AlarmService(session).open(opening(row, row.words, ()), subject, origin, now)
        engine.woken.set()
        while True:
            async with database.transaction() as session:
                if len(await AlarmRepository(session).log_of(alarm_id)) > 1:
                    break
            await asyncio.sleep(0.002)
        took.append(time.monotonic() - begun)
        await asyncio.sleep(max(0.0, seconds / options.pendants - took[-1]))
    return took
