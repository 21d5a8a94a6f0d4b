"""All queries on what is set of the rule by which hubs are missed: for a hub, a model or a council."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.rules import RULE, Level
from telecare.kernel.errors import NotFoundError

# The table, its key, and what the hubs are called of whom it is.
_TABLES = {
    Level.HUB: ("hub", "hub_id", "h.hub_id"),
    Level.MODEL: ("device_model", "id", "h.model_id"),
    Level.COUNCIL: ("council", "code", "h.council_id"),
}
_COLUMNS = "heartbeat_interval_s, heartbeat_grace_s, miss_limit"
_SET_HERE = {
    level: f"SELECT {_COLUMNS} FROM {table} WHERE {key} = :key"  # noqa: S608 - names of ours
    for level, (table, key, _) in _TABLES.items()
}
_PUT = {
    level: text(
        f"UPDATE {table} SET ({_COLUMNS}) = ROW(CAST(:heartbeat_interval_s AS int), CAST(:heartbeat_grace_s AS int),"  # noqa: S608 - likewise
        f" CAST(:miss_limit AS int)) WHERE {key} = :key"
    )
    for level, (table, key, _) in _TABLES.items()
}
_JOINED = """
      FROM hub h JOIN device_model m ON m.id = h.model_id JOIN council c ON c.code = h.council_id
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
"""
_IN_FORCE = text(
    f"""
    SELECT {RULE.agreed} AS agreed, {RULE.agreed_of} AS agreed_of, l.interval_s AS announced,
           {RULE.interval} AS interval, {RULE.interval_of} AS interval_of,
           {RULE.grace} AS grace, {RULE.grace_of} AS grace_of,
           {RULE.misses} AS misses, {RULE.misses_of} AS misses_of
    {_JOINED} WHERE h.hub_id = :hub_id
    """
)
_SLOWER = {
    level: text(
        f"SELECT count(*) {_JOINED} WHERE {of} = :key AND h.connection = 'digital' AND l.interval_s > {RULE.agreed}"
    )
    for level, (_, _, of) in _TABLES.items()
}


class SetHere(NamedTuple):
    """What is set at one place, None where nothing is: seconds, seconds, and missed beats."""

    heartbeat_interval_s: int | None
    heartbeat_grace_s: int | None
    miss_limit: int | None


class InForce(NamedTuple):
    """The rule of a hub and where each part comes from; `announced` is the interval that the hub itself says."""

    agreed: int
    agreed_of: Level
    announced: int | None
    interval: int
    interval_of: Level
    grace: int
    grace_of: Level
    misses: int
    misses_of: Level


class RuleRepository:
    """Reads and writes of them in the transaction of `session`; `key` is a hub's, a model's or a council's."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def set_here(self, level: Level, key: str | UUID, *, lock: bool = False) -> SetHere:
        """Return what is set there, or raise NotFoundError when there is no such hub, model or council."""
        statement = text(_SET_HERE[level] + (" FOR UPDATE" if lock else ""))
        row = (await self.session.execute(statement, {"key": key})).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no {level} {key}")
        return SetHere(*row)

    async def put(self, level: Level, key: str | UUID, rule: SetHere) -> None:
        """Set it there; whom it concerns is looked at again at once, by a trigger."""
        await self.session.execute(_PUT[level], {"key": key, **rule._asdict()})

    async def in_force(self, hub_id: str) -> InForce:
        """Return the rule by which a hub of the register is missed."""
        row: Any = (await self.session.execute(_IN_FORCE, {"hub_id": hub_id})).one()
        return InForce(*row)

    async def slower(self, level: Level, key: str | UUID) -> int:
        """Return how many digital hubs there say that they beat less often than they are to."""
        return int((await self.session.execute(_SLOWER[level], {"key": key})).scalar_one())
