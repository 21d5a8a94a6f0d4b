"""Awards and the report on the switchover: computed from the fleet, with what councils attest and enter."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.registry.repository import ModelRepository
from devices.switchover.awards.domain import ATTESTED, CRITERIA, CostItem
from devices.switchover.awards.schemas import AttestIn, CostsIn, WithdrawIn
from devices.switchover.awards.service import AwardService
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import switchover_report as api
from telecare.console import awards_view
from telecare.console.acting import REFUSED, SEE_OTHER, acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter(prefix="/switchover")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_PEOPLE))]
Text = Annotated[str, Query(max_length=120)]

_ATTEST = {
    "evidence": "Say what shows it: what was tested, when, where the record is",
    "criterion": "Choose what you attest",
    "met_on": "Give the day since when it is so",
    "council_id": "Choose a council",
}
_WHY = {"reason": "Say why, in 3 to 500 characters"}
_COSTS = {"source": "Say in one line where the council has the figures from", "council_id": "Choose a council"}


@router.get("/awards")
async def awards(
    request: Request, session: Transaction, actor: Viewer, council: Text = "", done: Text = ""
) -> Response:
    """Show how each council stands with each award, and what is missing."""
    return page(request, "awards.html", actor, **await _facts(session, actor, council, NOTHING, done))


@router.post("/awards/attest")
async def attest(request: Request, session: Transaction, actor: Editor) -> Response:
    """Attest a criterion that no count shows."""
    form = await typed(request, "attest")
    return await acted(
        session,
        lambda: api.attest(read(AttestIn, form.values, _ATTEST), session, actor),
        lambda error: _again(request, session, actor, form, error, _ATTEST, "awards.html"),
        "/switchover/awards?done=attested",
    )


@router.post("/awards/{attestation_id}/withdraw")
async def withdraw(request: Request, attestation_id: UUID, session: Transaction, actor: Editor) -> Response:
    """Take an attestation back."""
    form = await typed(request, f"withdraw-{attestation_id}")
    return await acted(
        session,
        lambda: api.withdraw(attestation_id, read(WithdrawIn, form.values, _WHY), session, actor),
        lambda error: _again(request, session, actor, form, error, _WHY, "awards.html"),
        "/switchover/awards?done=withdrawn",
    )


@router.get("/report")
async def report(
    request: Request, session: Transaction, actor: Viewer, council: Text = "", done: Text = ""
) -> Response:
    """Show progress, cost and benefit, one council or all; it prints on paper."""
    return page(request, "switchover_report.html", actor, **await _facts(session, actor, council, NOTHING, done))


@router.post("/report/costs")
async def costs(request: Request, session: Transaction, actor: Editor) -> Response:
    """Enter what things cost and save a council."""
    form = await typed(request, "costs")
    values = dict(form.values)
    try:
        async with session.begin_nested():
            items = {item: _pence(item, said) for item in CostItem if (said := values.pop(item, "").strip())}
            if not items:
                raise FormError(Fault(CostItem.DEVICE, "Enter one amount at least, in pounds"))
            await api.enter_costs(read(CostsIn, {**values, "items": items}, _COSTS), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, _COSTS, "switchover_report.html")
    return RedirectResponse(f"/switchover/report?council={values['council_id']}&done=entered", SEE_OTHER)


def _pence(item: CostItem, said: str) -> int:
    try:
        amount = Decimal(said.lstrip("£").replace(",", ""))
        pence = int(amount * 100)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise FormError(Fault(item, "Write an amount in pounds, such as 249.50")) from error
    if pence < 0 or pence != amount * 100:
        raise FormError(Fault(item, "Write an amount in pounds and whole pence, not below zero"))
    return pence


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, words: Mapping[str, str],
    template: str,
) -> Response:  # fmt: skip
    status, faults = refused(error, next(iter(words)), {f"body.{name}": name for name in words})
    facts = await _facts(session, actor, form.value("council_id"), form.wrong(*faults))
    return page(request, template, actor, status, **facts)


async def _facts(session: AsyncSession, actor: Actor, council: str, form: Form, done: str = "") -> dict[str, Any]:
    code = council_code(council)
    councils = await ModelRepository(session).councils()
    mine = [row for row in councils if not actor.councils or row.code in actor.councils]
    attestable = [(one.key, f"{awards_view.NAMES[one.award]}: {one.words}") for one in CRITERIA if one.key in ATTESTED]
    found = await AwardService(session, actor.councils).report(code or None)
    return {
        "found": found.councils,
        "total": found.total,
        "absent": found.absent,
        "council": code,
        "councils": [(row.code, row.name) for row in mine],
        "attestable": attestable,
        "form": form,
        "done": awards_view.DONE.get(done, ""),
        "words": awards_view,
        "now": await database_now(session),
    }
