"""Escalation policies: the list, one in words with its text and history, looked through, tried out, saved, retired."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from alarms.escalation.ladders import BY_CLASS
from alarms.handling.service import AlarmService
from alarms.policy.reading import MAX_LENGTH
from alarms.policy.repository import PolicyRepository
from alarms.policy.schemas import LintIn, LintOut, PolicyChange, PolicyIn, PolicyWithText, TimelineOut
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Services, ServicesDep, Transaction
from telecare.api.endpoints import policies as api
from telecare.console import policy_view
from telecare.console.forms import NOTHING, Fault, Form, FormError, check_sure, refusal, refused, typed
from telecare.console.mend import to_mend
from telecare.console.pages.what_if import question_facts, try_out
from telecare.console.render import PageNeeds, page
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, StaleError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_ALARMS))]
Supervisor = Annotated[Actor, Depends(PageNeeds(Permission.SUPERVISE))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

SEE_OTHER = 303
LISTED = 100
BUILT_IN = {words: BY_CLASS[class_] for class_, words in policy_view.CLASSES.items() if class_ != "I"}
DONE = {
    "saved": "Saved. New alarms go by it from now on; those that are open keep the version that they were raised with.",
    "moved": "The open alarms that ran on it go by the policy that fits them now.",
}
TEXT_LIMIT = f"A policy has at most {MAX_LENGTH // 1024} KiB"


@router.get("/policies")
async def policies(
    request: Request,
    session: Transaction,
    services: ServicesDep,
    actor: Viewer,
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Show the live policies, and the ladders that hold where none fits."""
    listed = await api.list_policies(session, actor, LISTED, cursor or None)
    versions = await PolicyRepository(session).versions([(one.id, one.version) for one in listed.items])
    documents = {one: policy_view.document_of(row.document) for one, row in versions.items()}
    return page(
        request,
        "policies.html",
        actor,
        notices=await to_mend(session, services, actor),
        policies=listed.items,
        fits={one: policy_view.matches(document.for_) for one, document in documents.items() if document},
        older=listed.next,
        newest=not cursor,
        ladders=BUILT_IN,
        words=policy_view,
    )


@router.get("/policies/new")
async def new(request: Request, session: Transaction, actor: Viewer) -> Response:
    """Show the form for a new policy, with an example in it."""
    form = Form("policy", {"text": policy_view.EXAMPLE})
    return page(request, "policy.html", actor, **await _facts(session, actor, None, form))


@router.post("/policies/new")
async def create(request: Request, session: Transaction, services: ServicesDep, actor: Viewer) -> Response:
    """Look a new policy through, try it out, or save it."""
    return await _act(request, session, services, actor, None)


@router.get("/policies/{policy_id}")
async def policy(
    request: Request,
    policy_id: UUID,
    session: Transaction,
    actor: Viewer,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    done: str = "",
) -> Response:
    """Show a policy, or an earlier version of it."""
    shown = await api.get_policy(policy_id, session, actor, version)
    facts = await _facts(session, actor, shown, NOTHING)
    return page(request, "policy.html", actor, **{**facts, "done": DONE.get(done, "")})


@router.post("/policies/{policy_id}")
async def change(
    request: Request, policy_id: UUID, session: Transaction, services: ServicesDep, actor: Viewer
) -> Response:
    """Look the next version through, try it out, or save it."""
    return await _act(request, session, services, actor, await api.get_policy(policy_id, session, actor, None))


@router.post("/policies/{policy_id}/retire")
async def retire(request: Request, policy_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Let no new alarm go by it, or say why that cannot be."""
    form = await typed(request, "retire")
    try:
        check_sure(form)
        await api.retire_policy(policy_id, session, actor)
    except (FormError, ConflictError, ForbiddenError) as error:
        status, faults = refused(error, "sure")
        shown = await api.get_policy(policy_id, session, actor, None)
        facts = await _facts(session, actor, shown, form.wrong(*faults))
        return page(request, "policy.html", actor, status, **facts)
    return RedirectResponse("/policies", SEE_OTHER)


@router.post("/policies/{policy_id}/reroute")
async def reroute(policy_id: UUID, session: Transaction, services: ServicesDep, actor: Supervisor) -> Response:
    """Move every open alarm that runs on it to the policy that fits it now."""
    await api.reroute_alarms(policy_id, session, services, actor)
    return RedirectResponse(f"/policies/{policy_id}?done=moved", SEE_OTHER)


async def _act(
    request: Request, session: AsyncSession, services: Services, actor: Actor, shown: PolicyWithText | None
) -> Response:
    """Do what the button says; whatever comes of it, what was typed comes back."""
    form = await typed(request, "policy")
    text = form.value("text")
    caught: Exception | None = None
    looked: LintOut | None = None
    trial: TimelineOut | None = None
    stale: list[str] = []
    try:
        _check_length(text)
        looked = await api.lint_policy(LintIn(text=text), session, actor)
        if form.value("do") == "try":
            trial = await try_out(session, services, actor, form, text) if looked.ok else None
        elif form.value("do") == "save":
            saved = await _save(session, actor, shown, form)
            return RedirectResponse(f"/policies/{saved.id}?done=saved", SEE_OTHER)
    except FormError as error:
        caught, form = error, form.wrong(*error.faults)
    except StaleError as error:
        caught, stale, form, shown = await _overtaken(session, actor, form, shown, error)
    except (ConflictError, InvalidError, ForbiddenError) as error:
        # Faults of the text itself stand with their lines in what the look through found.
        caught, form = error, form if looked and not looked.ok else form.wrong(*refusal(error, "text"))
    facts = await _facts(session, actor, shown, form)
    status = 200 if caught is None else refused(caught, "text")[0]
    return page(request, "policy.html", actor, status, **{**facts, "looked": looked, "trial": trial, "stale": stale})


def _check_length(text: str) -> None:
    if not text.strip():
        raise FormError(Fault("text", "Write the policy first"))
    if len(text) > MAX_LENGTH:
        raise FormError(Fault("text", TEXT_LIMIT))


async def _save(session: AsyncSession, actor: Actor, shown: PolicyWithText | None, form: Form) -> PolicyWithText:
    """Save it, all of it or nothing: a fault that comes late takes back what was written before it."""
    if not actor.may(Permission.ADMINISTER):
        raise ForbiddenError("Only administrators save policies; look through and try out are yours")
    note = form.value("note").strip()
    if not note or len(note) > 500:  # noqa: PLR2004 - as the API has it
        raise FormError(Fault("note", "Say why, in at most 500 characters: it stands in the history"))
    async with session.begin_nested():
        if shown is None:
            return await api.create_policy(PolicyIn(text=form.value("text"), note=note), session, actor)
        as_of = int(form.value("as_of")) if form.value("as_of").isdecimal() else shown.version
        body = PolicyChange(text=form.value("text"), note=note, as_of=max(1, min(as_of, 2**31 - 1)))
        return await api.change_policy(shown.id, body, session, actor)


async def _overtaken(
    session: AsyncSession, actor: Actor, form: Form, shown: PolicyWithText | None, error: StaleError
) -> tuple[StaleError, list[str], Form, PolicyWithText | None]:
    """Show what somebody else has changed since; who has seen that and saves again means it."""
    if shown is None:
        return error, [], form.wrong(*refusal(error, "text")), shown
    live = await api.get_policy(shown.id, session, actor, None)
    seen = await api.get_policy(shown.id, session, actor, int(form.value("as_of", "1")))
    words = (
        f"{live.created_by} has saved version {live.version} since you began. Look at what changed: "
        "saving again puts your text in its place"
    )
    fresh = Form(form.name, {**form.values, "as_of": str(live.version)}, (Fault("text", words),))
    return error, policy_view.changes(seen.text, live.text), fresh, live


async def _facts(session: AsyncSession, actor: Actor, shown: PolicyWithText | None, form: Form) -> dict[str, Any]:
    """Collect what the page shows."""
    document = policy_view.document_of(shown.document) if shown else None
    running, history = 0, []
    live = shown.version if shown else None
    if shown is not None:
        running = len(await AlarmService(session).running_on(shown.key, shown.council_id))
        history = await api.list_versions(shown.id, session, actor)
        live = history[0].version
    return {
        "policy": shown,
        "live": live,
        "document": document,
        "steps": policy_view.steps(document.ladder(shown.version)) if document and shown else [],
        "running": running,
        "history": history,
        "form": form,
        "words": policy_view,
        "looked": None,
        "trial": None,
        "stale": [],
        "done": "",
        **await question_facts(session, actor, form, shown.council_id if shown else None),
    }
