"""A fleet on a real database without a broker: hubs that beat, homes, an ear, and how long ago things were."""

from datetime import datetime, timedelta

from sqlalchemy import text

from devices.presence.domain import HeartbeatRow, Presence
from devices.presence.keeper import PresenceKeeper
from devices.presence.repository import PresenceRepository
from devices.presence.verdict_repository import VerdictRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id

INTERVAL_S = 300
GRACE_S = 75


class Fleet:
    """Hubs of one model, an ear, and a clock that is set by how long ago things are said to have been."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keeper = PresenceKeeper(database)

    async def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []  # type: ignore[attr-defined]

    async def settle(self, count: int = 1) -> None:
        await self.sql(
            "INSERT INTO device_model (id, make, name, connection, heartbeat_interval_s)"
            " VALUES (gen_random_uuid(), 'Skerry', 'Halo', 'digital', :interval)",
            interval=INTERVAL_S,
        )
        await self.sql(
            "INSERT INTO hub (hub_id, council_id, model_id, connection, status)"
            " SELECT 'h' || n, 'S12000047', (SELECT id FROM device_model WHERE name = 'Halo'), 'digital', 'stock'"
            " FROM generate_series(1, :count) AS n",
            count=count,
        )
        await self.hears()

    async def hears(self) -> None:
        async with self.database.transaction() as session:
            await VerdictRepository(session).hear("main")

    async def beats(self, *hub_ids: str, ago_s: float = 0, interval_s: int | None = None) -> None:
        async with self.database.transaction() as session:
            at = await database_now(session) - timedelta(seconds=ago_s)
            rows = [HeartbeatRow(new_id(), hub_id, at, b"{}", interval_s=interval_s) for hub_id in hub_ids or ("h1",)]
            await PresenceRepository(session).record(rows)

    async def proves(self, device_id: str = "", path: str = "lte", ago_s: float = 0, hub_id: str = "h1") -> None:
        """Let a trigger have been tested so long ago."""
        await self.sql(
            "WITH e AS (INSERT INTO event (id, received_at, lane, topic, hub_id, council_id, type, treatment, payload,"
            "           payload_size) SELECT gen_random_uuid(), now() - make_interval(0,0,0,0,0,0,:ago), 'alarm', 't',"
            "           :hub_id, 'S12000047', 'test', 'test', '{}', 2 RETURNING id, received_at)"
            " INSERT INTO trigger_proof (hub_id, device_id, path, council_id, last_test_at, event_id)"
            " SELECT :hub_id, :device_id, :path, 'S12000047', received_at, id FROM e",
            hub_id=hub_id, device_id=device_id, path=path, ago=ago_s,
        )  # fmt: skip

    async def was_heard(self, ago_s: float, hub_id: str = "h1") -> None:
        """Move the whole past of a hub so that its last heartbeat was so long ago."""
        await self.sql(
            "WITH moved AS (UPDATE hub_live SET last_seen_at = clock_timestamp() - make_interval(0,0,0,0,0,0,:ago)"
            " WHERE hub_id = :hub_id RETURNING last_seen_at)"
            " UPDATE hub_presence SET last_proof = last_seen_at, look_at = now() FROM moved WHERE hub_id = :hub_id",
            ago=ago_s,
            hub_id=hub_id,
        )
        await self.sql(
            "UPDATE presence_period"
            " SET started_at = started_at - interval '10 days', ended_at = ended_at - interval '10 days'"
        )
        await self.sql("UPDATE hub_presence SET since = since - interval '10 days'")

    async def judge(self) -> None:
        """Judge by all that was said until now; where a test has made us deaf we stay so."""
        async with self.database.transaction() as session:
            deaf = (await VerdictRepository(session).ear()).deaf
        if not deaf:
            await self.hears()
        while await self.keeper.step():
            pass

    async def state(self, hub_id: str = "h1") -> str:
        found = await self.sql("SELECT state FROM hub_presence WHERE hub_id = :hub_id", hub_id=hub_id)
        return str(found[0][0]) if found else Presence.NEVER_SEEN

    async def history(self, hub_id: str = "h1") -> list[tuple[str, datetime, datetime | None]]:
        return await self.sql(  # type: ignore[return-value]
            "SELECT state, started_at, ended_at FROM presence_period WHERE hub_id = :hub_id ORDER BY started_at",
            hub_id=hub_id,
        )

    async def live_in(self, tier: str = "A", count: int = 1) -> None:
        """Let somebody live where each of these hubs is, all in this risk tier."""
        await self.sql(
            "WITH hubs AS (SELECT 'h' || n AS hub_id, gen_random_uuid() AS person, gen_random_uuid() AS place"
            "                FROM generate_series(1, :count) AS n),"
            " people AS (INSERT INTO person (id, council_id, given_name, family_name, risk_tier)"
            "            SELECT person, 'S12000047', 'Jean', 'Rennie', :tier FROM hubs),"
            " places AS (INSERT INTO premises (id, council_id, address, town, postcode)"
            "            SELECT place, 'S12000047', '1 High Street', 'Cupar', 'KY15 4AA' FROM hubs)"
            " INSERT INTO installation (id, council_id, hub_id, person_id, premises_id, period)"
            " SELECT gen_random_uuid(), 'S12000047', hub_id, person, place, tstzrange(now() - interval '1 year', NULL)"
            " FROM hubs",
            tier=tier,
            count=count,
        )

    async def go_silent(self, count: int = 1, ago_s: float = 4 * INTERVAL_S) -> None:
        """Let these hubs have been heard last so long ago that they are offline by now."""
        await self.beats(*(f"h{n}" for n in range(1, count + 1)), ago_s=ago_s)
        await self.judge()

    async def come_back(self, *hub_ids: str) -> None:
        for _ in range(2):
            await self.beats(*hub_ids)
            await self.judge()
