"""The record of who did and looked at what."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime

from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditFilter, AuditRepository
from telecare.access.schemas import AuditOut
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router

router = api_router("/audit", "audit")

Wanted = Annotated[str | None, Query(max_length=200)]


@router.get("")
async def list_audit(
    session: Transaction,
    auditor: Annotated[Actor, Depends(Needs(Permission.SEE_AUDIT))],
    actor: Wanted = None,
    action: Wanted = None,
    subject_kind: Wanted = None,
    subject_id: Wanted = None,
    council: Council = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditOut]:
    """List the audit, newest first; the filters are exact and add up."""
    before = decode_cursor(cursor, UUID)
    wanted = AuditFilter(actor, action, subject_kind, subject_id, council, since, until)
    entries = await AuditRepository(session).page(auditor, wanted, before[0] if before else None, limit + 1)
    return page_of(entries, limit, AuditOut.model_validate, lambda entry: (entry.id,))
