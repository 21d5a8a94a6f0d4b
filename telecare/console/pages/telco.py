"""The loop with the communications providers: what is told, what comes back, which lines move, which must not."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from devices.registry.repository import ModelRepository
from devices.switchover.telco.domain import Purpose
from devices.switchover.telco.reading import planned
from devices.switchover.telco.repository import NoticeFilter
from devices.switchover.telco.schemas import (
    AgreementIn,
    BatchIn,
    HoldIn,
    MatchesIn,
    NoticeIn,
    NoticesIn,
    RungIn,
    TakenOut,
    WhyIn,
)
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import telco as api
from telecare.console import telco_view
from telecare.console.acting import REFUSED, acted
from telecare.console.forms import NOTHING, Fault, Form, FormError, read, refused, typed
from telecare.console.pages.fleet import council_code
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter(prefix="/switchover")

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_PEOPLE))]
Sharer = Annotated[Actor, Depends(PageNeeds(Permission.EDIT_PEOPLE))]
Handler = Annotated[Actor, Depends(PageNeeds(Permission.SWITCH_OVER))]
Text = Annotated[str, Query(max_length=120)]

TELCO, NOTICES = "/switchover/telco", "/switchover/notices"
_COUNCIL = {"council_id": "Choose a council"}
_AGREE = {
    **_COUNCIL,
    "provider": "Write the provider as the lines of the register name it",
    "legal_basis": "Say in one line on which legal basis",
    "dpia_reference": "Give the reference of the impact assessment",
    "starts_on": "Give the day on which it starts",
    "review_on": "Give the day of its review, after its start",
}
_BATCH = {"purpose": "Choose what the batch is for"}
_MATCHES = {"csv": "Paste the provider's table with its head: a number and a result in each line"}
_WHY = {"reason": "Say why, in 3 to 500 characters"}
_NOTICES = {**_COUNCIL, "provider": "Write who sent them", "csv": "Paste the provider's table with its head"}
_NOTICE = {**_COUNCIL, "provider": "Write who told it", "number": "Write the number with its area code"}
_HOLD = {
    **_COUNCIL,
    "number": "Write the number with its area code",
    "until": "Give its last day, today or later, or leave it empty",
    "reason": "Say why, in 3 to 500 characters",
}
_RUNG = {"answered": "Say whether the call came through", "words": "Write at most 4000 characters"}


@router.get("/telco")
async def telco(request: Request, session: Transaction, actor: Viewer, done: Text = "") -> Response:
    """Show agreements and what was told under them."""
    return page(request, "telco.html", actor, **await _shared(session, actor, NOTHING, done))


@router.post("/telco/agreements")
async def agree(request: Request, session: Transaction, actor: Sharer) -> Response:
    """Write down an agreement."""
    form = await typed(request, "agree")
    return await acted(
        session,
        lambda: api.make_agreement(read(AgreementIn, form.values, _AGREE), session, actor),
        lambda error: _telco_again(request, session, actor, form, error, _AGREE),
        f"{TELCO}?done=agreed",
    )


@router.post("/telco/agreements/{agreement_id}/end")
async def end(request: Request, agreement_id: UUID, session: Transaction, actor: Sharer) -> Response:
    """End an agreement."""
    form = await typed(request, f"end-{agreement_id}")
    return await acted(
        session,
        lambda: api.end_agreement(agreement_id, read(WhyIn, form.values, _WHY), session, actor),
        lambda error: _telco_again(request, session, actor, form, error, _WHY),
        f"{TELCO}?done=ended",
    )


@router.post("/telco/agreements/{agreement_id}/batches")
async def share(request: Request, agreement_id: UUID, session: Transaction, actor: Sharer) -> Response:
    """Make a batch."""
    form = await typed(request, f"batch-{agreement_id}")
    return await acted(
        session,
        lambda: api.make_batch(agreement_id, read(BatchIn, form.values, _BATCH), session, actor),
        lambda error: _telco_again(request, session, actor, form, error, _BATCH),
        f"{TELCO}?done=made#batches",
    )


@router.post("/telco/batches/{batch_id}/download")
async def download(request: Request, batch_id: UUID, session: Transaction, actor: Sharer) -> Response:
    """Return the file of a batch, once."""
    form = await typed(request, f"download-{batch_id}")
    try:
        async with session.begin_nested():
            return await api.download_batch(batch_id, session, actor)
    except REFUSED as error:
        return await _telco_again(request, session, actor, form, error, {"purpose": ""})


@router.post("/telco/batches/{batch_id}/matches")
async def matches(request: Request, batch_id: UUID, session: Transaction, actor: Sharer) -> Response:
    """Take what the provider found."""
    form = await typed(request, f"matches-{batch_id}")
    try:
        async with session.begin_nested():
            taken = await api.take_matches(batch_id, read(MatchesIn, form.values, _MATCHES), session, actor)
    except REFUSED as error:
        return await _telco_again(request, session, actor, form, error, _MATCHES)
    return page(request, "telco.html", actor, **await _shared(session, actor, NOTHING, "taken", taken))


@router.get("/notices")
async def notices(
    request: Request, session: Transaction, actor: Viewer, council: Text = "", show: Text = "", done: Text = ""
) -> Response:
    """Show what providers announced, the checks, and the lines that must not be moved."""
    return page(request, "notices.html", actor, **await _announced(session, actor, NOTHING, council, show, done))


@router.post("/notices")
async def take(request: Request, session: Transaction, actor: Handler) -> Response:
    """Take a provider's table of notices."""
    form = await typed(request, "take")
    try:
        async with session.begin_nested():
            taken = await api.take_notices(read(NoticesIn, form.values, _NOTICES), session, actor)
    except REFUSED as error:
        return await _notices_again(request, session, actor, form, error, _NOTICES)
    facts = await _announced(session, actor, NOTHING, "", "", "taken", taken)
    return page(request, "notices.html", actor, **facts)


@router.post("/notices/one")
async def take_one(request: Request, session: Transaction, actor: Handler) -> Response:
    """Take one notice by hand."""
    form = await typed(request, "one")
    values = dict(form.values)
    try:
        async with session.begin_nested():
            try:
                at = planned(values.pop("day", ""), values.pop("time", ""))
            except ValueError as error:
                raise FormError(Fault("day", str(error))) from error
            whose = {name: values.pop(name, "") for name in ("council_id", "provider")}
            one = read(NoticeIn, values | {"planned_at": at}, _NOTICE)
            body = read(NoticesIn, whose, _NOTICE).model_copy(update={"notices": [one]})
            taken = await api.take_notices(body, session, actor)
    except REFUSED as error:
        return await _notices_again(request, session, actor, form, error, _NOTICE)
    return page(request, "notices.html", actor, **await _announced(session, actor, NOTHING, "", "", "taken", taken))


@router.post("/notices/checks/{check_id}/rung")
async def rung(request: Request, check_id: UUID, session: Transaction, actor: Viewer) -> Response:
    """Write down whether the call came through."""
    form = await typed(request, f"rung-{check_id}")
    return await acted(
        session,
        lambda: api.write_down(check_id, read(RungIn, form.values, _RUNG), session, actor),
        lambda error: _notices_again(request, session, actor, form, error, _RUNG),
        f"{NOTICES}?done=rung",
    )


@router.post("/notices/holds")
async def hold(request: Request, session: Transaction, actor: Handler) -> Response:
    """Keep a line from being moved."""
    form = await typed(request, "hold")
    return await acted(
        session,
        lambda: api.set_hold(read(HoldIn, form.values, _HOLD), session, actor),
        lambda error: _notices_again(request, session, actor, form, error, _HOLD),
        f"{NOTICES}?done=held#holds",
    )


@router.post("/notices/holds/{hold_id}/lift")
async def lift(request: Request, hold_id: UUID, session: Transaction, actor: Handler) -> Response:
    """Lift a hold."""
    form = await typed(request, f"lift-{hold_id}")
    return await acted(
        session,
        lambda: api.lift_hold(hold_id, read(WhyIn, form.values, _WHY), session, actor),
        lambda error: _notices_again(request, session, actor, form, error, _WHY),
        f"{NOTICES}?done=lifted#holds",
    )


async def _telco_again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, words: Mapping[str, str]
) -> Response:
    status, faults = refused(error, next(iter(words)), {f"body.{name}": name for name in words})
    return page(request, "telco.html", actor, status, **await _shared(session, actor, form.wrong(*faults)))


async def _notices_again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, words: Mapping[str, str]
) -> Response:
    status, faults = refused(error, next(iter(words)), {f"body.{name}": name for name in words})
    facts = await _announced(session, actor, form.wrong(*faults), "", "")
    return page(request, "notices.html", actor, status, **facts)


async def _shared(
    session: AsyncSession, actor: Actor, form: Form, done: str = "", taken: TakenOut | None = None
) -> dict[str, Any]:
    return {
        **await _common(session, actor, form, done, taken),
        "agreements": (await api.list_agreements(session, actor)).items,
        "batches": (await api.list_batches(session, actor)).items,
        "purposes": [(purpose, telco_view.PURPOSE_WORDS[purpose]) for purpose in Purpose],
    }


async def _announced(
    session: AsyncSession, actor: Actor, form: Form, council: str, show: str, done: str = "",
    taken: TakenOut | None = None,
) -> dict[str, Any]:  # fmt: skip
    show = show if show in telco_view.SHOWN else ""
    code = council_code(council)
    wanted = NoticeFilter(code or None, ahead=show == "ahead", unsettled=show == "unsettled")
    kept = {name: value for name, value in (("council", code), ("show", show)) if value}
    return {
        **await _common(session, actor, form, done, taken),
        "notices": await api.notices_of(session, actor, wanted),
        "holds": (await api.list_holds(session, actor, code or None)).items,
        "chosen": {"council": code, "show": show},
        "kept": urlencode(kept),
        "most": api.MOST,
    }


async def _common(session: AsyncSession, actor: Actor, form: Form, done: str, taken: TakenOut | None) -> dict[str, Any]:
    councils = await ModelRepository(session).councils()
    mine = [row for row in councils if not actor.councils or row.code in actor.councils]
    return {
        "form": form,
        "done": telco_view.DONE.get(done, ""),
        "taken": telco_view.taken(taken) if taken else [],
        "councils": [(row.code, row.name) for row in mine],
        "words": telco_view,
        "now": await database_now(session),
    }
