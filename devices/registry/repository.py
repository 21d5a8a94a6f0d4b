"""All queries on hubs, models, peripherals and installations."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    SQLColumnExpression,
    and_,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from devices.presence.domain import Presence
from devices.presence.models import HubLive, HubPresence
from devices.presence.rules import rule_sql
from devices.registry.health import Support, Told
from devices.registry.models import Council, DeviceModel, Hub, Installation, Peripheral, Person, Premises
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id

INTERVAL: ColumnElement[int] = literal_column(rule_sql("hub", "device_model", "council", "hub_live").interval)
PRESENCE = func.coalesce(HubPresence.state, Presence.NEVER_SEEN.value)
PERSON_NAME = func.concat_ws(" ", func.coalesce(Person.preferred_name, Person.given_name), Person.family_name)
PLACE = func.concat(Premises.address, ", ", Premises.town, " ", Premises.postcode)

SUPPORT: ColumnElement[str] = case(
    (DeviceModel.support_ends_on.is_(None), Support.NOT_KNOWN.value),
    (DeviceModel.support_ends_on < func.current_date(), Support.ENDED.value),
    (DeviceModel.support_ends_on < func.current_date() + timedelta(days=365), Support.WITHIN_A_YEAR.value),
    else_=Support.LATER.value,
)
UNTOLD: dict[Told, InstrumentedAttribute[Any]] = {
    Told.BATTERY: HubLive.battery_pct,
    Told.SIGNAL: HubLive.signal_dbm,
    Told.MAINS: HubLive.mains,
    Told.FIRMWARE: HubLive.firmware,
    Told.PATH: HubLive.path,
}


@dataclass(frozen=True)
class HubFilter:
    """What a list of hubs is narrowed to; None is all."""

    council: str | None = None
    presence: Presence | None = None
    model: str | None = None
    connection: str | None = None
    q: str | None = None
    firmware: str | None = None
    path: str | None = None
    mains: bool | None = None
    battery_from: int | None = None
    battery_below: int | None = None
    signal_from: int | None = None
    signal_below: int | None = None
    support: Support | None = None
    untold: Told | None = None


class HubRepository:
    """Reads and writes of hubs; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils

    async def page(self, wanted: HubFilter, after: str | None, limit: int) -> Sequence[RowMapping]:
        """Return hubs by id."""
        statement = _narrowed(self._shown(), wanted).order_by(Hub.hub_id).limit(limit)
        if after is not None:
            statement = statement.where(Hub.hub_id > after)
        return list((await self.session.execute(statement)).mappings())

    async def sorted_page(
        self, wanted: HubFilter, order: str, *, descending: bool, offset: int, limit: int
    ) -> Sequence[RowMapping]:
        """Return hubs in one of `ORDERS`; what is not known stands last either way."""
        key = ORDERS[order].desc() if descending else ORDERS[order].asc()
        statement = _narrowed(self._shown(), wanted).order_by(key.nulls_last(), Hub.hub_id)
        return list((await self.session.execute(statement.offset(offset).limit(limit))).mappings())

    async def count(self, wanted: HubFilter) -> int:
        """Return how many hubs a list has."""
        found = _narrowed(self._shown(), wanted).subquery()
        return int((await self.session.execute(select(func.count()).select_from(found))).scalar_one())

    async def require(self, hub_id: str) -> RowMapping:
        """Return a hub as shown, or raise NotFoundError."""
        statement = self._shown().where(Hub.hub_id == hub_id)
        row: RowMapping | None = (await self.session.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"There is no hub {hub_id}")
        return row

    async def of_person(self, person_id: UUID) -> Sequence[RowMapping]:
        """Return the hubs that serve a person now."""
        statement = self._shown().where(Installation.person_id == person_id).order_by(Hub.hub_id)
        return list((await self.session.execute(statement)).mappings())

    async def row(self, hub_id: str) -> Hub:
        """Return the row of a hub to change, or raise NotFoundError."""
        statement = _in(self.councils, select(Hub).where(Hub.hub_id == hub_id), Hub.council_id).with_for_update()
        hub: Hub | None = (await self.session.execute(statement)).scalar_one_or_none()
        if hub is None:
            raise NotFoundError(f"There is no hub {hub_id}")
        return hub

    async def add(self, **columns: Any) -> bool:
        """Register a hub; False when its id is taken."""
        statement = insert(Hub).values(columns).on_conflict_do_nothing().returning(Hub.hub_id)
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def counts(self, council: str | None = None) -> Sequence[tuple[str, str, int]]:
        """Return how many hubs there are by connection and presence."""
        presence = PRESENCE.label("presence")
        statement = (
            select(Hub.connection, presence, func.count())
            .select_from(Hub)
            .join(DeviceModel, DeviceModel.id == Hub.model_id)
            .outerjoin(HubLive, HubLive.hub_id == Hub.hub_id)
            .outerjoin(HubPresence, HubPresence.hub_id == Hub.hub_id)
            .group_by(Hub.connection, presence)
        )
        statement = _in(self.councils, statement, Hub.council_id)
        if council is not None:
            statement = statement.where(Hub.council_id == council)
        return [tuple(row) for row in await self.session.execute(statement)]

    async def peripherals(self, hub_id: str) -> Sequence[Peripheral]:
        """Return what is paired to a hub."""
        statement = select(Peripheral).where(Peripheral.hub_id == hub_id).order_by(Peripheral.device_id)
        return (await self.session.execute(statement)).scalars().all()

    async def pair(self, hub: Hub, **columns: Any) -> Peripheral:
        """Pair a peripheral, or change the one with this id."""
        statement = insert(Peripheral).values(id=new_id(), hub_id=hub.hub_id, council_id=hub.council_id, **columns)
        fresh = {name: statement.excluded[name] for name in ("kind", "room")}
        changed = statement.on_conflict_do_update(index_elements=["hub_id", "device_id"], set_=fresh)
        result = await self.session.execute(
            changed.returning(Peripheral), execution_options={"populate_existing": True}
        )
        return result.scalar_one()

    async def unpair(self, hub_id: str, device_id: str) -> bool:
        """Remove a peripheral; False when there is none with this id."""
        statement = delete(Peripheral).where(Peripheral.hub_id == hub_id, Peripheral.device_id == device_id)
        return (await self.session.execute(statement.returning(Peripheral.id))).scalar_one_or_none() is not None

    async def installations(self, hub_id: str) -> Sequence[Installation]:
        """Return where a hub was and is, the latest first."""
        statement = (
            select(Installation).where(Installation.hub_id == hub_id).order_by(func.lower(Installation.period).desc())
        )
        return (await self.session.execute(statement)).scalars().all()

    async def whereabouts(self, hub_id: str, since: datetime) -> str | None:
        """Return in words the first place where a hub is from a moment on, None when it is nowhere."""
        overlapping = Installation.period.overlaps(Range(since, None, bounds="[)"))
        statement = (
            select(PERSON_NAME, PLACE, func.lower(Installation.period))
            .select_from(Installation)
            .join(Person, Person.id == Installation.person_id)
            .join(Premises, Premises.id == Installation.premises_id)
            .where(Installation.hub_id == hub_id, overlapping)
            .order_by(func.lower(Installation.period))
            .limit(1)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else f"with {row[0]}, {row[1]}, since {row[2]:%d %B %Y}"

    async def lock_person(self, person_id: UUID) -> None:
        """Let one at a time take hubs away from a person."""
        await self.session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))

    async def judge_leaving_later(self) -> None:
        """Let the database judge at the end of the transaction what leaves in it: something takes its place."""
        await self.session.execute(text("SET CONSTRAINTS nobody_without_hub DEFERRED"))

    async def stays_of(self, person_id: UUID) -> Sequence[Installation]:
        """Return the installations of a person that have no end, the first to begin first."""
        statement = (
            select(Installation)
            .where(Installation.person_id == person_id, func.upper_inf(Installation.period))
            .order_by(func.lower(Installation.period), Installation.id)
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def last_installation(self, hub_id: str) -> Installation | None:
        """Return the installation of a hub that has no end, its row locked."""
        statement = (
            select(Installation)
            .where(Installation.hub_id == hub_id, func.upper_inf(Installation.period))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    def _shown(self) -> Any:
        statement = (
            select(
                Hub.hub_id, Hub.council_id, Hub.model_id, Hub.connection, Hub.status, Hub.serial, Hub.imei,
                Hub.iccid, Hub.mobile_network, Hub.credential_issued_at, Hub.certificate_expires_on, Hub.battery_due_on,
                Hub.failed_handshakes, Hub.handshakes_until, Hub.handshakes_told_at, Hub.handshakes_told_by,
                func.concat(DeviceModel.make, " ", DeviceModel.name).label("model"),
                INTERVAL.label("heartbeat_interval_s"),
                PRESENCE.label("presence"), HubPresence.since.label("presence_since"),
                case((HubPresence.away_until > func.statement_timestamp(), HubPresence.away_until)).label("away_until"),
                HubLive.last_seen_at, HubLive.firmware, HubLive.battery_pct, HubLive.mains, HubLive.signal_dbm,
                HubLive.path,
                Installation.person_id, Installation.premises_id,
                case((Person.id.is_not(None), PERSON_NAME)).label("person_name"),
                case((Premises.id.is_not(None), PLACE)).label("place"),
            )
            .select_from(Hub)
            .join(DeviceModel, DeviceModel.id == Hub.model_id)
            .outerjoin(Council, Council.code == Hub.council_id)
            .outerjoin(HubLive, HubLive.hub_id == Hub.hub_id)
            .outerjoin(HubPresence, HubPresence.hub_id == Hub.hub_id)
            .outerjoin(
                Installation,
                and_(Installation.hub_id == Hub.hub_id, Installation.period.contains(func.clock_timestamp())),
            )
            .outerjoin(Person, Person.id == Installation.person_id)
            .outerjoin(Premises, Premises.id == Installation.premises_id)
        )  # fmt: skip
        return _in(self.councils, statement, Hub.council_id)


class ModelRepository:
    """Device models and councils: what all tenants share."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def models(self) -> Sequence[DeviceModel]:
        """Return every model by make and name."""
        statement = select(DeviceModel).order_by(DeviceModel.make, DeviceModel.name)
        return (await self.session.execute(statement)).scalars().all()

    async def add(self, *, make: str, name: str, **columns: Any) -> DeviceModel | None:
        """Add a model; None when there is one that is called so, in whatever capitals."""
        if await self.find(f"{make} {name}") is not None:
            return None
        columns |= {"make": make, "name": name}
        statement = insert(DeviceModel).values(id=new_id(), **columns).on_conflict_do_nothing().returning(DeviceModel)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def get(self, model_id: UUID) -> DeviceModel | None:
        """Return a model, or None."""
        return await self.session.get(DeviceModel, model_id)

    async def find(self, name: str) -> DeviceModel | None:
        """Return the model of this make and name, in any capitals, or None; the first when several are called so."""
        whole = func.lower(func.concat(DeviceModel.make, " ", DeviceModel.name))
        statement = select(DeviceModel).where(whole == func.lower(name)).order_by(DeviceModel.id).limit(1)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def councils(self) -> Sequence[Council]:
        """Return the 32 councils by name."""
        return (await self.session.execute(select(Council).order_by(Council.name))).scalars().all()


ORDERS: dict[str, SQLColumnExpression[Any]] = {
    "hub": Hub.hub_id,
    # The worse, the earlier: who should look at it first.
    "presence": case({"lost": 0, "offline": 1, "suspect": 2, "late": 3, "online": 4}, value=PRESENCE, else_=5),
    "heard": HubLive.last_seen_at,
    "person": func.lower(func.concat(Person.family_name, " ", Person.given_name)),
    "place": func.lower(func.concat(Premises.town, " ", Premises.postcode)),
    "model": func.lower(func.concat(DeviceModel.make, " ", DeviceModel.name)),
    "connection": Hub.connection,
    "council": Council.name,
}
"""What a list of hubs can be sorted by."""


def _narrowed(statement: Any, wanted: HubFilter) -> Any:
    if wanted.council is not None:
        statement = statement.where(Hub.council_id == wanted.council)
    if wanted.connection is not None:
        statement = statement.where(Hub.connection == wanted.connection)
    if wanted.model is not None:
        statement = statement.where(
            func.lower(func.concat(DeviceModel.make, " ", DeviceModel.name)) == func.lower(wanted.model)
        )
    if wanted.presence is not None:
        statement = statement.where(wanted.presence.value == PRESENCE)
    for condition in _of_telemetry(wanted):
        statement = statement.where(condition)
    if wanted.q:
        pattern = f"%{escaped(wanted.q)}%"
        statement = statement.where(
            or_(
                Hub.hub_id.ilike(pattern),
                Hub.serial.ilike(pattern),
                func.concat(Person.given_name, " ", Person.family_name).ilike(pattern),
                PERSON_NAME.ilike(pattern),
                PLACE.ilike(pattern),
                func.replace(Premises.postcode, " ", "").ilike(pattern),
            )
        )
    return statement


def _of_telemetry(wanted: HubFilter) -> list[ColumnElement[bool]]:
    """Return what a hub must have told last, and how long its model is supported."""
    told: tuple[tuple[Any, InstrumentedAttribute[Any], Callable[[Any, Any], ColumnElement[bool]]], ...] = (
        (wanted.firmware, HubLive.firmware, operator.eq),
        (wanted.path, HubLive.path, operator.eq),
        (wanted.mains, HubLive.mains, operator.eq),
        (wanted.battery_from, HubLive.battery_pct, operator.ge),
        (wanted.battery_below, HubLive.battery_pct, operator.lt),
        (wanted.signal_from, HubLive.signal_dbm, operator.ge),
        (wanted.signal_below, HubLive.signal_dbm, operator.lt),
    )
    conditions = [compare(column, value) for value, column, compare in told if value is not None]
    if wanted.support is not None:
        conditions.append(SUPPORT.in_([wanted.support.value]))
    if wanted.untold is not None:
        conditions.append(UNTOLD[wanted.untold].is_(None))
    return conditions


def escaped(text: str) -> str:
    """Return a text for LIKE in which nothing is a wildcard."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _in(councils: frozenset[str], statement: Any, column: Any) -> Any:
    return statement.where(column.in_(councils)) if councils else statement
