"""What goes wrong with our own parts while a scenario runs on a real database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import CANARY_CLASS, SYSTEM_HUB
from alarms.handling.models import Alarm, AlarmLog
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from alarms.policy.simulate import FIRST
from tests.scenarios.stage import Stage

if TYPE_CHECKING:
    from tests.scenarios.database_run import DatabaseRun
    from tests.scenarios.own_rhythm import OwnRhythm


_REFUSE = """
CREATE OR REPLACE FUNCTION sim.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the scenario lets no commit through' USING ERRCODE = TG_ARGV[0];
END $$
"""
_COMMITS = {"fail": "XX000", "conflict": "40001"}
"""What the database says: a fault that nobody foresees, or that others were at the same rows."""
_APPEND_ONLY_NO_MORE = text("SET LOCAL session_replication_role = replica")
_LET_THROUGH = "DROP TRIGGER IF EXISTS refuse ON alarm"


class Faults(Stage):
    """Senders that stand still, and a database that takes nothing in."""

    def __init__(self, run: DatabaseRun, rhythm: OwnRhythm) -> None:
        super().__init__(run)
        self._rhythm = rhythm
        self._refuses = False

    async def happen(self, event: EventPart) -> bool:
        if event.sender is not None:
            self.run.sends = event.sender != "off"
            self.run.outgoing.slow = event.sender == "slow"
        elif event.poison is not None:
            await self._poison(self.run.alarms[event.poison])
        elif event.heal is not None:
            await self._heal(self.run.alarms[event.heal])
        elif event.commits == "work":
            await self.close()
            self._rhythm.end()
        elif event.commits is not None:
            await self._refuse(_COMMITS[event.commits])
            self._rhythm.begin()
        else:
            return False
        return True

    async def _poison(self, alarm_id: UUID) -> None:
        """Make what is stored of an alarm unreadable, and remember it."""
        state = select(Alarm.state).where(Alarm.id == alarm_id)
        inputs = select(AlarmLog.seq, AlarmLog.input).where(AlarmLog.alarm_id == alarm_id, AlarmLog.input.is_not(None))
        async with self.run.database.transaction() as session:
            self._healthy = (await session.execute(state)).scalar_one(), (await session.execute(inputs)).all()
            await session.execute(_APPEND_ONLY_NO_MORE)
            nonsense = {"input": "Nothing that we know"}
            await _write(session, alarm_id, {}, [(seq, nonsense) for seq, _ in self._healthy[1]])

    async def _heal(self, alarm_id: UUID) -> None:
        async with self.run.database.transaction() as session:
            await session.execute(_APPEND_ONLY_NO_MORE)
            await _write(session, alarm_id, *self._healthy)

    async def close(self) -> None:
        if self._refuses:
            self._refuses = False
            await self._sql(_LET_THROUGH)

    async def _refuse(self, code: str) -> None:
        self._refuses = True
        trigger = (
            "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON alarm DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW EXECUTE FUNCTION sim.refuse('{code}')"
        )
        await self._sql(_REFUSE, trigger)

    async def _sql(self, *statements: str) -> None:
        async with self.run.database.transaction() as session:
            for statement in statements:
                await session.execute(text(statement))

    async def check(self, wanted: CheckPart) -> list[str]:
        alarm_id = self.run.alarms.get(wanted.alarm or FIRST)
        return [*await self._open(wanted.open), *await self._log(wanted.log, alarm_id)]

    async def _open(self, wanted: int | None) -> list[str]:
        if wanted is None:
            return []
        of_people = (Alarm.hub_id != SYSTEM_HUB, Alarm.class_ != CANARY_CLASS)
        open_ = select(func.count()).where(Alarm.handling != "closed", *of_people)
        async with self.run.database.transaction() as session:
            found = (await session.execute(open_)).scalar_one()
        return [] if found == wanted else [f"{found} alarms are open, not {wanted}"]

    async def _log(self, wanted: tuple[str, ...] | None, alarm_id: UUID | None) -> list[str]:
        if wanted is None:
            return []
        kinds = select(AlarmLog.kind).where(AlarmLog.alarm_id == alarm_id, AlarmLog.kind.in_(wanted))
        async with self.run.database.transaction() as session:
            found = tuple((await session.execute(kinds.order_by(AlarmLog.seq))).scalars())
        return [] if found == wanted else [f"the log has {_listed(found)}, not {_listed(wanted)}"]


async def _write(session: AsyncSession, alarm_id: UUID, state: dict[str, Any], inputs: Iterable[Any]) -> None:
    await session.execute(update(Alarm).where(Alarm.id == alarm_id).values(state=state))
    for seq, said in inputs:
        line = update(AlarmLog).where(AlarmLog.alarm_id == alarm_id, AlarmLog.seq == seq)
        await session.execute(line.values(input=said))


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds) or "no such line"
