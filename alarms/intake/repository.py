"""All queries on events and on the proofs of triggers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.models import Event, TriggerProof
from telecare.kernel.asking import Question
from telecare.kernel.db import LastWrite, is_left, write_last, write_now
from telecare.kernel.direct import direct, fetch

# The clock is read from behind the lock: a materialized part of a statement is done before what reads it.
LOCK_HUB = direct(
    "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(:hub_id, 7001)))"
    " SELECT clock_timestamp() FROM turn"
)

_EVENT = (
    "id", "received_at", "lane", "topic", "hub_id", "council_id", "event_id", "dedup_key", "type", "treatment",
    "device_at", "boot_id", "seq", "payload", "payload_size", "notes", "alarm_id",
)  # fmt: skip
_PROOF = ("hub_id", "device_id", "path", "council_id", "last_alarm_at", "last_test_at", "event_id")


def _named(columns: Sequence[str], prefix: str) -> str:
    return ", ".join(f":{prefix}_{column}" for column in columns)


ADD_EVENT = LastWrite(
    order=3,
    ctes=f"""
        stored AS (
            INSERT INTO event ({", ".join(_EVENT)}) VALUES ({_named(_EVENT, "event")})
                ON CONFLICT (id) DO NOTHING
            RETURNING 1)
    """,  # noqa: S608 - names of columns
    result="(SELECT count(*) FROM stored)",
    values=lambda rows: {f"event_{name}": value for name, value in dict(*rows).items()},
)
STAMP_PROOF = LastWrite(
    order=4,
    ctes=f"""
        stamped AS (
            INSERT INTO trigger_proof AS p ({", ".join(_PROOF)}) VALUES ({_named(_PROOF, "proof")})
                ON CONFLICT (hub_id, device_id, path) DO UPDATE SET
                   last_alarm_at = coalesce(excluded.last_alarm_at, p.last_alarm_at),
                   last_test_at = coalesce(excluded.last_test_at, p.last_test_at),
                   event_id = excluded.event_id
            RETURNING 1)
    """,  # noqa: S608 - names of columns
    result="(SELECT count(*) FROM stamped)",
    values=lambda rows: {f"proof_{name}": value for name, value in dict(*rows).items()},
)


@dataclass(frozen=True)
class Earlier:
    """What became of the first message of its kind."""

    event_id: UUID
    alarm_id: UUID | None
    treatment: str


EARLIER: Question[Earlier | None] = Question(
    """
    SELECT id, alarm_id, treatment FROM event
     WHERE id = :id OR (hub_id = :hub_id AND dedup_key = :dedup_key)
     ORDER BY id = :id DESC LIMIT 1
    """,
    lambda rows: Earlier(*rows[0]) if rows else None,
)
"""What was stored of the very message `id`, or else the message that it repeats, if there is one."""


class IntakeRepository:
    """Reads and writes of the intake in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lock_hub(self, hub_id: str) -> datetime:
        """Let one message of a hub through at a time, and return the database's clock, read after the wait."""
        moment: datetime = (await fetch(self.session, LOCK_HUB, {"hub_id": hub_id}))[0][0]
        return moment

    async def add_event(self, **columns: Any) -> None:
        """Store a message as received, once; it is written at the end of the transaction, as are proofs."""
        if is_left(self.session, ADD_EVENT):
            await write_now(self.session)
        write_last(self.session, ADD_EVENT, [dict.fromkeys(_EVENT) | {"notes": []} | columns])

    def stamp_proof(
        self, *, hub_id: str, device_id: str | None, path: str | None, council_id: str | None, event_id: UUID,
        alarm_at: datetime | None, test_at: datetime | None,
    ) -> None:  # fmt: skip
        """Note that this trigger has just reached us over this path, by an alarm or by a test."""
        values = {
            "hub_id": hub_id,
            "device_id": device_id or "",
            "path": path or "",
            "council_id": council_id,
            "last_alarm_at": alarm_at,
            "last_test_at": test_at,
            "event_id": event_id,
        }
        write_last(self.session, STAMP_PROOF, [values])

    async def proofs_of(self, hub_id: str) -> Sequence[TriggerProof]:
        """Return when each trigger of a hub was last proven."""
        statement = select(TriggerProof).where(TriggerProof.hub_id == hub_id).order_by(TriggerProof.device_id)
        return (await self.session.execute(statement)).scalars().all()

    async def events_of(
        self, hub_id: str, before: tuple[datetime, UUID] | None, limit: int, lanes: Collection[str] = ()
    ) -> Sequence[Event]:
        """Return the messages of a hub, the newest first; those of some lanes when any are named."""
        statement = select(Event).where(Event.hub_id == hub_id)
        if lanes:
            statement = statement.where(Event.lane.in_(lanes))
        if before is not None:
            statement = statement.where(tuple_(Event.received_at, Event.id) < tuple_(*before))
        statement = statement.order_by(Event.received_at.desc(), Event.id.desc()).limit(limit)
        return (await self.session.execute(statement)).scalars().all()
