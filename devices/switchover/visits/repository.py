"""All queries on visits, their logs, contacts and evidence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, RowMapping, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.models import DeviceModel, Hub, Installation, Person, Premises
from devices.registry.repository import PERSON_NAME, PLACE, escaped
from devices.switchover.programmes.models import Unit
from devices.switchover.visits.calendar import Slot
from devices.switchover.visits.domain import (
    HAS_SLOT,
    STANDS,
    ContactChannel,
    ContactOutcome,
    EvidenceKind,
    VisitState,
)
from devices.switchover.visits.evidence import UNIT, Shown, Silence, key_of
from devices.switchover.visits.models import Visit, VisitContact, VisitEvidence, VisitLog
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger

log = get_logger("switchover")

LONDON = ZoneInfo("Europe/London")
_SAY = text(
    """
    INSERT INTO visit_log (visit_id, seq, council_id, kind, actor, from_state, to_state, text)
    SELECT :visit_id, coalesce(max(seq), 0) + 1, :council_id, :kind, :actor, :from_state, :to_state, :text
      FROM visit_log WHERE visit_id = :visit_id
    """
)
# What is registered for a hub, and what the hub itself lists: a detector in one of them alone must prove itself too.
_DEVICES = text(
    """
    SELECT device_id, max(kind) AS kind, max(room) AS room
      FROM (SELECT device_id, kind, room FROM peripheral WHERE hub_id = :hub_id
            UNION ALL
            SELECT d.key, d.value ->> 'kind', d.value ->> 'room'
              FROM hub_live l, jsonb_each(l.peripherals) d
             WHERE l.hub_id = :hub_id AND jsonb_typeof(l.peripherals) = 'object') q
     GROUP BY device_id ORDER BY device_id
    """
)
_SILENCES = text(
    """
    SELECT started_at, ended_at, false AS ours FROM presence_period
     WHERE hub_id = :hub_id AND state IN ('never_seen', 'suspect', 'offline', 'lost', 'dormant')
       AND coalesce(ended_at, 'infinity') > :since
    UNION ALL
    SELECT started_at, ended_at, true FROM deaf_period WHERE ended_at > :since
    """
)
# What was proven before the new hub was taken out says nothing of the old one as it hangs there now.
_BACK_ON_THE_OLD = text(
    """
    SELECT v.old_hub_id AS hub_id, l.at,
           (SELECT max(greatest(p.last_alarm_at, p.last_test_at)) FROM trigger_proof p
             WHERE p.hub_id = v.old_hub_id) AS proven_at
      FROM visit v
      JOIN LATERAL (SELECT max(at) AS at FROM visit_log
                     WHERE visit_id = v.id AND to_state IN ('rolled_back', 'aborted_no_signal')
                       AND from_state IN ('installed', 'peripherals_paired', 'e2e_tested', 'soak', 'accepted')) l
        ON l.at IS NOT NULL
     WHERE (v.over_at IS NULL OR v.over_at > clock_timestamp() - interval '30 days') AND v.accepted_at IS NULL
       AND EXISTS (SELECT FROM installation i WHERE i.hub_id = v.old_hub_id AND i.person_id = v.person_id
                      AND upper_inf(i.period))
     ORDER BY v.id
    """
)
_HEARD_SINCE = text(
    """
    SELECT EXISTS (SELECT FROM installation WHERE hub_id = :hub_id AND person_id = :person_id AND upper_inf(period)),
           ARRAY(SELECT device_id FROM trigger_proof
                  WHERE hub_id = :hub_id AND greatest(last_alarm_at, last_test_at) > :since)
    """
)
_ENGINEER = text("SELECT pg_advisory_xact_lock(hashtextextended(:engineer_id, 7016))")
# Of the states alone: while we are deaf ourselves nobody is judged, and what we could not hear is no silence.
_LAST_ONLINE = text(
    """
    SELECT coalesce(bool_or(ended_at IS NULL), false) AS now, max(ended_at) AS until FROM presence_period
     WHERE hub_id = :hub_id AND state IN ('online', 'late')
    """
)
_HEARD = text("SELECT EXISTS (SELECT FROM presence_period WHERE hub_id = :hub_id AND state IN ('online', 'late'))")


@dataclass(frozen=True)
class VisitFilter:
    """What a list of visits is narrowed to; None is all. `on` is the day of the slot, `due` a day to take it up by."""

    council: str | None = None
    state: VisitState | None = None
    programme_id: UUID | None = None
    engineer_id: UUID | None = None
    on: date | None = None
    due: date | None = None
    hub_id: str | None = None
    person_id: UUID | None = None
    q: str | None = None
    over: bool | None = None


@dataclass(frozen=True)
class BackOnTheOld:
    """An old hub that somebody relies on again: since when, and when a trigger of it was last heard."""

    hub_id: str
    since: datetime
    proven_at: datetime | None


class VisitRepository:
    """Reads and writes of visits in the transaction of `session`; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str] = frozenset()) -> None:
        self.session = session
        self.councils = councils

    async def page(
        self, wanted: VisitFilter, after: tuple[datetime | None, UUID] | None, limit: int, offset: int = 0
    ) -> Sequence[RowMapping]:
        """Return visits as shown: by the time of their slot, those without one after the others."""
        when = func.coalesce(Visit.starts_at, text("'infinity'::timestamptz"))
        statement = self._narrowed(_shown(), wanted).order_by(when, Visit.id).limit(limit).offset(offset)
        if after is not None:
            moment, last = after
            if moment is None:
                statement = statement.where(Visit.starts_at.is_(None), Visit.id > last)
            else:
                statement = statement.where(tuple_(when, Visit.id) > tuple_(moment, last))
        return list((await self.session.execute(statement)).mappings())

    async def count(self, wanted: VisitFilter) -> int:
        """Return how many visits a list has."""
        statement = self._narrowed(_shown(), wanted).subquery()
        return int((await self.session.execute(select(func.count()).select_from(statement))).scalar_one())

    async def slots(self, engineer_id: UUID, since: datetime, until: datetime) -> list[Slot]:
        """Return the visits of an engineer that have a time in a period, in their order, and roughly where they are."""
        district = func.split_part(Premises.postcode, " ", 1)
        statement = (
            select(Visit, Visit.starts_at, Visit.ends_at, Premises.town, district)
            .join(Premises, Premises.id == Visit.premises_id)
            .where(_goes(engineer_id), Visit.starts_at >= since, Visit.starts_at < until)
            .order_by(Visit.starts_at, Visit.id)
        )
        return [Slot(*row) for row in await self.session.execute(self._seen(statement))]

    async def next_slot(self, engineer_id: UUID, after: datetime) -> datetime | None:
        """Return when the next visit of an engineer begins that is not over."""
        coming = select(func.min(Visit.starts_at)).where(
            _goes(engineer_id), Visit.starts_at >= after, Visit.over_at.is_(None)
        )
        begins: datetime | None = (await self.session.execute(self._seen(coming))).scalar_one()
        return begins

    async def shown(self, visit_id: UUID) -> RowMapping:
        """Return one visit as shown, or raise NotFoundError."""
        statement = self._seen(_shown().where(Visit.id == visit_id)).execution_options(populate_existing=True)
        row: RowMapping | None = (await self.session.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no visit {visit_id}")
        return row

    async def require(self, visit_id: UUID, *, lock: bool = False) -> Visit:
        """Return a visit, locked when it is to be changed, or raise NotFoundError."""
        statement = self._seen(select(Visit).where(Visit.id == visit_id)).execution_options(populate_existing=True)
        if lock:
            statement = statement.with_for_update()
        visit: Visit | None = (await self.session.execute(statement)).scalar_one_or_none()
        if visit is None:
            raise NotFoundError(f"There is no visit {visit_id}")
        return visit

    async def of_hub(self, hub_id: str) -> Visit | None:
        """Return the visit under way that is to replace a hub, or that brings it."""
        statement = select(Visit).where(
            or_(Visit.old_hub_id == hub_id, Visit.new_hub_id == hub_id), Visit.over_at.is_(None)
        )
        return (await self.session.execute(self._seen(statement).limit(1))).scalar_one_or_none()

    async def replacing(self, hub_ids: Collection[str]) -> dict[str, Visit]:
        """Return the visits under way that are to replace some hubs, by hub."""
        statement = select(Visit).where(among(Visit.old_hub_id, hub_ids), Visit.over_at.is_(None))
        return {row.old_hub_id: row for row in (await self.session.execute(self._seen(statement))).scalars()}

    async def lock_engineers(self, crew: Collection[UUID]) -> None:
        """Let nobody else book these engineers before the end of the transaction; in one order, and before any hub."""
        for engineer_id in sorted(map(str, crew)):
            await self.session.execute(_ENGINEER, {"engineer_id": engineer_id})

    async def busy(
        self, crew: Collection[UUID], starts_at: datetime, ends_at: datetime, but: Collection[str]
    ) -> Visit | None:
        """Return a visit to another home than `but` (old hubs) for which one of a crew is booked within a time."""
        statement = select(Visit).where(
            or_(*(_goes(each) for each in crew)), Visit.starts_at < ends_at, Visit.ends_at > starts_at,
            Visit.state.in_(HAS_SLOT), Visit.over_at.is_(None), ~among(Visit.old_hub_id, but),
        )  # fmt: skip
        return (await self.session.execute(statement.order_by(Visit.starts_at).limit(1))).scalar_one_or_none()

    async def add(self, **columns: Any) -> Visit:
        """Add a visit; the database refuses a second one under way for the same old hub."""
        statement = insert(Visit).values(id=new_id(), **columns).returning(Visit)
        return (await self.session.execute(statement)).scalar_one()

    async def say(
        self,
        visit: Visit,
        kind: str,
        actor: str,
        words: str,
        *,
        states: tuple[VisitState | None, VisitState] | None = None,
    ) -> None:
        """Write a line into the log of a visit whose row is locked, or new; `states` are from and to."""
        before, after = states or (None, None)
        values = {"visit_id": visit.id, "council_id": visit.council_id, "kind": kind, "actor": actor, "text": words}
        await self.session.execute(_SAY, values | {"from_state": before, "to_state": after})

    async def log_of(self, visit_id: UUID) -> list[VisitLog]:
        """Return the log of a visit."""
        statement = select(VisitLog).where(VisitLog.visit_id == visit_id).order_by(VisitLog.seq)
        return list((await self.session.execute(statement)).scalars())

    async def contacts_of(self, visit_id: UUID) -> list[VisitContact]:
        """Return whom one tried to reach, the first attempt first."""
        statement = select(VisitContact).where(VisitContact.visit_id == visit_id)
        return list((await self.session.execute(statement.order_by(VisitContact.at, VisitContact.id))).scalars())

    async def add_contact(
        self, visit: Visit, by: str, channel: ContactChannel, outcome: ContactOutcome, note: str | None
    ) -> None:
        """Note an attempt."""
        columns = {"by": by, "channel": channel, "outcome": outcome, "note": note}
        row = {"id": new_id(), "visit_id": visit.id, "council_id": visit.council_id} | columns
        await self.session.execute(insert(VisitContact).values(row))

    async def evidence_of(self, visit_id: UUID, installation_id: UUID | None) -> dict[str, Shown]:
        """Return what the new hub has shown where it is now, by key."""
        statement = select(VisitEvidence).where(
            VisitEvidence.visit_id == visit_id, VisitEvidence.installation_id == installation_id
        )
        found = [
            Shown(EvidenceKind(row.kind), row.at, row.words, row.event_id, row.device_id, row.since, row.by)
            for row in (await self.session.execute(statement)).scalars()
        ]
        return {each.key: each for each in found}

    async def keep(self, visit: Visit, installation_id: UUID, shown: Shown, by_id: UUID | None = None) -> bool:
        """Keep a piece of evidence; False when there is one of this kind (and device), or the database takes it not."""
        columns = {
            "id": new_id(), "visit_id": visit.id, "council_id": visit.council_id, "installation_id": installation_id,
            "kind": shown.kind, "device_id": shown.device_id, "event_id": shown.event_id, "since": shown.since,
            "at": shown.at, "by": shown.by, "by_id": by_id, "words": shown.words,
        }  # fmt: skip
        statement = insert(VisitEvidence).values(columns).on_conflict_do_nothing().returning(VisitEvidence.id)
        try:
            async with self.session.begin_nested():
                return (await self.session.execute(statement)).scalar_one_or_none() is not None
        except IntegrityError as error:
            log.warning("evidence_refused", visit=str(visit.id), kind=shown.kind, why=str(error.orig))
            return False

    async def place(self, hub_id: str | None, person_id: UUID) -> Installation | None:
        """Return where a hub is with a person now, None when it is not."""
        statement = (
            select(Installation)
            .where(
                Installation.hub_id == hub_id, Installation.person_id == person_id, func.upper_inf(Installation.period)
            )
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def devices(self, hub_id: str) -> list[tuple[str, str]]:
        """Return what is registered for a hub or listed by it: ids and words."""
        rows = await self.session.execute(_DEVICES, {"hub_id": hub_id})
        return [(row.device_id, _words(row.kind, row.room)) for row in rows]

    async def kinds(self, hub_id: str) -> list[tuple[str, str, str]]:
        """Return id, kind and words of what is registered for a hub or listed by it."""
        rows = await self.session.execute(_DEVICES, {"hub_id": hub_id})
        return [(row.device_id, row.kind or "", _words(row.kind, row.room)) for row in rows]

    async def silences(self, hub_id: str, since: datetime) -> list[Silence]:
        """Return when a hub was silent for too long since a moment, and when we could not hear."""
        if not (await self.session.execute(_HEARD, {"hub_id": hub_id})).scalar_one():
            return [Silence(since, None)]
        rows = await self.session.execute(_SILENCES, {"hub_id": hub_id, "since": since})
        return [Silence(row.started_at, row.ended_at, ours=row.ours) for row in rows]

    async def silent_since(self, hub_id: str, installed: datetime) -> datetime | None:
        """Return since when a hub has not been online (one that never was: since it was installed); None when it is."""
        online = (await self.session.execute(_LAST_ONLINE, {"hub_id": hub_id})).one()
        return None if online.now else online.until or installed

    async def proving(self, after: UUID | None, limit: int) -> list[UUID]:
        """Return visits whose new hub is to show something still, by id."""
        statement = select(Visit.id).where(Visit.state.in_(STANDS), Visit.over_at.is_(None)).order_by(Visit.id)
        if after is not None:
            statement = statement.where(Visit.id > after)
        return list((await self.session.execute(statement.limit(limit))).scalars())

    async def lock_free(self, visit_id: UUID) -> Visit | None:
        """Return a visit that nobody else works on, locked; None when somebody does."""
        statement = select(Visit).where(Visit.id == visit_id, Visit.over_at.is_(None))
        statement = statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        visit: Visit | None = (await self.session.execute(statement)).scalar_one_or_none()
        return visit

    async def back_on_the_old(self) -> list[BackOnTheOld]:
        """Return old hubs that are relied on again because the new one was taken out of the home."""
        rows = await self.session.execute(_BACK_ON_THE_OLD)
        return [BackOnTheOld(row.hub_id, row.at, row.proven_at) for row in rows]

    async def retests(self, day: date) -> list[Visit]:
        """Return accepted visits whose exception is to be tested by a day."""
        statement = select(Visit).where(Visit.retest_on <= day, Visit.accepted_at.is_not(None)).order_by(Visit.id)
        return list((await self.session.execute(statement)).scalars())

    async def unheard(self, visit: Visit) -> set[str]:
        """Return the keys of the triggers that an accepted hub has and that were not heard since it was accepted.

        None of one that does not stand with the person any more: nobody relies on it.
        """
        hub_id = visit.new_hub_id or ""
        values = {"hub_id": hub_id, "person_id": visit.person_id, "since": visit.accepted_at}
        stands, heard = (await self.session.execute(_HEARD_SINCE, values)).one()
        has = {device_id for device_id, _ in await self.devices(hub_id)} or {UNIT}
        return {key_of(EvidenceKind.TRIGGER, device_id) for device_id in has - set(heard)} if stands else set()

    async def waiting(self, day: date) -> list[Visit]:
        """Return visits under way that were to be taken up again by a day."""
        statement = select(Visit).where(Visit.next_contact_on <= day, Visit.over_at.is_(None)).order_by(Visit.id)
        return list((await self.session.execute(statement)).scalars())

    async def untold(self) -> list[Visit]:
        """Return booked visits whose promised time was moved, and whose household nobody has reached since."""
        moved = (
            select(func.max(VisitLog.at))
            .where(
                VisitLog.visit_id == Visit.id,
                VisitLog.to_state == VisitState.RESCHEDULED,
                VisitLog.from_state.in_((VisitState.BOOKED, VisitState.CONFIRMED)),
            )
            .scalar_subquery()
        )
        reached = select(VisitContact.id).where(
            VisitContact.visit_id == Visit.id, VisitContact.outcome == ContactOutcome.REACHED, VisitContact.at >= moved
        )
        statement = select(Visit).where(Visit.state == VisitState.BOOKED, Visit.over_at.is_(None), moved.is_not(None))
        return list((await self.session.execute(statement.where(~reached.exists()).order_by(Visit.id))).scalars())

    async def stock(self, council_id: str, limit: int = 1000) -> list[tuple[Hub, DeviceModel]]:
        """Return hubs in stock of a council that are not analogue and that no visit under way has, by id."""
        taken = select(Visit.new_hub_id).where(Visit.over_at.is_(None), Visit.new_hub_id.is_not(None))
        statement = (
            select(Hub, DeviceModel)
            .join(DeviceModel, DeviceModel.id == Hub.model_id)
            .where(Hub.council_id == council_id, Hub.status == "stock", DeviceModel.connection != "analogue")
            .where(Hub.hub_id.not_in(taken))
            .order_by(Hub.hub_id)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in await self.session.execute(statement)]

    def _narrowed(self, statement: Any, wanted: VisitFilter) -> Any:
        for column, value in (
            (Visit.council_id, wanted.council), (Visit.state, wanted.state), (Unit.programme_id, wanted.programme_id),
            (Visit.person_id, wanted.person_id),
        ):  # fmt: skip
            if value is not None:
                statement = statement.where(column == value)
        if wanted.engineer_id is not None:
            statement = statement.where(_goes(wanted.engineer_id))
        if wanted.on is not None:
            start = datetime(wanted.on.year, wanted.on.month, wanted.on.day, tzinfo=LONDON)
            end = start + timedelta(days=1)
            statement = statement.where(Visit.starts_at >= start, Visit.starts_at < end)
        if wanted.due is not None:
            statement = statement.where(Visit.next_contact_on <= wanted.due, Visit.over_at.is_(None))
        if wanted.hub_id is not None:
            statement = statement.where(or_(Visit.old_hub_id == wanted.hub_id, Visit.new_hub_id == wanted.hub_id))
        if wanted.over is not None:
            statement = statement.where(Visit.over_at.is_not(None) if wanted.over else Visit.over_at.is_(None))
        if wanted.q:
            statement = statement.where(_matches(wanted.q))
        return self._seen(statement)

    def _seen(self, statement: Any) -> Any:
        return statement.where(Visit.council_id.in_(self.councils)) if self.councils else statement


def _shown() -> Any:
    return (
        select(
            Visit, Unit.programme_id, Unit.due_on, Unit.wave_id, PERSON_NAME.label("person_name"), PLACE.label("place"),
            Person.risk_tier, Person.hazards, Premises.access_notes,
        )
        .join(Unit, Unit.id == Visit.unit_id)
        .join(Person, Person.id == Visit.person_id)
        .join(Premises, Premises.id == Visit.premises_id)
    )  # fmt: skip


def _goes(user_id: UUID) -> ColumnElement[bool]:
    """Return what picks the visits that somebody leads or comes along to."""
    return or_(Visit.engineer_id == user_id, Visit.second_engineer_id == user_id)


def _matches(q: str) -> ColumnElement[bool]:
    pattern = f"%{escaped(q)}%"
    return or_(
        Visit.old_hub_id.ilike(pattern), Visit.new_hub_id.ilike(pattern), PERSON_NAME.ilike(pattern),
        PLACE.ilike(pattern), Visit.engineer.ilike(pattern), Visit.second_engineer.ilike(pattern),
        Visit.owner.ilike(pattern),
    )  # fmt: skip


def _words(kind: str | None, room: str | None) -> str:
    spoken = (kind or "device").replace("_", " ")
    return f"{spoken}, {room}" if room else spoken
