"""All queries on where people stand: whose facts have changed, what these are, what came of them, and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import xor
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.domain import Presence
from devices.presence.silence_repository import FIRST_DUE_FROM
from devices.presence.verdict import Change
from devices.registry.domain import Connection, RiskTier
from devices.registry.health import BATTERY_IS_LOW
from telecare.kernel.waiting import letting_in
from telecare.protection.domain import FAULTS, Facts, Protection, Reason, Standing, Trouble, Unit

STOOD = 20
"""So many states of a hub are looked at for what came between two looks."""

# One number for all that a verdict follows from, but for time: who has another one is looked at.
_MARK = f"""
    hashtextextended(concat_ws('|', i.hub_id, lower(i.period), h.connection, p.state, p.since, p.away_until,
                               l.mains, {BATTERY_IS_LOW}, a.open), 0)
"""
_UNITS = """
    (installation i
      JOIN hub h ON h.hub_id = i.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = i.hub_id
      LEFT JOIN hub_live l ON l.hub_id = i.hub_id
      LEFT JOIN (SELECT hub_id, string_agg(CAST(id AS text), ',' ORDER BY id) AS open FROM alarm
                  WHERE handling <> 'closed' AND condition = 'active' AND type = ANY(:faults)
                  GROUP BY hub_id) a ON a.hub_id = i.hub_id)
"""
_STALE = text(
    f"""
    WITH asked AS MATERIALIZED (
            SELECT person_id FROM person_protection
             UNION SELECT person_id FROM installation WHERE period @> clock_timestamp()),
         seen AS MATERIALIZED (
            SELECT i.person_id, bit_xor({_MARK}) AS mark FROM asked JOIN {_UNITS} ON i.person_id = asked.person_id
             WHERE i.period @> clock_timestamp() GROUP BY i.person_id)
    SELECT n.id
      FROM asked
      JOIN person n ON n.id = asked.person_id
      LEFT JOIN seen s ON s.person_id = n.id
      LEFT JOIN person_protection w ON w.person_id = n.id
     WHERE w.mark IS DISTINCT FROM coalesce(s.mark, 0) OR w.tier IS DISTINCT FROM n.risk_tier
        OR w.look_at <= clock_timestamp() OR (s.person_id IS NULL AND n.service_ended_on <= current_date)
    """  # noqa: S608 - parts of one statement
)
# The newest first: what an import of very many homes has left keeps no verdict waiting.
_CHANGED = text(
    """
    WITH news AS (
        DELETE FROM protection_change
         WHERE id = ANY(ARRAY(SELECT id FROM protection_change ORDER BY id DESC LIMIT :limit FOR UPDATE SKIP LOCKED))
        RETURNING hub_id, person_id)
    SELECT person_id FROM news WHERE person_id IS NOT NULL
     UNION
    SELECT i.person_id FROM news JOIN installation i ON i.hub_id = news.hub_id AND i.period @> clock_timestamp()
     UNION
    (SELECT person_id FROM person_protection WHERE look_at <= clock_timestamp() ORDER BY look_at LIMIT :limit)
    """
)
_ASK_AGAIN = text("INSERT INTO protection_change (person_id) SELECT unnest(CAST(:people AS uuid[]))")
# The planner takes the homes of now for few, and would look up the rest of them one by one.
_FOR_EVERYBODY = text("SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)")
_TAKE_IN = text(
    """
    INSERT INTO person_protection (person_id, council_id, tier, state, rank, reasons, why, since, began_at, mark)
    SELECT n.id, n.council_id, n.risk_tier, 'unknown', 2, '{}', '', clock_timestamp(), clock_timestamp(), 0
      FROM person n
     WHERE n.id = ANY(:people)
       AND EXISTS (SELECT FROM installation i WHERE i.person_id = n.id AND i.period @> clock_timestamp())
     ORDER BY n.id
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(
    """
    SELECT w.*, n.risk_tier, coalesce(n.service_ended_on <= current_date, false) AS has_left,
           (SELECT max(upper(i.period)) FROM installation i WHERE i.person_id = w.person_id) AS served_until
      FROM person_protection w JOIN person n ON n.id = w.person_id
     WHERE w.person_id = ANY(:people) ORDER BY w.person_id FOR UPDATE OF w SKIP LOCKED
    """
)
_FACTS = text(
    f"""
    SELECT i.person_id, i.hub_id, h.connection, coalesce(p.state, 'never_seen') AS state, p.since AS presence_since,
           p.last_proof, p.away_until, l.mains, l.battery_pct, l.last_seen_at, f.since, {_MARK} AS mark,
           CASE WHEN coalesce(p.state, 'never_seen') = 'never_seen' THEN {FIRST_DUE_FROM} ELSE f.since END AS due_from
      FROM {_UNITS}
     CROSS JOIN LATERAL (SELECT greatest(lower(i.period), h.created_at) AS since,
                                greatest(lower(i.period), h.created_at, p.away_until) AS base) f
     WHERE i.period @> clock_timestamp() AND i.person_id = ANY(:people)
     ORDER BY i.person_id, i.hub_id
    """  # noqa: S608 - parts of one statement
)
_TROUBLES = text(
    """
    SELECT hub_id, type, device_id, raised_at FROM alarm
     WHERE hub_id = ANY(:hubs) AND handling <> 'closed' AND condition = 'active' AND type = ANY(:faults)
     ORDER BY hub_id, raised_at, id
    """
)
_STOOD = text(
    """
    SELECT h.hub_id, q.state, q.started_at
      FROM unnest(CAST(:hubs AS text[])) AS h(hub_id)
     CROSS JOIN LATERAL (SELECT state, started_at FROM presence_period
                          WHERE hub_id = h.hub_id ORDER BY started_at DESC LIMIT :stood) q
     ORDER BY h.hub_id, q.started_at
    """
)
_SAVE = text(
    """
    UPDATE person_protection w
       SET (tier, state, rank, reasons, why, since, began_at, good_until, hub_id, away_until, look_at, looked_at, mark)
         = (n.tier, n.state, n.rank, string_to_array(n.reasons, ','), n.why, n.since, n.began_at, n.good_until,
            n.hub_id, n.away_until, n.look_at, :now, n.mark)
      FROM unnest(CAST(:people AS uuid[]), CAST(:tiers AS text[]), CAST(:states AS text[]), CAST(:ranks AS int[]),
                  CAST(:reasons AS text[]), CAST(:whys AS text[]), CAST(:sinces AS timestamptz[]),
                  CAST(:begans AS timestamptz[]), CAST(:goods AS timestamptz[]), CAST(:hubs AS text[]),
                  CAST(:aways AS timestamptz[]), CAST(:looks AS timestamptz[]), CAST(:marks AS bigint[]))
           AS n(person_id, tier, state, rank, reasons, why, since, began_at, good_until, hub_id, away_until, look_at,
                mark)
     WHERE w.person_id = n.person_id
    """
)
_END = text(
    """
    UPDATE protection_period q SET ended_at = greatest(n.at, q.started_at)
      FROM unnest(CAST(:people AS uuid[]), CAST(:ats AS timestamptz[])) AS n(person_id, at)
     WHERE q.person_id = n.person_id AND q.ended_at IS NULL
    """
)
_BEGIN = text(
    """
    INSERT INTO protection_period (person_id, council_id, started_at, ended_at, tier, state, reasons, why, hub_id,
                                   good_until)
    SELECT n.person_id, p.council_id, n.started_at, n.ended_at, n.tier, n.state, string_to_array(n.reasons, ','),
           n.why, n.hub_id, n.good_until
      FROM unnest(CAST(:people AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                  CAST(:tiers AS text[]), CAST(:states AS text[]), CAST(:reasons AS text[]), CAST(:whys AS text[]),
                  CAST(:hubs AS text[]), CAST(:goods AS timestamptz[]))
           AS n(person_id, started_at, ended_at, tier, state, reasons, why, hub_id, good_until)
      JOIN person p ON p.id = n.person_id
    ON CONFLICT (person_id, started_at) DO UPDATE
          SET ended_at = excluded.ended_at, tier = excluded.tier, state = excluded.state, reasons = excluded.reasons,
              why = excluded.why, hub_id = excluded.hub_id, good_until = excluded.good_until
    """
)
_LEAVE = text("DELETE FROM person_protection WHERE person_id = ANY(:people)")
_COUNTS = text(
    """
    SELECT state, tier, count(*) FROM person_protection
     WHERE (CAST(:councils AS text[]) IS NULL OR council_id = ANY(:councils))
       AND (CAST(:council AS text) IS NULL OR council_id = :council)
     GROUP BY state, tier
    """
)


class Asked(NamedTuple):
    """Somebody to judge, their row locked. `was` is None when they are looked at for the first time."""

    person_id: UUID
    was: Standing | None
    looked_at: datetime | None
    facts: Facts
    mark: int
    has_left: bool


class Judged(NamedTuple):
    """What came of it."""

    person_id: UUID
    standing: Standing
    begun: Sequence[Standing]
    mark: int


@dataclass(frozen=True)
class ProtectionFilter:
    """What a list of people is narrowed to; None is all."""

    council: str | None = None
    state: Protection | None = None
    tier: RiskTier | None = None


class ProtectionRepository:
    """Reads and writes of standings in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def changed(self, limit: int) -> list[UUID]:
        """Take changes, and return whom they are about, and whom time alone has brought further."""
        return sorted((await self.session.execute(_CHANGED, {"limit": limit})).scalars())

    async def ask_again(self, people: Sequence[UUID]) -> None:
        """Let these people be looked at once more."""
        await self.session.execute(_ASK_AGAIN, {"people": people})

    async def stale(self) -> list[UUID]:
        """Return whose facts are others than when they were judged: all of the register is read.

        In a transaction of its own: it is planned for everybody.
        """
        await self.session.execute(_FOR_EVERYBODY)
        return sorted((await self.session.execute(_STALE, _ASK)).scalars())

    async def take(self, people: Sequence[UUID], within: timedelta) -> list[Asked]:
        """Lock people, with a row for who has none yet, and return what is known of them; other workers' are left."""
        await self.session.execute(_TAKE_IN, {"people": people})
        rows = list(await self.session.execute(_LOCK, {"people": people}))
        values = {**_ASK, "people": [row.person_id for row in rows], "within": within}
        units = list(await self.session.execute(_FACTS, values))
        hubs = [unit.hub_id for unit in units]
        troubles = await self._troubles(hubs)
        stood = await self._stood(hubs)
        of_each = {person: list(found) for person, found in groupby(units, key=lambda unit: unit.person_id)}
        return [_asked(row, of_each.get(row.person_id, []), troubles, stood) async for row in letting_in(rows)]

    async def save(self, judged: Sequence[Judged], now: datetime) -> None:
        """Write where these people stand now, and through which periods they came there."""
        if not judged:
            return
        standings = [each.standing for each in judged]
        await self.session.execute(
            _SAVE,
            {
                "now": now,
                "people": [each.person_id for each in judged],
                "tiers": [one.tier for one in standings],
                "states": [one.state for one in standings],
                "ranks": [one.rank for one in standings],
                "reasons": [",".join(one.reasons) for one in standings],
                "whys": [one.why for one in standings],
                "sinces": [one.since for one in standings],
                "begans": [one.began for one in standings],
                "goods": [one.good_until for one in standings],
                "hubs": [one.hub_id for one in standings],
                "aways": [one.away_until for one in standings],
                "looks": [one.look_at for one in standings],
                "marks": [each.mark for each in judged],
            },
        )
        moved = [each for each in judged if each.begun]
        await self._end({each.person_id: each.begun[0].began for each in moved})
        await self._begin(moved)

    async def leave(self, people: Sequence[UUID], now: datetime) -> None:
        """Look after these people no more: their service has ended."""
        if people:
            await self._end(dict.fromkeys(people, now))
            await self.session.execute(_LEAVE, {"people": people})

    async def counts(
        self, councils: frozenset[str], council: str | None = None
    ) -> dict[tuple[Protection, RiskTier], int]:
        """Return how many people stand where, by tier, in these councils (empty: all), or in one of them."""
        values = {"councils": sorted(councils) or None, "council": council}
        rows = await self.session.execute(_COUNTS, values)
        return {(Protection(state), RiskTier(tier)): count for state, tier, count in rows}

    async def _troubles(self, hubs: Sequence[str]) -> dict[str, tuple[Trouble, ...]]:
        rows = await self.session.execute(_TROUBLES, {"hubs": hubs, "faults": _ASK["faults"]})
        grouped = groupby(rows, key=lambda row: row.hub_id)
        return {hub: tuple(Trouble(row.type, row.device_id, row.raised_at) for row in found) for hub, found in grouped}

    async def _stood(self, hubs: Sequence[str]) -> dict[str, tuple[Change, ...]]:
        rows = await self.session.execute(_STOOD, {"hubs": hubs, "stood": STOOD})
        grouped = groupby(rows, key=lambda row: row.hub_id)
        return {hub: tuple(Change(Presence(row.state), row.started_at) for row in found) for hub, found in grouped}

    async def _end(self, at: Mapping[UUID, datetime]) -> None:
        if at:
            await self.session.execute(_END, {"people": list(at), "ats": list(at.values())})

    async def _begin(self, moved: Sequence[Judged]) -> None:
        periods = [(each.person_id, *period) for each in moved for period in _periods(each.begun)]
        if not periods:
            return
        await self.session.execute(
            _BEGIN,
            {
                "people": [person for person, _, _ in periods],
                "starts": [one.began for _, one, _ in periods],
                "ends": [end for _, _, end in periods],
                "tiers": [one.tier for _, one, _ in periods],
                "states": [one.state for _, one, _ in periods],
                "reasons": [",".join(one.reasons) for _, one, _ in periods],
                "whys": [one.why for _, one, _ in periods],
                "hubs": [one.hub_id for _, one, _ in periods],
                "goods": [one.good_until for _, one, _ in periods],
            },
        )


_ASK = {"faults": list(FAULTS)}


def _asked(
    row: Any, units: Sequence[Any], troubles: Mapping[str, tuple[Trouble, ...]], stood: Mapping[str, tuple[Change, ...]]
) -> Asked:
    facts = Facts(
        RiskTier(row.risk_tier),
        tuple(
            Unit(
                unit.hub_id,
                Connection(unit.connection),
                since=unit.since,
                due_from=unit.due_from,
                presence=Presence(unit.state),
                presence_since=unit.presence_since,
                last_proof=unit.last_proof,
                away_until=unit.away_until,
                mains=unit.mains,
                battery_pct=unit.battery_pct,
                seen_at=unit.last_seen_at,
                troubles=troubles.get(unit.hub_id, ()),
                stood=stood.get(unit.hub_id, ()),
            )
            for unit in units
        ),
        row.served_until,
    )
    was = None if row.looked_at is None else _standing(row)
    mark = reduce(xor, (unit.mark for unit in units), 0)
    return Asked(row.person_id, was, row.looked_at, facts, mark, not units and row.has_left)


def _standing(row: Any) -> Standing:
    return Standing(
        state=Protection(row.state),
        reasons=tuple(Reason(reason) for reason in row.reasons),
        why=row.why,
        tier=RiskTier(row.tier),
        since=row.since,
        good_until=row.good_until,
        hub_id=row.hub_id,
        away_until=row.away_until,
        look_at=row.look_at,
        began=row.began_at,
    )


def _periods(begun: Sequence[Standing]) -> list[tuple[Standing, datetime | None]]:
    """Return periods with their ends; one that another replaced at its first instant never was."""
    later = [*begun[1:], None]
    kept = [one for one, after in zip(begun, later, strict=True) if after is None or one.began < after.began]
    return list(zip(kept, [*(one.began for one in kept[1:]), None], strict=True))
