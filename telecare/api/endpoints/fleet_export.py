"""The fleet's list as a workbook: written as it is read, so that memory stays flat however many hubs there are."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import COUNCILS
from devices.registry.repository import HubFilter, HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Hubs
from telecare.api.routing import api_router
from telecare.api.sheets import DESCRIBED, Book, reply, write_all

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
    count = await write_all(book, _rows(HubRepository(session, actor.councils), wanted))
    chosen = {name: str(value) for name, value in vars(wanted).items() if value is not None}
    await AuditRepository(session).add(actor, "fleet_exported", "fleet", "list", details={**chosen, "hubs": count})
    return await reply(book, "hubs")


async def _rows(hubs: HubRepository, wanted: HubFilter) -> AsyncIterator[Sequence[Sequence[Any]]]:
    after: str | None = None
    while found := await hubs.page(wanted, after, AT_ONCE):
        after = found[-1]["hub_id"]
        yield [
            [COUNCILS.get(row["council_id"]) if name == "council" else row[name] for name in COLUMNS] for row in found
        ]
