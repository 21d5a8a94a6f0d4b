"""All queries on incidents, their councils and members; who lives there is asked in `protection/standings.py`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.models import Alarm
from alarms.incidents.domain import ATTACHED, Group, GroupKind, IncidentState, MemberState, OpenIncident, Standing
from alarms.incidents.models import Incident, IncidentCouncil, IncidentMember
from telecare.kernel.among import among
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id
from telecare.kernel.pure.sight import Sight
from telecare.kernel.waiting import letting_in

_TRY = text("SELECT pg_try_advisory_xact_lock(hashtextextended('incidents', 7004))")

# A home that falls out again is the same member.
_JOIN = text(
    """
    INSERT INTO incident_member (incident_id, hub_id, council_id, person_id, premises_id, tier, joined_at,
                                 offline_since, mains_lost_at, path_lost_at, battery_until)
    SELECT :incident_id, n.hub_id, n.council_id, n.person_id, n.premises_id, n.tier, :now,
           n.offline, n.mains, n.path, n.battery
      FROM unnest(CAST(:hub_ids AS text[]), CAST(:councils AS text[]), CAST(:people AS uuid[]),
                  CAST(:places AS uuid[]), CAST(:tiers AS text[]), CAST(:offline AS timestamptz[]),
                  CAST(:mains AS timestamptz[]), CAST(:path AS timestamptz[]), CAST(:battery AS timestamptz[]))
           AS n(hub_id, council_id, person_id, premises_id, tier, offline, mains, path, battery)
    ON CONFLICT (incident_id, hub_id) DO UPDATE
          SET state = 'joined', joined_at = excluded.joined_at, returned_at = NULL, overdue_told_at = NULL,
              person_id = excluded.person_id, premises_id = excluded.premises_id, tier = excluded.tier,
              offline_since = excluded.offline_since, mains_lost_at = excluded.mains_lost_at,
              path_lost_at = excluded.path_lost_at, battery_until = excluded.battery_until
    """
)
# Letters sort by risk, and `least` passes over what is not known.
_CHANGE = text(
    """
    UPDATE incident_member m
       SET offline_since = n.offline, mains_lost_at = n.mains, path_lost_at = n.path, battery_until = n.battery,
           tier = least(m.tier, n.tier)
      FROM unnest(CAST(:hub_ids AS text[]), CAST(:tiers AS text[]), CAST(:offline AS timestamptz[]),
                  CAST(:mains AS timestamptz[]), CAST(:path AS timestamptz[]), CAST(:battery AS timestamptz[]))
           AS n(hub_id, tier, offline, mains, path, battery)
     WHERE m.hub_id = n.hub_id AND m.state = 'joined'
    """
)


class Member(NamedTuple):
    """A home that is hit, as it was last written: what is wrong there, and whether humans were told it is overdue."""

    hub_id: str
    incident_id: UUID
    tier: str | None
    offline_since: datetime | None
    mains_lost_at: datetime | None
    path_lost_at: datetime | None
    battery_until: datetime | None
    overdue_told_at: datetime | None


class Tally(NamedTuple):
    """How many homes of an incident are in each state, of those that somebody sees."""

    joined: int = 0
    returned: int = 0
    stayed: int = 0

    @property
    def all(self) -> int:
        """Return how many were ever in it."""
        return self.joined + self.returned + self.stayed


class IncidentRepository:
    """Reads and writes of incidents in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def take_turn(self) -> bool:
        """Have the right to change incidents until the transaction ends; False when another worker has it."""
        return bool((await self.session.execute(_TRY)).scalar_one())

    async def open(self) -> Sequence[Incident]:
        """Return the incidents that are on."""
        statement = select(Incident).where(Incident.state == IncidentState.OPEN).order_by(Incident.id)
        return (await self.session.execute(statement)).scalars().all()

    async def add(self, group: Group, size: int, now: datetime) -> Incident:
        """Open an incident of a group."""
        times = {"opened_at": now, "last_joined_at": now, "last_moved_at": now}
        incident = Incident(
            id=new_id(), kind=group.kind, key=group.key, size=size, state=IncidentState.OPEN, closed_at=None, **times
        )
        self.session.add(incident)
        await self.session.flush()
        return incident

    async def join(self, incident: Incident, homes: Sequence[Standing], now: datetime) -> None:
        """Let homes be members."""
        values = {
            "incident_id": incident.id,
            "now": now,
            "councils": [one.council_id for one in homes],
            "people": [one.person_id for one in homes],
            "places": [one.premises_id for one in homes],
            "tiers": [one.tier for one in homes],
        }
        await self.session.execute(_JOIN, values | _wrong(homes))
        incident.last_joined_at = incident.last_moved_at = now

    async def joined(self) -> dict[str, Member]:
        """Return the members of all open incidents that are still hit, by hub."""
        columns = [getattr(IncidentMember, name) for name in Member._fields]
        rows = await self.session.execute(select(*columns).where(IncidentMember.state == MemberState.JOINED))
        return {row[0]: Member(*row) async for row in letting_in(rows)}

    async def change(self, homes: Sequence[Standing]) -> None:
        """Write what is wrong at these members now, and their tier if it is a graver one."""
        if homes:
            await self.session.execute(_CHANGE, _wrong(homes) | {"tiers": [one.tier for one in homes]})

    async def end_for(self, hub_ids: Collection[str], state: MemberState, now: datetime) -> None:
        """Let members have returned, or have stayed out when their incident ended."""
        returned_at = now if state is MemberState.RETURNED else None
        statement = (
            update(IncidentMember)
            .where(among(IncidentMember.hub_id, hub_ids), IncidentMember.state == MemberState.JOINED)
            .values(state=state, returned_at=returned_at)
            .execution_options(synchronize_session=False)
        )
        await self.session.execute(statement)

    async def told_overdue(self, hub_ids: Collection[str], now: datetime) -> None:
        """Keep that humans were told who is past their deadline."""
        statement = (
            update(IncidentMember)
            .where(among(IncidentMember.hub_id, hub_ids), IncidentMember.state == MemberState.JOINED)
            .values(overdue_told_at=now)
            .execution_options(synchronize_session=False)
        )
        await self.session.execute(statement)

    async def alarms(self, incident_id: UUID) -> dict[str, UUID]:
        """Return the alarm of each council that is in an incident."""
        statement = select(IncidentCouncil).where(IncidentCouncil.incident_id == incident_id)
        return {row.council_id: row.alarm_id for row in (await self.session.execute(statement)).scalars()}

    async def lock_alarms(self, incident_ids: Collection[UUID]) -> None:
        """Lock the alarms of incidents in the order in which all lock them, before any of them is told anything."""
        theirs = select(IncidentCouncil.alarm_id).where(among(IncidentCouncil.incident_id, incident_ids))
        await self.session.execute(select(Alarm.id).where(Alarm.id.in_(theirs)).order_by(Alarm.id).with_for_update())

    async def told_by(self, incident_id: UUID, council_id: str, alarm_id: UUID) -> None:
        """Keep by which alarm the humans of a council are told."""
        statement = insert(IncidentCouncil).values(incident_id=incident_id, council_id=council_id, alarm_id=alarm_id)
        keys = ["incident_id", "council_id"]
        await self.session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"alarm_id": alarm_id}))

    async def to_attach(self, limit: int) -> list[tuple[UUID, UUID]]:
        """Return alarms that belong to an incident and are not told with it yet, each with its incident."""
        statement = (
            select(Alarm.id, IncidentMember.incident_id)
            .join(IncidentMember, IncidentMember.hub_id == Alarm.hub_id)
            .where(
                IncidentMember.state == MemberState.JOINED,
                Alarm.handling != "closed",
                Alarm.incident_id.is_(None),
                Alarm.type.in_(ATTACHED),
                Alarm.class_ != "L",
            )
            .order_by(Alarm.id)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in await self.session.execute(statement)]

    async def to_detach(self, limit: int) -> Sequence[UUID]:
        """Return open alarms of homes that stayed out when their incident ended: they go on by themselves."""
        still = (
            select(IncidentMember)
            .where(IncidentMember.incident_id == Alarm.incident_id, IncidentMember.hub_id == Alarm.hub_id)
            .where(IncidentMember.state == MemberState.STAYED)
        )
        statement = select(Alarm.id).where(Alarm.handling != "closed", Alarm.incident_id.is_not(None), still.exists())
        return (await self.session.execute(statement.order_by(Alarm.id).limit(limit))).scalars().all()

    # What people see.

    async def page(self, sight: Sight, state: str | None, before: UUID | None, limit: int) -> Sequence[Incident]:
        """Return incidents in which somebody sees members, the newest first."""
        statement = select(Incident).where(_visible(sight)).order_by(Incident.id.desc()).limit(limit)
        if state is not None:
            statement = statement.where(Incident.state == state)
        if before is not None:
            statement = statement.where(Incident.id < before)
        return (await self.session.execute(statement)).scalars().all()

    async def require(self, incident_id: UUID, sight: Sight) -> Incident:
        """Return an incident, or raise NotFoundError."""
        statement = select(Incident).where(Incident.id == incident_id, _visible(sight))
        incident: Incident | None = (await self.session.execute(statement)).scalar_one_or_none()
        if incident is None:
            raise NotFoundError("There is no such incident")
        return incident

    async def tallies(self, incident_ids: Iterable[UUID], sight: Sight) -> dict[UUID, Tally]:
        """Return how many homes of each incident are in which state."""
        counts = [func.count().filter(IncidentMember.state == state) for state in MemberState]
        statement = (
            select(IncidentMember.incident_id, *counts)
            .where(among(IncidentMember.incident_id, incident_ids), *_in(IncidentMember.council_id, sight))
            .group_by(IncidentMember.incident_id)
        )
        return {row[0]: Tally(row[1], row[2], row[3]) for row in await self.session.execute(statement)}

    async def councils_of(self, incident_ids: Iterable[UUID], sight: Sight) -> Sequence[IncidentCouncil]:
        """Return the councils that are in these incidents with the alarms by which they are told."""
        statement = (
            select(IncidentCouncil)
            .where(among(IncidentCouncil.incident_id, incident_ids), *_in(IncidentCouncil.council_id, sight))
            .order_by(IncidentCouncil.incident_id, IncidentCouncil.council_id)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def belonging(
        self, incident_id: UUID, sight: Sight, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[Alarm]:
        """Return the alarms that are told with an incident, the oldest first."""
        statement = select(Alarm).where(Alarm.incident_id == incident_id, *_in(Alarm.council_id, sight))
        if after is not None:
            statement = statement.where(tuple_(Alarm.raised_at, Alarm.id) > tuple_(*after))
        return (await self.session.execute(statement.order_by(Alarm.raised_at, Alarm.id).limit(limit))).scalars().all()

    async def belonging_count(self, incident_ids: Iterable[UUID], sight: Sight) -> dict[UUID, int]:
        """Return how many open alarms are told with each incident."""
        statement = (
            select(Alarm.incident_id, func.count())
            .where(among(Alarm.incident_id, incident_ids), Alarm.handling != "closed")
            .where(*_in(Alarm.council_id, sight))
            .group_by(Alarm.incident_id)
        )
        rows = await self.session.execute(statement)
        return {incident_id: count for incident_id, count in rows if incident_id is not None}


def group_of(incident: Incident) -> Group:
    """Return what the homes of an incident have in common."""
    return Group(GroupKind(incident.kind), incident.key)


def as_open(incident: Incident) -> OpenIncident:
    """Return an incident for the correlation."""
    return OpenIncident(incident.id, group_of(incident), incident.last_joined_at)


def _visible(sight: Sight) -> Any:
    mine = select(IncidentCouncil).where(IncidentCouncil.incident_id == Incident.id)
    return mine.where(*_in(IncidentCouncil.council_id, sight)).exists()


def _in(column: Any, sight: Sight) -> list[Any]:
    return [column.in_(sight.councils)] if sight.councils else []


def _wrong(homes: Sequence[Standing]) -> dict[str, list[Any]]:
    return {
        "hub_ids": [one.hub_id for one in homes],
        "offline": [one.offline_since for one in homes],
        "mains": [one.mains_lost_at for one in homes],
        "path": [one.path_lost_at for one in homes],
        "battery": [one.battery_until for one in homes],
    }
