"""The loop with the communications providers: agreements, batches out, matches and notices in, holds, checks."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.service import JobService
from devices.switchover.telco.domain import objection
from devices.switchover.telco.models import TelcoAgreement
from devices.switchover.telco.reading import (
    ReadMatch,
    ReadNotice,
    Refused,
    UnreadableError,
    read_matches,
    read_notices,
)
from devices.switchover.telco.repository import NoticeFilter, TelcoRepository
from devices.switchover.telco.schemas import (
    AgreementIn,
    AgreementOut,
    BatchIn,
    BatchOut,
    CheckOut,
    HoldIn,
    HoldOut,
    MatchesIn,
    NoticeOut,
    NoticesIn,
    RungIn,
    TakenOut,
    WhyIn,
    show_agreement,
    show_batch,
    show_notice,
    show_refused,
)
from devices.switchover.telco.service import TelcoService, terms_of
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Council
from telecare.api.paging import Page
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.db import database_now
from telecare.kernel.errors import ForbiddenError, InvalidError, RefusedError

router = api_router("/switchover/telco", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_PEOPLE))]
Sharer = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]
Handler = Annotated[Actor, Depends(Needs(Permission.SWITCH_OVER))]

CSV = "text/csv"
MOST = 500
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the file of the batch", "content": {CSV: {"schema": {"type": "string"}}}}
}


@router.get("/agreements")
async def list_agreements(session: Transaction, actor: Viewer) -> Page[AgreementOut]:
    """List data-share agreements, those in force first."""
    service = TelcoService(session, actor.councils)
    return Page(items=[await _agreement(service, row) for row in await service.telco.agreements()], next=None)


@router.post("/agreements", status_code=201)
async def make_agreement(body: AgreementIn, session: Transaction, actor: Sharer) -> AgreementOut:
    """Write down a data-share agreement; a council has one in force with each provider."""
    _check_council(actor, body.council_id)
    if body.review_on <= body.starts_on:
        errors = [{"where": "body.review_on", "what": "the review comes after the start"}]
        raise InvalidError("The agreement cannot be so", errors=errors)
    service = TelcoService(session, actor.councils)
    columns = body.model_dump(exclude={"council_id", "provider", "fields"})
    row = await service.agree(body.council_id, body.provider, actor.label, fields=sorted(set(body.fields)), **columns)
    await _note(session, actor, "telco_agreement_made", "telco_agreement", row, provider=row.provider)
    return await _agreement(service, row)


@router.post("/agreements/{telco_agreement_id}/end")
async def end_agreement(telco_agreement_id: UUID, body: WhyIn, session: Transaction, actor: Sharer) -> AgreementOut:
    """End an agreement: nothing is shared under it any more."""
    service = TelcoService(session, actor.councils)
    row = await service.end_agreement(telco_agreement_id, body.reason, actor.label)
    await _note(session, actor, "telco_agreement_ended", "telco_agreement", row, body.reason)
    return await _agreement(service, row)


@router.post("/agreements/{telco_agreement_id}/batches", status_code=201)
async def make_batch(telco_agreement_id: UUID, body: BatchIn, session: Transaction, actor: Sharer) -> BatchOut:
    """Make a batch of what the register knows now: numbers and device types, and nothing more."""
    service = TelcoService(session, actor.councils)
    row = await service.share(telco_agreement_id, body.purpose, actor.label)
    details: dict[str, Any] = {"purpose": row.purpose, "rows": row.row_count, "sha256": row.sha256}
    await _note(session, actor, "telco_batch_made", "telco_batch", row, None, **details)
    return show_batch(row, (await service.telco.agreement(telco_agreement_id)).provider, {})


@router.get("/batches")
async def list_batches(session: Transaction, actor: Viewer) -> Page[BatchOut]:
    """List the last batches, the newest first, with what came back."""
    telco = TelcoRepository(session, actor.councils)
    found = await telco.batches()
    results = await telco.results_of([row.id for row, _ in found])
    return Page(items=[show_batch(row, provider, results.get(row.id, {})) for row, provider in found], next=None)


@router.post("/batches/{batch_id}/download", response_class=Response, responses=_FILE)
@never_replayed
async def download_batch(batch_id: UUID, session: Transaction, actor: Sharer) -> Response:
    """Return the file of a batch, once; who took it is written to the audit."""
    row, file = await TelcoService(session, actor.councils).hand_out(batch_id, actor.label)
    details: dict[str, Any] = {"purpose": row.purpose, "rows": row.row_count, "sha256": row.sha256}
    await _note(session, actor, "telco_batch_downloaded", "telco_batch", row, None, **details)
    headers = {"Content-Disposition": f'attachment; filename="telecare-{row.purpose}-{row.made_at:%Y-%m-%d}.csv"'}
    return Response(file, media_type=CSV, headers=headers)


@router.post("/batches/{batch_id}/matches")
async def take_matches(batch_id: UUID, body: MatchesIn, session: Transaction, actor: Sharer) -> TakenOut:
    """Take what the provider found of the numbers of a batch."""
    refused: Sequence[Refused] = ()
    found = [ReadMatch(one.number, one.result) for one in body.matches]
    if body.csv is not None:
        read, refused = _readable(read_matches, body.csv)
        found += read
    service = TelcoService(session, actor.councils)
    taken = await service.match(batch_id, found)
    row = await service.telco.batch(batch_id)
    await _note(session, actor, "telco_matches_taken", "telco_batch", row, taken=taken.changed)
    return TakenOut(**vars(taken), refused=show_refused(list(refused)))


@router.get("/notices")
async def list_notices(
    session: Transaction,
    actor: Viewer,
    council: Council = None,
    provider: Annotated[str | None, Query(max_length=100)] = None,
    ahead: Annotated[bool, Query(description="only what is still to come")] = False,
    unsettled: Annotated[bool, Query(description="only what goes against a hold, or is of no known home")] = False,
) -> Page[NoticeOut]:
    """List the migrations that providers announced, by planned time: at most 500."""
    return Page(
        items=await notices_of(session, actor, NoticeFilter(council, provider, None, ahead, unsettled)), next=None
    )


@router.post("/notices")
async def take_notices(body: NoticesIn, session: Transaction, actor: Handler) -> TakenOut:
    """Take notices of a provider. A number that comes again changes what is there, and keeps its hold."""
    _check_council(actor, body.council_id)
    refused: Sequence[Refused] = ()
    found = [ReadNotice(one.number, one.planned_at, one.kind, one.status) for one in body.notices]
    if body.csv is not None:
        read, refused = _readable(read_notices, body.csv)
        found += read
    taken = await TelcoService(session, actor.councils).take(body.council_id, body.provider, found, actor.label)
    counts = {"new": taken.new, "changed": taken.changed, "again": taken.again, "held": len(taken.held)}
    await AuditRepository(session).add(
        actor, "telco_notices_taken", "telco_notice", body.provider, body.council_id, details=counts
    )
    return TakenOut(**vars(taken), refused=show_refused(list(refused)))


@router.post("/checks/{check_id}/rung")
async def write_down(check_id: UUID, body: RungIn, session: Transaction, actor: Viewer) -> CheckOut:
    """Write down whether the call came through when somebody rang; if not, an alarm is opened at once."""
    telco = TelcoRepository(session, actor.councils)
    await telco.check(check_id)
    row = await telco.lock_check(check_id, wait=True)
    if row is None:
        raise RefusedError("This check has ended already; its case, if there is one, is on the board")
    row.rung, row.rung_by, row.rung_words = body.answered, actor.label, body.words
    row.look_at = await database_now(session)
    await session.flush()
    if row.job_id is not None and body.answered:
        job = await JobService(session).jobs.require(row.job_id)
        why = f"Rung: the call came through. {body.words or ''}".strip()[:500]
        await JobService(session).close(row.job_id, why, actor.name, job.version, label=actor.label)
    await _note(session, actor, "telco_check_rung", "telco_check", row, hub_id=row.hub_id, answered=body.answered)
    return CheckOut.model_validate(row)


@router.get("/holds")
async def list_holds(session: Transaction, actor: Viewer, council: Council = None) -> Page[HoldOut]:
    """List the lines that must not be migrated."""
    found = await TelcoRepository(session, actor.councils).holds(council)
    return Page(items=[HoldOut.model_validate(row) for row in found], next=None)


@router.post("/holds", status_code=201)
async def set_hold(body: HoldIn, session: Transaction, actor: Handler) -> HoldOut:
    """Keep a line from being migrated; a hold that is there gets the new day and reason."""
    _check_council(actor, body.council_id)
    service = TelcoService(session, actor.councils)
    row = await service.hold(body.council_id, body.number, body.until, body.reason, actor.label)
    until = body.until.isoformat() if body.until else None
    await _note(session, actor, "telco_hold_set", "telco_hold", row, body.reason, until=until)
    return HoldOut.model_validate(row)


@router.post("/holds/{hold_id}/lift")
async def lift_hold(hold_id: UUID, body: WhyIn, session: Transaction, actor: Handler) -> HoldOut:
    """Lift a hold, with a reason."""
    row = await TelcoService(session, actor.councils).lift(hold_id, body.reason, actor.label)
    await _note(session, actor, "telco_hold_lifted", "telco_hold", row, body.reason)
    return HoldOut.model_validate(row)


async def notices_of(session: AsyncSession, actor: Actor, wanted: NoticeFilter) -> list[NoticeOut]:
    """Return notices with their checks, as the list shows them."""
    telco = TelcoRepository(session, actor.councils)
    rows = await telco.notices(wanted, await database_now(session), MOST)
    checks = await telco.checks_of([row["id"] for row in rows])
    known = await telco.known([(row["council_id"], row["number"]) for row in rows]) if rows else set()
    return [
        show_notice(
            row,
            [check for check in checks if check.notice_id == row["id"]],
            known=(row["council_id"], row["number"]) in known,
        )
        for row in rows
    ]


async def _agreement(service: TelcoService, row: TelcoAgreement) -> AgreementOut:
    why = objection(terms_of(row), await service.today())
    return show_agreement(row, why, 0 if why else len(await service.to_confirm(row)))


def _readable(reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except UnreadableError as error:
        raise InvalidError(str(error), errors=[{"where": "body.csv", "what": str(error)}]) from error


def _check_council(actor: Actor, council_id: str) -> None:
    if not actor.sees(council_id):
        raise ForbiddenError("This council is not yours")


async def _note(
    session: AsyncSession, actor: Actor, action: str, kind: str, row: Any, reason: str | None = None, **details: Any
) -> None:
    await AuditRepository(session).add(actor, action, kind, row.id, row.council_id, reason, details or None)
