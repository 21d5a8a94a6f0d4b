"""Covers: which council's control room stands in for which, what is on, and what each of them did."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from alarms.cover.models import Cover, CoverAgreement
from alarms.cover.repository import CoverRepository
from alarms.cover.schemas import AgreementIn, AgreementOut, CoverEndIn, CoverIn, CoverOut, CoverReportOut
from alarms.cover.service import CoverService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository, unknown_councils
from telecare.api.deps import Needs, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

router = api_router("/covers", "covers")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]
Supervisor = Annotated[Actor, Depends(Needs(Permission.SUPERVISE))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]


@router.get("/agreements")
async def list_agreements(
    session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[AgreementOut]:
    """List who covers whom, newest first, with how each covered control room fares now."""
    before = decode_cursor(cursor, UUID)
    covers = CoverRepository(session)
    rows = await covers.agreements(actor.councils, before[0] if before else None, limit + 1)
    ids = [row.id for row in rows]
    looks = await covers.looks(ids, await database_now(session))
    running = {cover.agreement_id: cover.id for cover in await covers.running(ids)}
    return page_of(
        rows, limit, lambda row: AgreementOut.of(row, looks[row.id].lag_s, running.get(row.id)), lambda row: (row.id,)
    )


@router.post("/agreements", status_code=201)
async def create_agreement(body: AgreementIn, session: Transaction, actor: Administrator) -> AgreementOut:
    """Let a partner cover a council; an administrator of that council decides it. A council has one partner."""
    _check_governs(actor, body.council_id)
    if body.partner_id == body.council_id:
        errors = [{"where": "body.partner_id", "what": "name another council than the covered one"}]
        raise InvalidError("A council cannot cover itself", errors=errors)
    named = {"council_id": body.council_id, "partner_id": body.partner_id}
    unknown = await unknown_councils(session, named.values())
    if unknown:
        errors = [
            {"where": f"body.{name}", "what": "no council has this code"}
            for name, code in named.items()
            if code in unknown
        ]
        raise InvalidError("There is no such council", errors=errors)
    made = await CoverRepository(session).add_agreement(**named, after_s=body.after_s, by=actor.label)
    if made is None:
        raise ConflictError("This council has a partner already: end that agreement first")
    await _audit(session, actor, "cover_agreed", made)
    return AgreementOut.of(made)


@router.delete("/agreements/{agreement_id}", status_code=204)
async def end_agreement(agreement_id: UUID, session: Transaction, actor: Administrator) -> None:
    """End an agreement, and the cover that is on by it. What was done by it stays in the history."""
    agreement = await _agreement(session, actor, agreement_id)
    _check_governs(actor, agreement.council_id)
    ended = await CoverService(session, AuditRepository(session)).end_agreement(agreement_id, actor.label)
    await _audit(session, actor, "cover_agreement_ended", ended)


@router.get("")
async def list_covers(session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[CoverOut]:
    """List each time that a council of yours was covered or covered another, newest first; without end: it is on."""
    before = decode_cursor(cursor, UUID)
    rows = await CoverRepository(session).page(actor.councils, before[0] if before else None, limit + 1)
    return page_of(rows, limit, CoverOut.model_validate, lambda cover: (cover.id,))


@router.post("", status_code=201)
async def start_cover(body: CoverIn, session: Transaction, actor: Supervisor) -> CoverOut:
    """Begin a cover now.

    A supervisor of the covered council declares it or begins an exercise. One of the partner begins it (`lag`) when a
    life-safety alarm there waits too long, without waiting for the service to do so by itself.
    """
    agreement = await _agreement(session, actor, body.agreement_id)
    service = CoverService(session, AuditRepository(session))
    own = not actor.councils or agreement.council_id in actor.councils
    cover = await service.start(agreement.id, body.why, body.reason or None, actor.label, own=own)
    return CoverOut.model_validate(cover)


@router.get("/{cover_id}")
async def get_cover(cover_id: UUID, session: Transaction, actor: Viewer) -> CoverReportOut:
    """Show one cover with its report: how long, which cases, taken by whom, and how soon."""
    cover = await require_cover(session, actor, cover_id)
    did = await CoverService(session, AuditRepository(session)).report(cover)
    return CoverReportOut.of(cover, did)


@router.post("/{cover_id}/end")
async def end_cover(cover_id: UUID, body: CoverEndIn, session: Transaction, actor: Supervisor) -> CoverOut:
    """End a cover; a supervisor of the covered council does. Cases that the partner has stay with who has them."""
    cover = await require_cover(session, actor, cover_id)
    if actor.councils and cover.council_id not in actor.councils:
        raise ForbiddenError("A supervisor of the covered council ends it: they must know that their alarms are theirs")
    ended = await CoverService(session, AuditRepository(session)).end(cover_id, actor.label, body.why)
    return CoverOut.model_validate(ended)


async def require_cover(session: Transaction, actor: Actor, cover_id: UUID) -> Cover:
    """Return a cover of or by the actor's councils, or raise NotFoundError."""
    cover = await CoverRepository(session).get(cover_id)
    if cover is None or not (actor.sees(cover.council_id) or actor.sees(cover.partner_id)):
        raise NotFoundError(f"There is no cover {cover_id}")
    return cover


async def _agreement(session: Transaction, actor: Actor, agreement_id: UUID) -> CoverAgreement:
    agreement = await session.get(CoverAgreement, agreement_id)
    known = agreement is not None and agreement.ended_at is None
    if agreement is None or not known or not (actor.sees(agreement.council_id) or actor.sees(agreement.partner_id)):
        raise NotFoundError(f"There is no agreement {agreement_id}")
    return agreement


async def _audit(session: Transaction, actor: Actor, action: str, agreement: CoverAgreement) -> None:
    details = {"covered": agreement.council_id, "partner": agreement.partner_id, "after_s": agreement.after_s}
    for council_id in (agreement.council_id, agreement.partner_id):
        await AuditRepository(session).add(actor, action, "cover_agreement", agreement.id, council_id, details=details)


def _check_governs(actor: Actor, council_id: str) -> None:
    if actor.councils and council_id not in actor.councils:
        raise ForbiddenError("You may agree on a cover of your own councils only")
