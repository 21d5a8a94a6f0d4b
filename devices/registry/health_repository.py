"""All queries on a fleet as a whole: what digital hubs told last, counted, and which of them are worst."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.rules import RULE
from devices.registry.health import BATTERY_BANDS, BATTERY_IS_LOW, NOT_TOLD, SIGNAL_BANDS, SIGNAL_WEAK, Band, Dimension

MOST_VALUES = 50
"""Of one dimension: hubs write their firmware themselves, and may write anything."""


def _banded(column: str, bands: Sequence[Band]) -> str:
    whens = " ".join(f"WHEN {column} < {band.below} THEN '{band.name}'" for band in bands if band.below is not None)
    return f"CASE WHEN {column} IS NULL THEN '{NOT_TOLD}' {whens} ELSE '{bands[-1].name}' END"


_COUNTED = ", ".join(f"({dimension})" for dimension in Dimension)
_NAME = "CASE " + " ".join(f"WHEN grouping({name}) = 0 THEN '{name}'" for name in Dimension) + " END"
_DISTRIBUTIONS = text(
    f"""
    WITH told AS (
        SELECT coalesce(p.state, 'never_seen') AS presence,
               {_banded("l.battery_pct", BATTERY_BANDS)} AS battery,
               {_banded("l.signal_dbm", SIGNAL_BANDS)} AS signal,
               CASE WHEN l.mains IS NULL THEN '{NOT_TOLD}' WHEN l.mains THEN 'true' ELSE 'false' END AS mains,
               coalesce(l.path, '{NOT_TOLD}') AS path,
               coalesce(l.firmware, '{NOT_TOLD}') AS firmware,
               m.make || ' ' || m.name AS model,
               CASE WHEN m.support_ends_on IS NULL THEN 'not_known'
                    WHEN m.support_ends_on < current_date THEN 'ended'
                    WHEN m.support_ends_on < current_date + interval '365 days' THEN 'within_a_year'
                    ELSE 'later' END AS support
          FROM hub h JOIN device_model m ON m.id = h.model_id
          LEFT JOIN hub_live l ON l.hub_id = h.hub_id
          LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
         WHERE h.connection = 'digital' AND (CAST(:councils AS text[]) IS NULL OR h.council_id = ANY(:councils))
           AND (CAST(:council AS text) IS NULL OR h.council_id = :council)
    )
    SELECT {_NAME} AS dimension, coalesce({", ".join(Dimension)}) AS value, count(*) AS hubs
      FROM told GROUP BY GROUPING SETS ({_COUNTED}) ORDER BY hubs DESC, value
    """  # noqa: S608 - words of our own
)
_WORST = text(
    f"""
    SELECT h.hub_id, h.council_id, h.connection, coalesce(p.state, 'never_seen') AS presence,
           p.since AS presence_since, l.last_seen_at, l.battery_pct, l.mains, l.signal_dbm,
           i.person_id IS NOT NULL AS serves
      FROM hub h
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
      LEFT JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
     WHERE h.connection = 'digital' AND (CAST(:councils AS text[]) IS NULL OR h.council_id = ANY(:councils))
       AND (CAST(:council AS text) IS NULL OR h.council_id = :council)
       AND (p.state IN ('offline', 'lost', 'suspect') OR NOT l.mains OR {BATTERY_IS_LOW} OR l.signal_dbm < :weak)
     ORDER BY i.person_id IS NULL,
              CASE p.state WHEN 'lost' THEN 4 WHEN 'offline' THEN 4 WHEN 'suspect' THEN 2 ELSE 0 END
              + CASE WHEN NOT l.mains THEN 2 ELSE 0 END
              + CASE WHEN {BATTERY_IS_LOW} THEN 2 ELSE 0 END
              + CASE WHEN l.signal_dbm < :weak THEN 1 ELSE 0 END DESC,
              l.battery_pct, p.since, h.hub_id
     LIMIT :limit
    """  # noqa: S608 - words of our own
)
_PULSE = text(
    f"""
    SELECT coalesce(round(sum(60.0 / {RULE.interval})), 0) AS expected,
           (SELECT count(*) FROM heartbeat b JOIN hub ON hub.hub_id = b.hub_id
             WHERE b.received_at > clock_timestamp() - interval '1 minute'
               AND (CAST(:councils AS text[]) IS NULL OR hub.council_id = ANY(:councils))
               AND (CAST(:council AS text) IS NULL OR hub.council_id = :council)) AS heard
      FROM hub h JOIN device_model m ON m.id = h.model_id JOIN council c ON c.code = h.council_id
      JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
     WHERE h.connection = 'digital' AND p.state NOT IN ('dormant', 'lost')
       AND (CAST(:councils AS text[]) IS NULL OR h.council_id = ANY(:councils))
       AND (CAST(:council AS text) IS NULL OR h.council_id = :council)
    """  # noqa: S608 - words of our own
)
_GAUGES = text(
    f"""
    SELECT h.council_id, coalesce(p.state, 'never_seen'), count(*), count(*) FILTER (WHERE NOT l.mains),
           count(*) FILTER (WHERE {BATTERY_IS_LOW})
      FROM hub h
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
     WHERE h.connection = 'digital' GROUP BY 1, 2
    """  # noqa: S608 - words of our own
)


class Pulse(NamedTuple):
    """Heartbeats a minute: as many as there should be, and as many as came in the last one."""

    expected: int
    heard: int


class Gauged(NamedTuple):
    """Digital hubs of a council with one presence, and how many of them run without mains or have a low battery."""

    council_id: str
    presence: str
    hubs: int
    mains_off: int
    battery_low: int


class HealthRepository:
    """Counts digital hubs in the transaction of `session`; `councils` empty means all, `council` is one of them."""

    def __init__(self, session: AsyncSession, councils: frozenset[str], council: str | None = None) -> None:
        self.session = session
        self.scope: dict[str, Any] = {"councils": sorted(councils) or None, "council": council}

    async def distributions(self) -> dict[Dimension, list[tuple[str, int]]]:
        """Return by each dimension how many hubs have which value, the most frequent first."""
        found: dict[Dimension, list[tuple[str, int]]] = {dimension: [] for dimension in Dimension}
        for dimension, value, hubs in await self.session.execute(_DISTRIBUTIONS, self.scope):
            if len(found[Dimension(dimension)]) < MOST_VALUES:
                found[Dimension(dimension)].append((value, hubs))
        return found

    async def worst(self, limit: int) -> Sequence[RowMapping]:
        """Return hubs that are silent, without mains, low on battery or hardly reached; who serve somebody first."""
        values = {**self.scope, "weak": SIGNAL_WEAK, "limit": limit}
        return list((await self.session.execute(_WORST, values)).mappings())

    async def pulse(self) -> Pulse:
        """Return how many heartbeats a minute should come, and how many did."""
        return Pulse(*map(int, (await self.session.execute(_PULSE, self.scope)).one()))

    async def gauges(self) -> list[Gauged]:
        """Return the figures for who scrapes them, of all councils."""
        return [Gauged(*row) for row in await self.session.execute(_GAUGES)]
