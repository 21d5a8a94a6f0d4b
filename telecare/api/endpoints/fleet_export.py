"""The fleet's list as a workbook: written as it is read, so that memory stays flat however many hubs there are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import COUNCILS
from devices.registry.repository import HubFilter, HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Hubs
from telecare.api.routing import api_router
from telecare.api.sheets import DESCRIBED, Book, reply

router = api_router("/hubs/export.xlsx", "hubs")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
AT_ONCE = 1_000
COLUMNS = (
    "hub_id", "council_id", "council", "model", "serial", "connection", "status", "presence", "presence_since",
    "last_seen_at", "person_name", "place", "firmware", "battery_pct", "mains", "signal_dbm", "path",
)  # fmt: skip


@router.get("", response_class=Response, responses=DESCRIBED)
async def export_hubs(session: Transaction, actor: Viewer, wanted: Hubs) -> StreamingResponse:
    """Return the fleet's list as a workbook, narrowed as the list is; it has names and addresses, so it is audited."""
    return await workbook(session, actor, wanted)


async def workbook(session: AsyncSession, actor: Actor, wanted: HubFilter) -> StreamingResponse:
    """Return hubs by id as a workbook, and write to the audit who took it."""
    book = Book()
    book.sheet("Hubs", COLUMNS)
    count = 0
    async for found in pages(HubRepository(session, actor.councils), wanted):
        await asyncio.to_thread(book.add, map(cells, found))
        count += len(found)
    await taken(session, actor, wanted, count)
    return reply(book, "hubs")


async def pages(hubs: HubRepository, wanted: HubFilter) -> AsyncIterator[Sequence[RowMapping]]:
    """Yield hubs by id, so many at once that memory stays flat."""
    after: str | None = None
    while found := await hubs.page(wanted, after, AT_ONCE):
        after = found[-1]["hub_id"]
        yield found


def cells(row: RowMapping) -> list[Any]:
    """Return a hub in the order of `COLUMNS`."""
    return [COUNCILS.get(row["council_id"]) if name == "council" else row[name] for name in COLUMNS]


async def taken(session: AsyncSession, actor: Actor, wanted: HubFilter, count: int) -> None:
    """Write to the audit who took a list of the fleet, and which."""
    chosen = {name: str(value) for name, value in vars(wanted).items() if value is not None}
    await AuditRepository(session).add(actor, "fleet_exported", "fleet", "list", details={**chosen, "hubs": count})
