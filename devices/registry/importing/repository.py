"""What the register has of the homes in a file, in a few queries; what changes, in a few statements."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, func, inspect, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from devices.registry.importing.plan import Known, Place, Row, Writes
from devices.registry.importing.rows import HomeRow
from devices.registry.importing.writing import inserts, updates
from devices.registry.models import Contact, DeviceModel, Hub, Installation, Line, Peripheral, Person, Premises
from telecare.kernel.among import among
from telecare.kernel.db import Base

LOCK = 7_403_001
"""The advisory lock of an import: two at once would both find that a home is not there yet."""

_DIGITS, _LETTERS = re.compile("[^0-9]"), re.compile("[^A-Za-z]")

TABLES: tuple[type[Base], ...] = (Premises, Person, Hub, Installation, Contact, Line, Peripheral)
"""In the order in which they refer to each other."""


class ImportRepository:
    """Reads and writes of an import in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def lock(self) -> bool:
        """Take the lock of imports until the transaction ends; False when another import has it.

        The transaction may then stand still for longer than others may, while the file is read and planned.
        """
        await self.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
        statement = text("SELECT pg_try_advisory_xact_lock(:lock)")
        return bool((await self.session.execute(statement, {"lock": LOCK})).scalar_one())

    async def look_at(self) -> None:
        """Have the database count what it has, this transaction's rows too.

        It plans a statement once and goes on with that plan: one that was made while a table was empty reads all of it
        again for each row. A table that somebody else is vacuuming is passed over.
        """
        tables = ", ".join(table.__tablename__ for table in TABLES)
        await self.session.execute(text(f"ANALYZE (SKIP_LOCKED) {tables}"))

    async def known(self, homes: Sequence[HomeRow], also: Sequence[UUID] = ()) -> Known:
        """Return what the register has of these homes; `also` are premises that they may stand for besides.

        Of many premises at one postcode and many people of one day of birth those that cannot be meant are left out.
        """
        hub_ids = [home.hub_id for home in homes]
        hubs = await self._rows(Hub, among(Hub.hub_id, hub_ids))
        stays = await self._rows(Installation, among(Installation.hub_id, hub_ids))
        now = [row for row in stays if row["period"].upper is None]
        premises = await self._rows(
            Premises,
            or_(
                among(Premises.id, [*(row["premises_id"] for row in now), *also]),
                among(Premises.uprn, [home.uprn for home in homes if home.uprn]),
                and_(
                    among(Premises.postcode, [home.postcode for home in homes]),
                    among(_bare(Premises.address, "[^0-9]"), [_DIGITS.sub("", home.address) for home in homes]),
                ),
            ),
        )
        beside = await self._rows(
            Installation,
            and_(
                among(Installation.premises_id, [row["id"] for row in premises]),
                func.upper_inf(Installation.period),
            ),
        )
        people = await self._rows(
            Person,
            or_(
                among(Person.id, [row["person_id"] for row in (*now, *beside)]),
                and_(
                    among(Person.date_of_birth, [home.date_of_birth for home in homes if home.date_of_birth]),
                    among(
                        func.lower(_bare(Person.family_name, "[^A-Za-z]"), type_=Text),
                        [_LETTERS.sub("", home.family_name).lower() for home in homes],
                    ),
                ),
            ),
        )
        contacts = await self._rows(Contact, among(Contact.person_id, [row["id"] for row in people]))
        lines = await self._rows(Line, among(Line.premises_id, [row["id"] for row in premises]))
        peripherals = await self._rows(Peripheral, among(Peripheral.hub_id, hub_ids))
        ended: dict[str, Any] = {}
        for row in stays:
            if row["period"].upper is not None:
                ended[row["hub_id"]] = max(row["period"].upper, ended.get(row["hub_id"], row["period"].upper))
        residents: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for row in beside:
            if row["person_id"] not in residents[row["premises_id"]]:
                residents[row["premises_id"]].append(row["person_id"])
        return Known(
            residents=residents,
            models={row["title"].casefold(): row for row in await self._models()},
            hubs={row["hub_id"]: row for row in hubs},
            places={row["hub_id"]: Place(row["person_id"], row["premises_id"]) for row in now},
            free_from=ended,
            premises={row["id"]: row for row in premises},
            people={row["id"]: row for row in people},
            contacts=_by(contacts, "person_id"),
            lines=_by(lines, "premises_id"),
            peripherals={(row["hub_id"], row["device_id"]): row for row in peripherals},
        ).index()

    async def write(self, writes: Writes) -> None:
        """Write what was planned; raises what the database's constraints say."""
        for statements, kinds in ((inserts, writes.inserts), (updates, writes.updates)):
            for table in TABLES:
                for statement in statements(table, kinds.get(table.__tablename__, ())):
                    await self.session.execute(statement)
        await self._take_over([row["id"] for row in writes.inserts.get("installation", ())])

    async def _take_over(self, stays: Sequence[UUID]) -> None:
        """Accept hubs as they stand: those of people who have no others. One beside another must prove itself first."""
        other = aliased(Installation)
        has_other = (
            select(other.id)
            .where(
                other.person_id == Installation.person_id,
                func.upper_inf(other.period),
                ~among(other.id, stays),
            )
            .exists()
        )
        statement = (
            update(Installation)
            .where(among(Installation.id, stays), ~has_other)
            .values(accepted_at=func.clock_timestamp(), accepted_by="import")
            .execution_options(synchronize_session=False)
        )
        if stays:
            await self.session.execute(statement)

    async def _rows(self, table: type[Base], condition: Any) -> list[Row]:
        columns = table.__table__.columns
        statement = select(*columns).where(condition).order_by(*inspect(table).primary_key)
        names = columns.keys()
        return [dict(zip(names, row, strict=True)) for row in await self.session.execute(statement)]

    async def _models(self) -> list[Row]:
        title = func.concat(DeviceModel.make, " ", DeviceModel.name).label("title")
        statement = select(DeviceModel.id, DeviceModel.connection, title)
        return [dict(row) for row in (await self.session.execute(statement)).mappings()]


def _bare(column: Any, others: str) -> Any:
    """Return a text without other signs than these: in ASCII all programs agree on what is the same."""
    return func.regexp_replace(column, others, "", "g", type_=Text)


def _by(rows: Iterable[Row], key: str) -> dict[UUID, list[Row]]:
    grouped: dict[UUID, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[key], []).append(row)
    return grouped
