"""The report on the switchover: progress, awards, cost and benefit, for one council and for all; as tables too."""

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fastapi.responses import Response, StreamingResponse

from devices.switchover.awards.domain import Award, CostItem
from devices.switchover.awards.report import SUMS, SwitchoverReportOut, TotalOut
from devices.switchover.awards.schemas import (
    AttestationOut,
    AttestIn,
    CostsIn,
    CouncilReportOut,
    WithdrawIn,
)
from devices.switchover.awards.service import AwardService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction, check_council
from telecare.api.filters import Council
from telecare.api.routing import api_router
from telecare.api.sheets import DESCRIBED, Book, reply

reports = api_router("/reports/switchover", "switchover")
router = api_router("/switchover", "switchover")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_PEOPLE))]

CSV = "text/csv"
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "a table", "content": {CSV: {"schema": {"type": "string"}}}}
}
COUNTED = (
    "council_id", "name", "day", "users", "digital_ready", "live_digital", "exposed", "swaps", "visits", "no_access",
    "digital_months",
)  # fmt: skip
HEAD = (
    *COUNTED,
    *(f"{award}_first_met" for award in Award),
    *(f"{award}_now" for award in Award),
    *(f"council_says_{item}_pounds" for item in CostItem),
    *(f"{name}_pounds" for name in SUMS),
    "note",
)
AWARDS_HEAD = (
    "council_id", "name", "award", "award_first_met", "award_met_now", "criterion", "source", "first_met", "met_now",
    "missing", "attested_by", "evidence",
)  # fmt: skip
COSTS_HEAD = ("council_id", "name", "item", "what", "pounds", "source", "entered_by", "entered_at")


@reports.get("")
async def switchover_report(session: Transaction, actor: Viewer, council: Council = None) -> SwitchoverReportOut:
    """Return progress, awards, cost and benefit of each council and of all. Counts are ours, prices the councils'."""
    return await AwardService(session, actor.councils).report(council)


@reports.get("/export.csv", response_class=Response, responses=_TABLE)
async def export_report(session: Transaction, actor: Viewer, council: Council = None) -> Response:
    """Return the report as one table, a council a line; of several the last line is their total, without a code."""
    return Response(as_csv(await AwardService(session, actor.councils).report(council)), media_type=CSV)


@reports.get("/export.xlsx", response_class=Response, responses=DESCRIBED)
async def export_workbook(session: Transaction, actor: Viewer, council: Council = None) -> StreamingResponse:
    """Return the report as a workbook: progress, awards with their criteria, and what the councils entered."""
    return reply(as_book(await AwardService(session, actor.councils).report(council)), "switchover-report")


@router.post("/attestations", status_code=201)
async def attest(body: AttestIn, session: Transaction, actor: Editor) -> AttestationOut:
    """Attest a criterion that no count shows, by name and with the evidence."""
    check_council(actor, body.council_id)
    row = await AwardService(session, actor.councils).attest(body, actor.label)
    await AuditRepository(session).add(
        actor, "award_attested", "award_attestation", row.id, row.council_id, details={"criterion": row.criterion}
    )
    return AttestationOut.model_validate(row)


@router.post("/attestations/{attestation_id}/withdraw")
async def withdraw(attestation_id: UUID, body: WithdrawIn, session: Transaction, actor: Editor) -> AttestationOut:
    """Take an attestation back, with a reason."""
    row = await AwardService(session, actor.councils).withdraw(attestation_id, body.reason, actor.label)
    await AuditRepository(session).add(
        actor, "award_attestation_withdrawn", "award_attestation", row.id, row.council_id, body.reason
    )
    return AttestationOut.model_validate(row)


@router.put("/costs")
async def enter_costs(body: CostsIn, session: Transaction, actor: Editor) -> SwitchoverReportOut:
    """Enter what things cost and save a council, in pence, and where it has that from; items left out stay."""
    check_council(actor, body.council_id)
    service = AwardService(session, actor.councils)
    await service.enter(body, actor.label)
    await AuditRepository(session).add(
        actor, "switchover_costs_entered", "council", body.council_id, body.council_id,
        details={"items": {str(item): pence for item, pence in body.items.items()}, "source": body.source},
    )  # fmt: skip
    return await service.report(body.council_id)


def as_csv(report: SwitchoverReportOut) -> str:
    """Return the report as CSV, a council a line and the total."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for line in _lines(report):
        writer.writerow(["" if cell is None else cell for cell in line])
    return out.getvalue()


def as_book(report: SwitchoverReportOut) -> Book:
    """Return the report as a workbook of three sheets."""
    book, found = Book(), report.councils
    book.sheet("Progress", HEAD)
    book.add(_lines(report))
    book.sheet("Awards", AWARDS_HEAD)
    book.add(line for one in found for line in _awards(one))
    book.sheet("What councils entered", COSTS_HEAD)
    book.add(
        (one.council_id, one.name, str(cost.item), cost.words, cost.pence / 100, cost.source, cost.entered_by, at)
        for one in found
        for cost, at in ((each, each.entered_at) for each in one.costs)
    )
    return book


def _lines(report: SwitchoverReportOut) -> Iterator[list[Any]]:
    yield from (_line(one) for one in report.councils)
    if len(report.councils) > 1:
        yield _total(report.total, report.absent)


def _line(one: CouncilReportOut) -> list[Any]:
    prices = {cost.item: cost.pence for cost in one.costs}
    return [
        *(getattr(one, name) for name in COUNTED),
        *(award.first_on for award in one.awards),
        *("yes" if award.now else "no" for award in one.awards),
        *(prices[item] / 100 if item in prices else None for item in CostItem),
        *(_pounds(getattr(one.money, name)) for name in SUMS),
        None,
    ]


def _total(all_: TotalOut, absent: str) -> list[Any]:
    """Return the last line: no code and no day, so that whoever adds up a column can tell it from a council."""
    return [
        None, f"All {all_.councils}", None,
        *(getattr(all_, name) for name in COUNTED[3:]),
        *(None for _ in Award),
        *(f"{all_.awards_now[award]} of {all_.councils}" for award in Award),
        *(None for _ in CostItem),
        *(_pounds(getattr(all_.money, name)) for name in SUMS),
        " ".join(filter(None, (all_.note, absent))),
    ]  # fmt: skip


def _awards(one: CouncilReportOut) -> Iterator[tuple[Any, ...]]:
    for award in one.awards:
        for each in award.criteria:
            yield (
                one.council_id, one.name, str(award.award), award.first_on, award.now, each.words, each.source,
                each.first_on, each.now, each.missing, each.attested_by, each.evidence,
            )  # fmt: skip


def _pounds(pence: int | None) -> float | None:
    return None if pence is None else pence / 100
