"""A fleet of any size for the bench of the ingest: put into the register at once, silenced, and looked at."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from simulators.fleet.pour import hub_name
from telecare.kernel.errors import UnavailableError
from telecare.kernel.ids import new_id

MODEL = "Bench"
SILENT_WITHIN_S = 60.0
HEARS_WITHIN_S = 60.0
STANDS_WITHIN_S = 300.0

_ONLINE = """
    INSERT INTO hub_live (hub_id, last_seen_at, boot_id, seq, interval_s, mains, battery_pct)
    SELECT hub_id, clock_timestamp(), 'registered', 1, 300, true, 90
      FROM hub WHERE hub_id LIKE 'pour-%' ON CONFLICT DO NOTHING
"""
_PRESENCE = """
    INSERT INTO hub_presence (hub_id, state, since, last_proof, look_at)
    SELECT hub_id, 'online', last_seen_at, last_seen_at, last_seen_at + interval '375 s' * (0.5 + random())
      FROM hub_live WHERE hub_id LIKE 'pour-%' ON CONFLICT DO NOTHING
"""
_PERIOD = """
    INSERT INTO presence_period (hub_id, started_at, state)
    SELECT hub_id, since, state FROM hub_presence p WHERE hub_id LIKE 'pour-%'
       AND NOT EXISTS (SELECT FROM presence_period o WHERE o.hub_id = p.hub_id)
"""
# Who lives there: somebody for each hub, one in four in each tier.
_HOMES = (
    """
    INSERT INTO person (id, council_id, given_name, family_name, risk_tier)
    SELECT md5(hub_id)::uuid, council_id, 'Jean', hub_id, chr(65 + abs(hashtext(hub_id)) % 4)
      FROM hub WHERE hub_id LIKE 'pour-%' ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO premises (id, council_id, address, town, postcode)
    SELECT md5(hub_id)::uuid, council_id, '1 High Street', 'Cupar', 'KY15 4AA'
      FROM hub WHERE hub_id LIKE 'pour-%' ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO installation (id, council_id, hub_id, person_id, premises_id, period)
    SELECT md5(hub_id)::uuid, council_id, hub_id, md5(hub_id)::uuid, md5(hub_id)::uuid,
           tstzrange(now() - interval '1 year', NULL)
      FROM hub WHERE hub_id LIKE 'pour-%' ON CONFLICT DO NOTHING
    """,
)
_SILENCE = """
    WITH chosen AS (SELECT unnest($1::text[]) AS hub_id),
         silent AS (UPDATE hub_live l SET last_seen_at = clock_timestamp() - interval '2 h'
                      FROM chosen WHERE l.hub_id = chosen.hub_id),
         began AS (UPDATE presence_period p SET started_at = clock_timestamp() - interval '3 h'
                     FROM chosen WHERE p.hub_id = chosen.hub_id AND ended_at IS NULL)
    UPDATE hub_presence p SET since = clock_timestamp() - interval '3 h', state = 'online',
                              last_proof = clock_timestamp() - interval '2 h', look_at = clock_timestamp()
      FROM chosen WHERE p.hub_id = chosen.hub_id
"""
_OFFLINE = "SELECT count(*) FROM hub_presence WHERE hub_id = ANY($1::text[]) AND state = 'offline'"
_STAND = """
    SELECT count(*) FROM installation i JOIN person_protection s ON s.person_id = i.person_id
     WHERE i.hub_id = ANY($1::text[]) AND s.state = ANY($2::text[])
"""
_HEARS = "SELECT coalesce(bool_and(heard_at > $1), false) FROM listening"
_OUT_OF_ORDER = """
    SELECT count(*) FROM hub_live l
      JOIN (SELECT hub_id, max((convert_from(payload, 'UTF8')::jsonb->>'seq')::bigint) AS seq
              FROM heartbeat GROUP BY hub_id) newest USING (hub_id)
     WHERE l.seq <> newest.seq
"""


async def register(database: asyncpg.Connection, hubs: int) -> None:
    """Bring the register up to so many hubs, all online, with somebody who lives where each of them is."""
    model = await database.fetchval("SELECT id FROM device_model WHERE name = $1", MODEL)
    if model is None:
        model = new_id()
        await database.execute(
            "INSERT INTO device_model (id, make, name, connection) VALUES ($1, 'Bench', $2, 'digital')", model, MODEL
        )
    council = await database.fetchval("SELECT code FROM council ORDER BY code LIMIT 1")
    there = await database.fetchval("SELECT count(*) FROM hub WHERE hub_id LIKE 'pour-%'")
    await database.copy_records_to_table(
        "hub",
        records=((hub_name(number), council, model, "digital", "stock") for number in range(there, hubs)),
        columns=("hub_id", "council_id", "model_id", "connection", "status"),
    )
    async with database.transaction():
        for statement in (_ONLINE, _PRESENCE, _PERIOD, *_HOMES):
            await database.execute(statement)
    await database.execute("ANALYZE hub, hub_live, hub_presence, presence_period, person, premises, installation")


def hub_names(hubs: int) -> list[str]:
    """Return the hubs of a fleet of so many."""
    return [hub_name(number) for number in range(hubs)]


def spread(count: int, names: Sequence[str]) -> list[str]:
    """Return so many of them, spread over all."""
    return [names[place * len(names) // count] for place in range(count)]


async def stands(database: asyncpg.Connection, chosen: Sequence[str], *states: str) -> float:
    """Wait until whoever lives with these hubs is in one of these states of protection; return after how long."""
    began = time.monotonic()
    while (there := await database.fetchval(_STAND, chosen, states)) < len(chosen):
        if time.monotonic() - began > STANDS_WITHIN_S:
            words = f"{there:,} of {len(chosen):,} people were {' or '.join(states)} within {STANDS_WITHIN_S:.0f} s"
            raise UnavailableError(words)
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def settled(database: asyncpg.Connection) -> None:
    """Wait until all that has changed is judged, as that a fleet was put into the register at once."""
    began = time.monotonic()
    while left := await database.fetchval("SELECT count(*) FROM protection_change"):
        if time.monotonic() - began > STANDS_WITHIN_S:
            raise UnavailableError(f"{left:,} changes were not judged within {STANDS_WITHIN_S:.0f} s")
        await asyncio.sleep(0.5)


async def lose_mains(database: asyncpg.Connection, chosen: Sequence[str]) -> float:
    """Let these homes have no mains; return after how long all who live there stand as degraded."""
    await stands(database, chosen, "protected")
    await database.execute("UPDATE hub_live SET mains = false WHERE hub_id = ANY($1::text[])", chosen)
    return await stands(database, chosen, "degraded")


async def silence(database: asyncpg.Connection, chosen: Sequence[str]) -> float:
    """Let these hubs have been silent for long; return after how long all are judged."""
    count = len(chosen)
    await _hears(database)
    await database.execute("DELETE FROM deaf_period")  # the bench's own doing: it stopped the ingest between turns
    began = time.monotonic()
    await database.execute(_SILENCE, chosen)
    while (judged := await database.fetchval(_OFFLINE, chosen)) < count:
        if time.monotonic() - began > SILENT_WITHIN_S:
            deaf = await database.fetchval("SELECT count(*) FROM deaf_period")
            words = f"of {count:,} hubs that fell silent {judged:,} were judged within {SILENT_WITHIN_S:.0f} s"
            raise UnavailableError(f"{words}; times in which the service could not hear meanwhile: {deaf}")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _hears(database: asyncpg.Connection) -> None:
    """Wait until the service has said that it hears.

    With that it writes down how long it did not, and every hub then has its whole interval again: five minutes.
    """
    begun = time.monotonic()
    asked = await database.fetchval("SELECT clock_timestamp()")
    while not await database.fetchval(_HEARS, asked):
        if time.monotonic() - begun > HEARS_WITHIN_S:
            raise UnavailableError(f"The service has not said within {HEARS_WITHIN_S:.0f} s that it hears hubs")
        await asyncio.sleep(0.05)


class Watch:
    """What the database says of the heartbeats that came."""

    def __init__(self, database: asyncpg.Connection) -> None:
        self._database = database

    async def written(self) -> int:
        """Return how many different heartbeats are written down."""
        return int(await self._database.fetchval("SELECT count(DISTINCT (hub_id, payload)) FROM heartbeat"))

    async def out_of_order(self) -> int:
        """Return for how many hubs the heartbeat that counts is not their newest."""
        return int(await self._database.fetchval(_OUT_OF_ORDER))
