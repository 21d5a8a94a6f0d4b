"""Very many hubs fall silent: how late each verdict is, what humans are told, and what a pendant waits meanwhile.

What runs is whoever has work with a silence, in one process with one event loop as in the service: the keepers of
presence and protection, the watches over silences, incidents and welfare, and an engine. Hubs are rows whose last
heartbeat lies as far back as it takes. Neither broker, ingest, web nor sender is here: an ear only says that we hear,
and a pendant begins at the intake's lock of its hub, not at the broker. The way from there and back to it is measured
by `telecare bench alarm`.
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
from telecare.protection.keeper import ProtectionKeeper
from telecare.protection.silence import SilenceWatch
from telecare.protection.welfare import WelfareWatch
from telecare.wire.payloads import Message

INTERVAL_S, GRACE_S, MISSES = 300, 75, 3
OFFLINE_S = INTERVAL_S * MISSES + GRACE_S
"""After so long without a word a hub of the bench is offline."""

HEARS_EACH_S = 2.0
LOOKS_EACH_S = 0.25
WITHIN_S = 10.0
"""A verdict comes at most so long after its deadline."""
PENDANT_WITHIN_MS = 1000.0
"""So much longer at most one pendant in a hundred waits meanwhile than when all is quiet."""
AFTER_S = 120.0
"""So long after the last deadline the bench gives up on what has not come."""
SETTLES_AT_LEAST = 500
"""So many homes a second are judged for the first time, where other work is done beside the bench."""

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
           CAST(:lead AS float8) + CAST(:ahead AS float8) - CAST(:offline AS float8) +
           CAST(:spread AS float8) * n / :hubs END)
      FROM (SELECT hub_id, CASE WHEN number > :hubs THEN number ELSE number * 7919::bigint % :hubs END AS n
              FROM (SELECT hub_id, substr(hub_id, 7)::int AS number FROM hub) AS numbered) AS shuffled
    """,
    "ANALYZE hub, person, premises, installation, hub_live",
)
# All are judged as a whole once, and not again for each row that putting them up has changed.
_FORGET_CHANGES = text("TRUNCATE protection_change")
_LEFT = text(
    """
    SELECT CAST(:offline AS float8) + extract(epoch FROM max(last_seen_at) - clock_timestamp())
      FROM hub_live JOIN hub USING (hub_id) WHERE mobile_network = 'Tay Mobile'
    """
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
           (SELECT count(*) FROM outbox) AS messages,
           (SELECT count(*) FROM person_protection WHERE state = 'unprotected') AS unprotected
    """
)


@dataclass(frozen=True)
class SilenceOptions:
    """`hubs` fall silent, their deadlines spread over so many seconds; `ahead_s` of quiet come before the first."""

    hubs: int = 20_000
    spread_s: float = 120.0
    ahead_s: float = 10.0
    pendants: int = 100
    settle_s: float = 20.0

    @property
    def lead_s(self) -> float:
        """Return how long the homes may take to be judged for the first time, before it is quiet."""
        return self.hubs / SETTLES_AT_LEAST


@dataclass
class SilenceReport:
    """What was seen: verdicts, the latest of them, what humans were told, and seconds that a pendant waited."""

    hubs: int
    verdicts: int = 0
    latest_s: float = 0.0
    members_after_s: float | None = None
    unprotected_after_s: float | None = None
    told: dict[str, int] = field(default_factory=dict)
    quiet: list[float] = field(default_factory=list)
    meanwhile: list[float] = field(default_factory=list)

    def holds(self) -> bool:
        """Say whether each was judged in time, humans were told of one cause and no hub, and pendants were not slowed.

        A pendant is slowed when its p99 is a second longer than in the quiet before; unless some were pressed in both,
        nobody knows.
        """
        told_once = (self.told.get("incidents"), self.told.get("alone"), self.told.get("messages")) == (1, 0, 0)
        longer = self.longer_ms()
        on_time = longer is not None and longer <= PENDANT_WITHIN_MS
        return self.verdicts == self.hubs and self.latest_s <= WITHIN_S and told_once and on_time

    def longer_ms(self) -> float | None:
        """Return by how much the p99 of pendants is longer meanwhile than on a quiet day, in milliseconds."""
        quiet, meanwhile = figures(self.quiet), figures(self.meanwhile)
        return meanwhile.p99 - quiet.p99 if quiet and meanwhile else None

    def ratio(self) -> float | None:
        """Return what a pendant waits meanwhile over what it waits on a quiet day (medians)."""
        quiet, meanwhile = figures(self.quiet), figures(self.meanwhile)
        return meanwhile.p50 / quiet.p50 if quiet and meanwhile else None

    def lines(self) -> list[str]:
        """Return the report in words."""
        return [
            f"{self.verdicts:,} of {self.hubs:,} silent hubs judged, each within {self.latest_s:.1f} s of its deadline",
            f"incidents {self.told['incidents']}, members {self.told['members']:,} ({_after(self.members_after_s)})",
            f"alarms of incidents {self.told['incident_alarms']}, of single hubs {self.told['alone']}",
            f"people shown without protection {self.told['unprotected']:,} ({_after(self.unprotected_after_s)})",
            f"messages {self.told['messages']}",
            "pendant, from receipt to the first step of its ladder, ms:   p50      p99  longest   n",
            f"  quiet                                                {figures(self.quiet) or 'none'}",
            f"  while hubs fall silent                               {figures(self.meanwhile) or 'none'}",
            f"  ratio of the medians {_words(self.ratio(), '.2f')}",
            f"  p99 longer by {_words(self.longer_ms(), '.1f')} ms, of {PENDANT_WITHIN_MS:.0f} at most",
        ]

    def values(self) -> dict[str, object]:
        """Return the report for programs."""
        quiet, meanwhile = figures(self.quiet), figures(self.meanwhile)
        return {
            "hubs": self.hubs,
            "verdicts": self.verdicts,
            "latest_verdict_s": self.latest_s,
            "all_members_after_s": self.members_after_s,
            "all_unprotected_after_s": self.unprotected_after_s,
            **self.told,
            "pendant_quiet_p99_ms": quiet.p99 if quiet else None,
            "pendant_p99_ms": meanwhile.p99 if meanwhile else None,
            "pendant_p99_longer_ms": self.longer_ms(),
            "pendant_ratio": self.ratio(),
        }


def _after(seconds: float | None) -> str:
    return "not all" if seconds is None else f"all {seconds:.1f} s after the last deadline"


def _words(value: float | None, shape: str) -> str:
    return "none" if value is None else format(value, shape)


async def silence_run(url: str, options: SilenceOptions, say: Callable[[str], None]) -> SilenceReport:
    """Run on an empty database with the schema; the report says what was found."""
    report = SilenceReport(options.hubs)
    settings = Settings.model_validate({"database_url": url})
    database = Database(settings)
    engine = Engine(database, contacts_by(settings))
    try:
        say(f"{options.hubs:,} homes …")
        last = await _put_up(database, options)
        async with _at_work(database, settings, engine, options):
            quiet_s = last - options.spread_s - time.monotonic()
            if quiet_s < options.ahead_s:
                say(f"this machine is slow: the first deadline comes after {quiet_s:.0f} s, not {options.ahead_s:.0f}")
            report.quiet = await _press(database, engine, options, 0, quiet_s - options.ahead_s * 0.2)
            say(f"they fall silent within {options.spread_s:.0f} s …")
            watching = asyncio.create_task(_watch(database, report, last))
            report.meanwhile = await _press(database, engine, options, 1, options.spread_s)
            await watching
        report.told = await _told(database)
    finally:
        await database.dispose()
    return report


async def _put_up(database: Database, options: SilenceOptions) -> float:
    """Put the homes into the register; return when the last deadline is, by the monotonic clock."""
    values: dict[str, Any] = {
        "interval": INTERVAL_S, "grace": GRACE_S, "misses": MISSES, "hubs": options.hubs, "offline": OFFLINE_S,
        "ahead": options.ahead_s, "spread": options.spread_s, "lead": options.lead_s,
    }  # fmt: skip
    async with database.transaction() as session:
        for statement in map(text, _HOMES):
            named = statement.compile().params
            await session.execute(statement, {name: values[name] for name in named})
        left = (await session.execute(_LEFT, {"offline": OFFLINE_S})).scalar_one()
        await VerdictRepository(session).hear("main")
    return time.monotonic() + float(left)


@asynccontextmanager
async def _at_work(
    database: Database, settings: Settings, engine: Engine, options: SilenceOptions
) -> AsyncIterator[None]:
    """Let all who have work with a silence do it while the block lasts, from when all homes have been judged once."""
    stop = asyncio.Event()
    rule = Rule(settle=timedelta(seconds=options.settle_s))
    within = timedelta(seconds=settings.first_heard_within_s)
    presence, protection = PresenceKeeper(database), ProtectionKeeper(database, within)
    welfare = WelfareWatch(database, settings.welfare_after_s)
    tasks = [asyncio.create_task(_ear(database)(stop))]
    try:
        await presence.judge_all(stop)
        async with database.transaction() as session:
            await session.execute(_FORGET_CHANGES)
        await protection.look()
        work = [presence.run, protection.run, SilenceWatch(database, rule=rule).run, welfare.run, engine.run]
        tasks += [asyncio.create_task(each(stop)) for each in work]
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
    """See the verdicts come, and after them the members of the incident, and that nobody protects their people."""
    while time.monotonic() < last + AFTER_S:
        async with database.transaction() as session:
            verdicts, late = (await session.execute(_SEEN)).one()
        report.verdicts, report.latest_s = verdicts, max(report.latest_s, float(late or 0))
        if verdicts == report.hubs:
            told = await _told(database)
            after = time.monotonic() - last
            if report.members_after_s is None and told["members"] + told["alone"] >= report.hubs:
                report.members_after_s = after
            if report.unprotected_after_s is None and told["unprotected"] >= report.hubs:
                report.unprotected_after_s = after
            if None not in (report.members_after_s, report.unprotected_after_s):
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
