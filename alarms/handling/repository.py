"""All queries on alarms, their logs and the board's change log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Uuid,
    all_,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, undefer
from sqlalchemy.orm.attributes import set_committed_value

from alarms.escalation.domain import Condition, Parties
from alarms.handling.domain import CANARY_CLASS, SYSTEM_HUB, BoardTally, OpenAlarm, TypeHistory
from alarms.handling.models import Alarm, AlarmLog, BoardChange, BoardHead
from alarms.handling.silence import HUB_OFFLINE
from alarms.notify.repository import parties_of, standing_of
from telecare.kernel.among import among
from telecare.kernel.asking import Question, ask
from telecare.kernel.db import LastWrite, is_left, write_last, write_now
from telecare.kernel.errors import NotFoundError
from telecare.kernel.pure.sight import Sight

BOARD_CHANNEL = "telecare_board"
"""NOTIFY channel of every change of an alarm; the payload is the board's number. A hint: polls find the rest.

The database gives the number at the commit, to each alarm whose log has a new line (trigger `number_board_change`).
"""

FORGET_BATCH = 20_000

Sees = Sight | frozenset[str]
"""Whose alarms are asked for: of a set of councils (empty: all), or what somebody sees, which may be more (`Sight`)."""

# Made once: each alarm waits for these, and making a statement takes longer than running it.
_OTHER = aliased(Alarm)
"""An alarm beside the one at hand."""

_CLOSED: ColumnElement[str] = literal_column("'closed'")
"""Written out and no parameter: a plan that is kept for all parameters cannot use an index of the open ones only."""

# The moment of the statement is one that an index can be asked for; that of the clock is not, and each open alarm would
# be read. The inner lock passes by what others hold, the outer one reads the row as it is now that it is ours, and then
# the clock.
_DUE = (
    select(_OTHER.id)
    .where(
        _OTHER.handling != _CLOSED,
        _OTHER.next_due_at <= func.statement_timestamp(),
        _OTHER.id != all_(bindparam("but", type_=ARRAY(Uuid))),
    )
    .order_by(_OTHER.rank, _OTHER.next_due_at, _OTHER.id)
    .limit(literal_column("1"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    select(Alarm, func.clock_timestamp(), standing_of(Alarm.council_id))
    .where(Alarm.id == _DUE.scalar_subquery())
    .with_for_update(of=Alarm)
)

_UNTIL_DUE = select(func.extract("epoch", func.min(Alarm.next_due_at) - func.clock_timestamp())).where(
    Alarm.handling != _CLOSED
)

_SAVED = (
    "version", "rank", "condition", "handling", "events", "last_event_at", "next_due_at", "next_step", "quiet_until",
    "assigned_to", "assigned_name", "assigned_at", "ack_expires_at", "first_acked_at", "closed_at", "outcome",
    "log_seq",
)  # fmt: skip


def _log(of: str) -> str:
    """Return what writes lines of one alarm's log; its parameters begin with `of`."""
    return f"""
        INSERT INTO alarm_log (alarm_id, seq, council_id, at, kind, actor, text, input)
        SELECT CAST(:{of}id AS uuid), CAST(:{of}before AS int) + n, CAST(:{of}council_id AS varchar),
               CAST(:{of}at AS timestamptz), kind, actor, text, CASE WHEN n = 1 THEN CAST(:{of}input AS jsonb) END
          FROM unnest(CAST(:{of}kinds AS text[]), CAST(:{of}actors AS text[]), CAST(:{of}texts AS text[]))
               WITH ORDINALITY AS line (kind, actor, text, n)
        RETURNING 1
    """  # noqa: S608 - names of ours


_ATTRIBUTES = {column.name: Alarm.__mapper__.get_property_by_column(column).key for column in Alarm.__table__.columns}
_OPENED = tuple(name for name in _ATTRIBUTES if name not in {"case_id", "state"})
OPEN = LastWrite(
    order=0,
    ctes=f"""
        opened AS (
            INSERT INTO alarm ({", ".join(_OPENED)}, state, case_id)
            VALUES ({", ".join(f":opened_{name}" for name in _OPENED)}, CAST(:opened_state AS jsonb), coalesce(
                (SELECT case_id FROM alarm
                  WHERE council_id = CAST(:opened_council_id AS varchar) AND handling <> 'closed'
                    AND (person_id = CAST(:opened_person_id AS uuid) OR premises_id = CAST(:opened_premises_id AS uuid))
                  ORDER BY raised_at LIMIT 1), :opened_id))
            RETURNING 1),
        begun AS ({_log("begun_")})
    """,  # noqa: S608 - names of columns
    result="(SELECT count(*) FROM begun)",
    values=lambda rows: dict(*rows),
)
"""A new alarm and the first lines of its log. Its case is the one that the open alarms of its person or home share, so
that its two hubs are seen together (C22), or else a new one with the alarm's own id."""
_SAVE = LastWrite(
    order=0,
    ctes=f"""
        saved AS (UPDATE alarm SET state = CAST(:state AS jsonb), {", ".join(f"{name} = :{name}" for name in _SAVED)}
                   WHERE id = :id),
        logged AS ({_log("")})
    """,  # noqa: S608 - names of columns
    result="(SELECT count(*) FROM logged)",
    values=lambda rows: dict(*rows),
)


def _open_of_hub(rows: Sequence[tuple[Any, ...]]) -> tuple[OpenAlarm, ...]:
    return tuple(sorted((OpenAlarm(*row) for row in rows), key=lambda alarm: alarm.last_event_at, reverse=True))


OPEN_OF_HUB: Question[tuple[OpenAlarm, ...]] = Question(
    f"""
    SELECT id, type, family, class, last_event_at, device_id FROM alarm
     WHERE hub_id = :hub_id AND handling <> 'closed' AND class <> '{CANARY_CLASS}'
     ORDER BY id FOR UPDATE
    """,  # noqa: S608 - a name of ours
    _open_of_hub,
)
"""The open alarms of `hub_id`, the newest first, their rows locked.

They are locked here, in one order and before the board's row, so that no two transactions wait for each other and none
of them closes between the judgement and what follows from it.
"""

_LOCK_FAULT = text("SELECT pg_advisory_xact_lock(hashtextextended(:fault, 7003)) IS NULL")


@dataclass(frozen=True)
class Lines:
    """Lines for an alarm's log, as columns; the first keeps the input that led to them all."""

    at: datetime
    kinds: list[str]
    actors: list[str]
    texts: list[str]
    input: dict[str, Any] | None = None


class Due(NamedTuple):
    """An alarm whose moment has come, the clock since its row is locked, and who stands behind the standing targets."""

    alarm: Alarm
    now: datetime
    standing: Parties


class AlarmRepository:
    """Reads and writes of alarms in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lock(self, alarm_id: UUID) -> Alarm | None:
        """Return the alarm with its row locked until the transaction ends."""
        statement = (
            select(Alarm).where(Alarm.id == alarm_id).with_for_update().execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def lock_held_by(self, user_id: UUID) -> Sequence[Alarm]:
        """Return the alarms that a user has, their rows locked, in the order in which all lock them."""
        statement = (
            select(Alarm)
            .where(Alarm.assigned_to == user_id, Alarm.handling != "closed")
            .order_by(Alarm.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def lock_with_round_of(self, party_ids: Sequence[UUID]) -> Sequence[Alarm]:
        """Return the open alarms that are telling one of these parties, locked in the order in which all lock them."""
        telling = or_(false(), *(Alarm.state["rounds"].contains([{"party": str(each)}]) for each in party_ids))
        statement = (
            select(Alarm)
            .where(Alarm.handling != "closed", telling)
            .order_by(Alarm.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalars().all() if party_ids else []

    async def lock_quiet(self, council_id: str | None, hub_id: str | None) -> Sequence[Alarm]:
        """Return the open alarms that are quiet now, of a council or all, a hub or all, locked in the common order."""
        statement = (
            select(Alarm)
            .where(Alarm.handling != "closed", Alarm.quiet_until > func.clock_timestamp())
            .order_by(Alarm.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if council_id is not None:
            statement = statement.where(Alarm.council_id == council_id)
        if hub_id is not None:
            statement = statement.where(Alarm.hub_id == hub_id)
        return (await self.session.execute(statement)).scalars().all()

    async def claim_due(self, but: Collection[UUID] = ()) -> Due | None:
        """Lock one alarm whose moment has come, the gravest first, and read the clock and who stands there for it.

        Those that another worker holds are passed by, and those in `but`.
        """
        row = (await self.session.execute(_CLAIM, {"but": list(but)})).one_or_none()
        return None if row is None else Due(row[0], row[1], parties_of(row[2]))

    async def add(self, alarm: Alarm, lines: Lines, *, last: bool = False) -> None:
        """Write a new alarm and the first lines of its log; with what ends the transaction when it is `last`."""
        alarm.log_seq = len(lines.kinds)
        if is_left(self.session, OPEN):
            await write_now(self.session)
        values = {f"opened_{name}": getattr(alarm, _ATTRIBUTES[name]) for name in _OPENED}
        values["opened_state"] = msgspec.json.encode(alarm.state).decode()
        log = {f"begun_{name}": value for name, value in _log_values(alarm, 0, lines).items()}
        write_last(self.session, OPEN, [values | log])
        if not last:
            await write_now(self.session)

    async def save(self, alarm: Alarm, columns: Mapping[str, Any], lines: Lines, *, last: bool = False) -> None:
        """Write what has changed of a locked alarm, and the next lines of its log, in one statement.

        The object has the new values too, and nothing is left for the session to write. `last`: nothing in the
        transaction reads or writes an alarm after it, so it goes with what ends it, in one round trip.
        """
        before = alarm.log_seq
        for name, value in {**columns, "log_seq": before + len(lines.kinds)}.items():
            set_committed_value(alarm, name, value)
        values = {name: getattr(alarm, name) for name in _SAVED}
        values["state"] = msgspec.json.encode(alarm.state).decode()
        write_last(self.session, _SAVE, [values | _log_values(alarm, before, lines)])
        if not last:
            await write_now(self.session)

    async def seconds_until_due(self) -> float | None:
        """Return how long until the next open alarm is due (negative: overdue); None when nothing is open."""
        seconds = (await self.session.execute(_UNTIL_DUE)).scalar_one()
        return None if seconds is None else float(seconds)

    async def get(self, alarm_id: UUID, councils: Sees) -> Alarm | None:
        """Return an alarm that a user of these councils may see (empty: all councils)."""
        statement = self._visible(select(Alarm).where(Alarm.id == alarm_id), councils)
        alarm: Alarm | None = (await self.session.execute(statement)).scalar_one_or_none()
        return alarm

    async def require(self, alarm_id: UUID, councils: Sees) -> Alarm:
        """Return an alarm or raise NotFoundError."""
        alarm = await self.get(alarm_id, councils)
        if alarm is None:
            raise NotFoundError("There is no such alarm")
        return alarm

    async def open_of_hub(self, hub_id: str) -> tuple[OpenAlarm, ...]:
        """Return what `OPEN_OF_HUB` asks for."""
        return await ask(self.session, OPEN_OF_HUB, {"hub_id": hub_id})

    async def open_of_home(self, hub_id: str, person_id: UUID, premises_id: UUID) -> tuple[str, ...]:
        """Return in words for what somebody may need a hub: alarms of it, its person and their home, oldest first.

        That a hub is silent or faulty is no reason for it to stay: to take it away is often the cure.
        """
        statement = (
            select(Alarm.words)
            .where(
                Alarm.handling != "closed",
                Alarm.class_.in_(("L", "U")),
                Alarm.type != HUB_OFFLINE,
                or_(Alarm.hub_id == hub_id, Alarm.person_id == person_id, Alarm.premises_id == premises_id),
            )
            .order_by(Alarm.raised_at)
        )
        return tuple((await self.session.execute(statement)).scalars())

    async def others_of_case(self, alarm: Alarm) -> Sequence[Alarm]:
        """Return the other open alarms of an alarm's case."""
        statement = (
            select(Alarm)
            .where(Alarm.case_id == alarm.case_id, Alarm.id != alarm.id, Alarm.handling != "closed")
            .order_by(*_board_order())
        )
        return (await self.session.execute(statement)).scalars().all()

    async def board(self, councils: Sees, limit: int = 500) -> Sequence[Alarm]:
        """Return the open alarms in the board's order: fire, class, age; not those that are told with an incident."""
        statement = self._visible(select(Alarm).where(Alarm.handling != "closed", _by_itself()), councils)
        statement = statement.order_by(*_board_order()).limit(limit).options(undefer(Alarm.person_born))
        return list((await self.session.execute(statement)).scalars())

    async def waiting(self, councils: Sees, limit: int) -> Sequence[UUID]:
        """Return which alarms nobody has, in the board's order, but for those that planned work keeps quiet."""
        statement = self._visible(select(Alarm.id).where(Alarm.handling == "raised", _loud(), _by_itself()), councils)
        return list((await self.session.execute(statement.order_by(*_board_order()).limit(limit))).scalars())

    async def tally(self, councils: Sees, user_id: UUID | None, *, fire_rank: int) -> BoardTally:
        """Return the figures of the whole board; `mine` counts what this user has, ranks up to `fire_rank` are fire.

        What planned work keeps quiet is open, but does not wait.
        """
        life = Alarm.class_.in_(("L", "U"))
        free = (Alarm.handling == "raised") & _loud()
        waits = life & free

        def how_many(condition: Any) -> Any:
            return func.count().filter(condition)

        statement = select(
            how_many(life),
            how_many(~life),
            how_many(waits),
            func.min(Alarm.raised_at).filter(waits),
            how_many(waits & (Alarm.raised_at < func.statement_timestamp() - timedelta(minutes=1))),
            how_many(waits & (Alarm.rank <= fire_rank)),
            how_many(waits & (Alarm.class_ == "L")),
            how_many(~life & free),
            how_many(Alarm.assigned_to == user_id),
        ).where(Alarm.handling != "closed", _by_itself())
        return BoardTally(*(await self.session.execute(self._visible(statement, councils))).one())

    async def unclaimed(self, councils: Sees) -> dict[str | None, int]:
        """Return how many open alarms of each council nobody has; None: those of which nobody knows the council."""
        statement = (
            select(Alarm.council_id, func.count())
            .where(Alarm.handling != _CLOSED, Alarm.handling == "raised", _by_itself())
            .group_by(Alarm.council_id)
        )
        rows = await self.session.execute(self._visible(statement, councils))
        return {council_id: count for council_id, count in rows}  # noqa: C416 - rows

    async def history_of_hub(self, hub_id: str, councils: Sees) -> Sequence[TypeHistory]:
        """Return how often each trigger of a hub has called in a day, a week and 90 days, the most frequent first."""
        now = func.statement_timestamp()
        day, week = (func.count().filter(Alarm.raised_at >= now - timedelta(days=days)) for days in (1, 7))
        statement = (
            select(Alarm.type, func.max(Alarm.words), day, week, func.count())
            .where(Alarm.hub_id == hub_id, Alarm.raised_at >= now - timedelta(days=90))
            .group_by(Alarm.type)
            .order_by(day.desc(), func.count().desc(), Alarm.type)
        )
        found = await self.session.execute(self._visible(statement, councils))
        return [TypeHistory(*row) for row in found]

    async def last_closed(self, alarm: Alarm) -> Alarm | None:
        """Return the alarm before this one that has ended, of the same person or else of the same hub."""
        same = Alarm.person_id == alarm.person_id if alarm.person_id else Alarm.hub_id == alarm.hub_id
        statement = (
            select(Alarm)
            .where(same, Alarm.id != alarm.id, Alarm.handling == "closed", Alarm.raised_at <= alarm.raised_at)
            .where(Alarm.class_ != CANARY_CLASS)
            .order_by(Alarm.raised_at.desc(), Alarm.id)
            .limit(1)
        )
        found: Alarm | None = (await self.session.execute(statement)).scalar_one_or_none()
        return found

    async def latest(
        self, councils: Sees, *, hub_id: str | None = None, person_id: UUID | None = None, limit: int
    ) -> Sequence[Alarm]:
        """Return the alarms of a hub or of a person, the newest first."""
        statement = self._visible(select(Alarm), councils)
        if hub_id is not None:
            statement = statement.where(Alarm.hub_id == hub_id)
        if person_id is not None:
            statement = statement.where(Alarm.person_id == person_id)
        statement = statement.order_by(Alarm.raised_at.desc(), Alarm.id).limit(limit)
        return list((await self.session.execute(statement)).scalars())

    async def page(
        self,
        councils: Sees,
        *,
        handling: str | None,
        hub_id: str | None,
        person_id: UUID | None,
        after: tuple[int, datetime, UUID] | None,
        limit: int,
    ) -> Sequence[Alarm]:
        """Return a page of alarms by rank, age and id; `handling` may be a state or `open`."""
        statement = self._visible(select(Alarm), councils)
        if handling == "open":
            statement = statement.where(Alarm.handling != "closed")
        elif handling is not None:
            statement = statement.where(Alarm.handling == handling)
        if hub_id is not None:
            statement = statement.where(Alarm.hub_id == hub_id)
        if person_id is not None:
            statement = statement.where(Alarm.person_id == person_id)
        if after is not None:
            statement = statement.where(tuple_(Alarm.rank, Alarm.raised_at, Alarm.id) > tuple_(*after))
        statement = statement.order_by(*_board_order()).limit(limit)
        return list((await self.session.execute(statement)).scalars())

    async def by_ids(self, alarm_ids: Sequence[UUID]) -> Sequence[Alarm]:
        """Return these alarms, in no order."""
        if not alarm_ids:
            return []
        statement = select(Alarm).where(among(Alarm.id, alarm_ids)).options(undefer(Alarm.person_born))
        return (await self.session.execute(statement)).scalars().all()

    async def running_on(self, policy: str, council_id: str | None) -> Sequence[UUID]:
        """Return the open alarms whose ladder is a version of a policy of this key: of one council, or of all."""
        ladder = Alarm.state["ladder"]["policy"].astext
        statement = select(Alarm.id).where(Alarm.handling != "closed", ladder == policy).order_by(Alarm.id)
        if council_id is not None:
            statement = statement.where(Alarm.council_id == council_id)
        return (await self.session.execute(statement)).scalars().all()

    async def log_of(self, alarm_id: UUID) -> Sequence[AlarmLog]:
        """Return the log of an alarm in its order."""
        statement = select(AlarmLog).where(AlarmLog.alarm_id == alarm_id).order_by(AlarmLog.seq)
        return (await self.session.execute(statement)).scalars().all()

    async def count_lines(self, alarm_id: UUID, kind: str) -> int:
        """Return how many lines of a kind the log of an alarm has."""
        statement = select(func.count()).where(AlarmLog.alarm_id == alarm_id, AlarmLog.kind == kind)
        return (await self.session.execute(statement)).scalar_one()

    async def lock_fault(self, family: str, council_id: str | None) -> bool:
        """Let one transaction at a time look whether this fault of ours is on the board; return whether it is."""
        await self.session.execute(_LOCK_FAULT, {"fault": f"{council_id}:{family}"})
        same = [
            Alarm.hub_id == SYSTEM_HUB,
            Alarm.family == family,
            Alarm.council_id.is_not_distinct_from(council_id),
            Alarm.handling != "closed",
        ]
        return bool((await self.session.execute(select(exists().where(*same)))).scalar_one())

    async def open_faults(self, family: str) -> dict[str | None, tuple[UUID, Condition]]:
        """Return the open alarms of a fault of ours, by council, and whether their causes are still there."""
        same = [Alarm.hub_id == SYSTEM_HUB, Alarm.family == family, Alarm.handling != _CLOSED]
        rows = await self.session.execute(select(Alarm.council_id, Alarm.id, Alarm.condition).where(*same))
        return {council_id: (alarm_id, Condition(condition)) for council_id, alarm_id, condition in rows}

    async def holders(self) -> dict[UUID, UUID]:
        """Return who has each open alarm that somebody has, by its id."""
        statement = select(Alarm.id, Alarm.assigned_to).where(
            Alarm.handling != "closed", Alarm.assigned_to.is_not(None)
        )
        return {alarm_id: holder for alarm_id, holder in await self.session.execute(statement) if holder is not None}

    async def board_seq(self) -> int:
        """Return the number of the board's last change."""
        return (await self.session.execute(select(BoardHead.seq))).scalar_one()

    async def changes_after(self, seq: int, limit: int = 500) -> Sequence[BoardChange]:
        """Return the board's changes after a number, oldest first."""
        statement = select(BoardChange).where(BoardChange.seq > seq).order_by(BoardChange.seq).limit(limit)
        return (await self.session.execute(statement)).scalars().all()

    async def forget_changes(self, older_than: datetime) -> int:
        """Forget a batch of old changes of the board, return how many; who still stands there loads it anew."""
        old = select(BoardChange.seq).where(BoardChange.at < older_than).order_by(BoardChange.at).limit(FORGET_BATCH)
        statement = delete(BoardChange).where(BoardChange.seq.in_(old)).returning(BoardChange.seq)
        return len((await self.session.execute(statement)).scalars().all())

    def _visible(self, statement: Any, councils: Sees) -> Any:
        """Leave out what may not be seen with these councils, and the canary, which nobody sees."""
        statement = statement.where(Alarm.class_ != CANARY_CLASS)
        sight = councils if isinstance(councils, Sight) else Sight(councils)
        if not sight.councils:
            return statement
        seen: list[ColumnElement[bool]] = [Alarm.council_id.is_(None), Alarm.council_id.in_(sight.councils)]
        if sight.holder is not None:
            seen.append(Alarm.assigned_to == sight.holder)
        return statement.where(or_(*seen))


def _loud() -> ColumnElement[bool]:
    """Say of an alarm that no planned work keeps it quiet at this moment."""
    return Alarm.quiet_until.is_(None) | (Alarm.quiet_until <= func.statement_timestamp())


def _by_itself() -> ColumnElement[bool]:
    """Say of an alarm that it has a row of its own: it is told with no incident, or somebody has it."""
    return Alarm.incident_id.is_(None) | (Alarm.handling != "raised")


def _log_values(alarm: Alarm, before: int, lines: Lines) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "council_id": alarm.council_id,
        "before": before,
        "at": lines.at,
        "input": None if lines.input is None else msgspec.json.encode(lines.input).decode(),
        "kinds": lines.kinds,
        "actors": lines.actors,
        "texts": lines.texts,
    }


def _board_order() -> tuple[Any, ...]:
    """The board's order in SQL; `alarms.handling.domain.board_key` is the same for rows in hand."""
    return (Alarm.rank, Alarm.raised_at, Alarm.id)
