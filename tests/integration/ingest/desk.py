"""What the tests of the message lanes send and see."""

import itertools
import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text

from alarms.handling.models import Alarm
from alarms.intake.models import Event
from telecare.ingest.lane import Delivery, Lane
from telecare.kernel.db import Database


class Said(Lane):
    """A lane that keeps what it would tell the broker and the hubs."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.acked: list[int] = []
        self.answers: list[dict[str, Any]] = []

    def ack(self, delivery: Delivery) -> None:
        self.acked.append(delivery.mid)

    def ack_all(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.ack(delivery)

    def publish(self, topic: str, payload: bytes) -> int:
        self.answers.append({"hub": topic.split("/")[2], **json.loads(payload)})
        return 0


class Desk:
    """Deliveries of the lane, and the database behind it."""

    def __init__(self, lane: Lane, database: Database) -> None:
        self.lane = lane
        self.database = database
        self._mids = itertools.count(1)

    def press(self, hub_id: str, event_id: str = "e", **more: Any) -> Delivery:
        return self.delivery(hub_id, json.dumps({"event_id": event_id, "type": "pendant", **more}).encode())

    def delivery(self, hub_id: str, payload: bytes, *, lane: str = "alarm", qos: int = 1) -> Delivery:
        topic = f"telecare/v1/{hub_id}/{lane}".encode()
        return Delivery(self.lane._generation, next(self._mids), qos, topic, payload, False, time.monotonic())

    async def alarms(self) -> Sequence[Alarm]:
        async with self.database.transaction() as session:
            return (await session.execute(select(Alarm).order_by(Alarm.id))).scalars().all()

    async def events(self) -> Sequence[Event]:
        async with self.database.transaction() as session:
            return (await session.execute(select(Event).order_by(Event.id))).scalars().all()

    async def sql(self, *statements: str) -> None:
        async with self.database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))

    async def refuse(self, table: str, when: str) -> None:
        """Let the database refuse rows of a table."""
        await self.sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$",
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()",
        )

    async def relent(self) -> None:
        await self.sql("DROP FUNCTION refuse() CASCADE")
