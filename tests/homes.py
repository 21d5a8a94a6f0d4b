"""Homes of the tests: rows of a fleet file, and the register around them."""

import csv
import io
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection, HubStatus
from devices.registry.models import DeviceModel, Hub, Person, Premises
from telecare.kernel.ids import new_id

ARGYLL, FIFE = "S12000035", "S12000047"

HOME = {
    "council": ARGYLL,
    "hub_id": "SK-1",
    "make": "Skerry",
    "model": "Halo",
    "address": "4 Harbour Row",
    "town": "Port Corran",
    "postcode": "PX31 4AB",
    "given_name": "Morag",
    "family_name": "Sinclair",
}


def sheet(*homes: dict[str, str], delimiter: str = ",", end: str = "\r\n") -> bytes:
    """Return a fleet file of these homes."""
    names = list(dict.fromkeys(name for home in homes for name in home))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator=end, restval="")
    writer.writeheader()
    writer.writerows(homes)
    return out.getvalue().encode()


async def add_models(session: AsyncSession) -> dict[str, UUID]:
    """Put in two models; return their ids by name."""
    models = {"Halo": Connection.DIGITAL, "Lifeline 400": Connection.ANALOGUE}
    ids = {name: new_id() for name in models}
    rows = [{"id": ids[name], "make": "Skerry", "name": name, "connection": best} for name, best in models.items()]
    await session.execute(insert(DeviceModel), rows)
    return ids


async def add_hub(session: AsyncSession, model_id: UUID, hub_id: str = "SK-1", **columns: Any) -> str:
    """Put in a hub in stock."""
    row = {"council_id": ARGYLL, "connection": Connection.DIGITAL, "status": HubStatus.STOCK, **columns}
    await session.execute(insert(Hub).values(hub_id=hub_id, model_id=model_id, **row))
    return hub_id


async def add_home(session: AsyncSession, council: str = ARGYLL, given: str = "Morag") -> tuple[UUID, UUID]:
    """Put in a person and premises; return their ids."""
    person_id, premises_id = new_id(), new_id()
    person = {"given_name": given, "family_name": "Sinclair"}
    await session.execute(insert(Person).values(id=person_id, council_id=council, **person))
    place = {"address": "4 Harbour Row", "town": "Port Corran", "postcode": "PX31 4AB"}
    await session.execute(insert(Premises).values(id=premises_id, council_id=council, **place))
    return person_id, premises_id
