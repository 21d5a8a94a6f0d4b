"""How many heartbeats a second are made durable, beside what the broker and the database alone allow, in one run.

Each pour is the same: so many messages of so many hubs, published as fast as the broker takes them, timed from the
first until the last is counted or committed. Counting subscriber and service take turns on one broker. Ratios within
one run travel between machines; the figures themselves do not.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from telecare.bench.alarm import CONDITIONS, AlarmOptions, AlarmReport, alarm_run
from telecare.bench.fleet import Watch, hub_names, lose_mains, register, settled, silence, spread, stands
from telecare.bench.node_red import NodeRedError, node_red
from telecare.bench.pouring import bare_rows, count_durable, counted, end_session, memory_mib, poured, shares_of
from telecare.embedded.lab import ALL_IN_ONE, Lab, sharing
from telecare.embedded.ports import free_port
from telecare.kernel.db import asyncpg_dsn
from telecare.kernel.errors import UnavailableError

PARTS = ("heartbeats", "growth", "share", "node-red", "alarm")
APART = {"web": "web,engine", "ingest": "ingest"}
WRITTEN_WITHIN_S = 120.0
LOOKS = 800_000
"""Looks at how many are written: 20 a second at 40,000 heartbeats, 4 at 200,000."""
DARK = 100
"""So many homes lose their mains."""
HOMES = 5
"""The homes of the lab itself; the hubs that are measured are put in beside them."""

UNDER_ALL = AlarmOptions(alarms=40, under=tuple(CONDITIONS))

Say = Callable[[str], None]


@dataclass(frozen=True)
class IngestOptions:
    """`messages` in each pour, of `hubs`; `rounds` of turns; fleets of these sizes; so many processes that share."""

    messages: int = 40_000
    hubs: int = 1_000
    rounds: int = 3
    fleets: Sequence[int] = (1_000, 10_000, 100_000)
    silent: int = 1_000
    processes: Sequence[int] = (1, 2, 4)
    peer_messages: int = 5_000
    parts: Sequence[str] = PARTS
    alarms: AlarmOptions = UNDER_ALL
    alarm_homes: int = 3_000
    """Some 1,350 of their hubs speak MQTT: a thousand and more storm beside those that are pressed (C30)."""
    seed: int = 1


QUICK = IngestOptions(
    messages=2_000,
    hubs=100,
    rounds=1,
    fleets=(200, 400),
    silent=50,
    processes=(2,),
    parts=("heartbeats", "growth", "share", "alarm"),
    alarms=AlarmOptions(alarms=2, per_s=10, heartbeats_per_s=200, consoles=2),
    alarm_homes=80,
)
"""Enough to see that it runs and counts right; its times say nothing."""


@dataclass
class Turn:
    """One turn of both: heartbeats a second."""

    counting: float
    service: float


@dataclass
class Grown:
    """One size of the fleet, each of which has beaten: heartbeats a second, memory of the process that takes them.

    `web_mib` is that of the other process, with its judges, engine and web. Seconds until `silent` hubs were judged
    that fell silent, until their people stood as unprotected, and until `dark` people stood as degraded whose homes
    lost their mains.
    """

    hubs: int
    per_s: float
    memory_mib: float | None
    web_mib: float | None
    silent: int
    verdicts_s: float
    unprotected_s: float
    dark: int
    degraded_s: float


@dataclass
class Shared:
    """So many processes: heartbeats a second, how many each took, hubs whose newest heartbeat is not the last."""

    processes: int
    per_s: float
    took: dict[str, int]
    written: int
    out_of_order: int


@dataclass
class IngestReport:
    """What was found; a part that was not asked for is empty."""

    messages: int
    turns: list[Turn] = field(default_factory=list)
    bare_per_s: float | None = None
    grown: list[Grown] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    peer_per_s: float | None = None
    peer_messages: int = 0
    peer_missing: str | None = None
    alarms: AlarmReport | None = None
    took_s: dict[str, float] = field(default_factory=dict)

    def ratio(self) -> float | None:
        """Return the service's rate over the counting subscriber's, the median of the turns."""
        return median(turn.service / turn.counting for turn in self.turns) if self.turns else None

    def values(self) -> dict[str, Any]:
        """Return the report for programs."""
        alarms = None if self.alarms is None else self.alarms.values()
        return {**asdict(replace(self, alarms=None)), "alarms": alarms, "ratio": self.ratio()}

    def lines(self) -> list[str]:
        """Return the report in words."""
        return [
            f"{self.messages:,} heartbeats in each pour; each a second:",
            *self._heartbeats(),
            *self._growth(),
            *self._sharing(),
            *self._peer(),
            *(["", *self.alarms.lines()] if self.alarms else []),
            "",
            "took: " + ", ".join(f"{part} {took:.0f} s" for part, took in self.took_s.items()),
        ]

    def _heartbeats(self) -> Iterator[str]:
        if not self.turns:
            return
        yield ""
        for turn in self.turns:
            yield (
                f"  a subscriber that only counts {turn.counting:9,.0f}   the service, durable {turn.service:9,.0f}"
                f"   ratio {turn.service / turn.counting:.2f}"
            )
        yield f"  median of the ratios {self.ratio():.2f}"
        if self.bare_per_s is not None:
            share = median(turn.service for turn in self.turns) / self.bare_per_s
            yield f"  the same rows by bare SQL in batches {self.bare_per_s:9,.0f}   the service has {share:.2f} of it"

    def _growth(self) -> Iterator[str]:
        if self.grown:
            yield ""
        for each in self.grown:
            memory = " and ".join("?" if mib is None else f"{mib:.0f}" for mib in (each.memory_mib, each.web_mib))
            yield (
                f"  {each.hubs:>9,} hubs {each.per_s:9,.0f}   memory of ingest and web {memory} MiB"
                f"   {each.silent:,} verdicts after {each.verdicts_s:.1f} s, people unprotected after"
                f" {each.unprotected_s:.1f} s   mains of {each.dark:,} homes seen after {each.degraded_s:.1f} s"
            )
        for one, other in pairwise(self.grown):
            yield (
                f"  from {one.hubs:,} to {other.hubs:,} hubs: cost of a heartbeat x {one.per_s / other.per_s:.2f},"
                f" verdicts x {other.verdicts_s / one.verdicts_s:.2f},"
                f" people unprotected x {other.unprotected_s / one.unprotected_s:.2f},"
                f" mains x {other.degraded_s / one.degraded_s:.2f}"
            )

    def _sharing(self) -> Iterator[str]:
        if self.shared:
            yield ""
        for each in self.shared:
            took = " + ".join(f"{count:,}" for count in each.took.values())
            yield (
                f"  {each.processes} processes {each.per_s:9,.0f}   they took {took}   written {each.written:,}"
                f"   hubs out of order {each.out_of_order}"
            )

    def _peer(self) -> Iterator[str]:
        if self.peer_missing is not None:
            yield f"  Node-RED: not measured, {self.peer_missing}"
        elif self.peer_per_s is not None:
            yield f"  Node-RED, an insert for each of {self.peer_messages:,} messages {self.peer_per_s:9,.0f}"
            if self.turns:
                yield f"  the service has {median(t.service for t in self.turns) / self.peer_per_s:.1f} times that"


async def ingest_run(folder: Path, options: IngestOptions, say: Say) -> IngestReport:
    """Run all parts that were asked for, on labs of their own in `folder`, with Mosquitto."""
    report = IngestReport(options.messages, peer_messages=options.peer_messages)
    one_lab = {"heartbeats", "growth", "node-red"} & set(options.parts)
    if one_lab:
        async with _lab(folder / "one", APART) as lab:
            database = await asyncpg.connect(asyncpg_dsn(lab.postgres.url))
            try:
                for part, run in (("heartbeats", _heartbeats), ("node-red", _node_red), ("growth", _growth)):
                    if part in one_lab:
                        began = time.monotonic()
                        await run(lab, database, options, report, say)
                        report.took_s[part] = time.monotonic() - began
            finally:
                await database.close()
    if "share" in options.parts:
        began = time.monotonic()
        for processes in options.processes:
            say(f"{processes} processes share the heartbeats …")
            report.shared.append(await _share(folder / f"shared-{processes}", processes, options))
        report.took_s["share"] = time.monotonic() - began
    if "alarm" in options.parts:
        began = time.monotonic()
        say("Alarms, with all roles in one process …")
        async with _lab(folder / "alarms", ALL_IN_ONE, homes=options.alarm_homes) as lab:
            report.alarms = await alarm_run(lab, options.alarms, "Mosquitto", say)
        report.took_s["alarm"] = time.monotonic() - began
    return report


def _lab(
    folder: Path, roles: Mapping[str, str], own: dict[str, dict[str, str]] | None = None, homes: int = HOMES
) -> Lab:
    folder.mkdir(parents=True)
    folder.chmod(0o755)  # as root the database runs as another user
    return Lab(
        folder, homes=homes, http_port=free_port(), mqtt_port=free_port(), mosquitto=True, roles=roles, own=own or {}
    )


async def _heartbeats(
    lab: Lab, database: asyncpg.Connection, options: IngestOptions, report: IngestReport, say: Say
) -> None:
    ingest = lab.services["ingest"]
    await register(database, options.hubs)  # their verdicts and protection are at work meanwhile
    for turn in range(1, options.rounds + 1):
        say(f"Turn {turn} of {options.rounds}: a subscriber that only counts, then the service …")
        await ingest.stop()
        await end_session(lab, "telecare-heartbeat-1")
        counting = await counted(lab, options.hubs, options.messages, options.seed)
        await database.execute("TRUNCATE heartbeat")
        await ingest.start()
        report.turns.append(Turn(counting, await _durable(lab, database, options.hubs, options)))
    say("The same rows by bare SQL …")
    report.bare_per_s = await bare_rows(database, options.hubs, options.messages)


async def _growth(
    lab: Lab, database: asyncpg.Connection, options: IngestOptions, report: IngestReport, say: Say
) -> None:
    ingest = lab.services["ingest"]
    silenced: set[str] = set()
    for hubs in options.fleets:
        say(f"{hubs:,} hubs …")
        await register(database, hubs)
        await ingest.stop()
        await ingest.start()  # its memory with this fleet, and not with the one before
        await database.execute("TRUNCATE heartbeat")
        everybody = [name for name in hub_names(hubs) if name not in silenced]
        await stands(database, everybody, "protected")
        await settled(database)
        per_s = await _durable(lab, database, hubs, replace(options, messages=max(options.messages, 2 * hubs)))
        dark = spread(min(DARK, hubs // 4), everybody)
        chosen = spread(min(options.silent, hubs // 2), sorted({*everybody} - {*dark}))
        await settled(database)
        degraded_s = await lose_mains(database, dark)
        began = time.monotonic()
        verdicts_s = await silence(database, chosen)
        await stands(database, chosen, "unprotected")
        unprotected_s = time.monotonic() - began
        report.grown.append(
            Grown(
                hubs,
                per_s,
                memory_mib(ingest.pid),
                memory_mib(lab.services["web"].pid),
                len(chosen),
                verdicts_s,
                unprotected_s,
                len(dark),
                degraded_s,
            )
        )
        silenced.update(chosen)
        await database.execute("UPDATE hub_live SET mains = true WHERE NOT mains")


async def _share(folder: Path, processes: int, options: IngestOptions) -> Shared:
    roles, own = sharing(processes)
    async with _lab(folder, roles, own) as lab:
        database = await asyncpg.connect(asyncpg_dsn(lab.postgres.url))
        try:
            await register(database, options.hubs)
            per_s = await _durable(lab, database, options.hubs, options)
            watch = Watch(database)
            return Shared(processes, per_s, await shares_of(lab), await watch.written(), await watch.out_of_order())
        finally:
            await database.close()


async def _node_red(
    lab: Lab, database: asyncpg.Connection, options: IngestOptions, report: IngestReport, say: Say
) -> None:
    say("Node-RED, which npm installs first …")
    await lab.services["ingest"].stop()
    await end_session(lab, "telecare-heartbeat-1")  # or the broker would keep each message for it too
    try:
        report.peer_per_s = await node_red(lab, database, options.hubs, options.peer_messages)
    except NodeRedError as error:
        report.peer_missing = str(error)
    finally:
        await end_session(lab, "telecare-heartbeat-1")
        await lab.services["ingest"].start()


async def _durable(lab: Lab, database: asyncpg.Connection, hubs: int, options: IngestOptions) -> float:
    """Pour, and return how many a second were committed."""
    before = await count_durable(database)
    done = await poured(lab, hubs, options.messages, options.seed)
    poured_at = time.monotonic()
    while (written := await count_durable(database) - before) < options.messages:
        if time.monotonic() - poured_at > WRITTEN_WITHIN_S:
            words = f"{written:,} of {options.messages:,} heartbeats were written"
            raise UnavailableError(f"{words} within {WRITTEN_WITHIN_S:.0f} s after the last was published")
        await asyncio.sleep(options.messages / LOOKS)  # to count them takes the longer the more there are
    return options.messages / (time.time() - float(done["began"]))
