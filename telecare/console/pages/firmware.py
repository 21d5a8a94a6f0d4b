"""Firmware: which the fleet has, images, and rollouts with their waves; made, started and stopped by plain forms."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from devices.firmware.domain import ImageState, MemberState
from devices.firmware.repository import ImageRepository, RolloutRepository
from devices.firmware.schemas import BlockIn, ImageIn, ReasonIn, RolloutIn
from devices.registry.domain import Connection
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints import firmware as api
from telecare.console import firmware_view
from telecare.console.acting import REFUSED, SEE_OTHER, acted
from telecare.console.forms import NOTHING, Form, check_sure, read, refused, typed
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Administrator = Annotated[Actor, Depends(PageNeeds(Permission.ADMINISTER))]

ROLLOUTS, IMAGES, HUBS, LINES, OF_HUB = 50, 200, 200, 100, 5
DONE = {
    "registered": "The image is registered. It goes to no hub before it is released.",
    "released": "The image is released.",
    "blocked": "The image is blocked. Rollouts of it halt within seconds.",
    "made": "The rollout is a draft: look at who is in which wave, then start it.",
    "start": "The rollout runs.",
    "pause": "The rollout is paused: nobody is asked. Hubs that are on their way go on.",
    "resume": "The rollout goes on.",
    "cancel": "The rollout is cancelled.",
}
_IMAGE_WORDS = {
    "model_id": "Choose a model",
    "version": "Write the version as the hub's heartbeat tells it, such as 2.5.0",
    "url": "Write an address that begins with https://",
    "sha256": "Write the SHA-256 of the file: 64 digits from 0 to 9 and a to f",
    "size": "Write its size in bytes, or leave it empty",
    "signature": "Write the signature in one line, or leave it empty",
    "notes": "Write at most 4000 characters",
}
_ROLLOUT_WORDS = {
    "image_id": "Choose an image",
    "council_id": "Choose a council",
    "reason": "Say why, in 3 to 500 characters",
    "shares": "Write per cents that rise to 100, such as 1, 5, 25, 100",
    "first_hubs": "Write ids of hubs of this model, separated by commas",
    "from_versions": "Write versions, separated by commas",
    "soak_h": "Write hours, from 0 to 720",
    "patience_h": "Write hours, from 0 to 720",
    "at_once": "Write a number from 1 to 500",
    "failures": "Write a number from 1 to 1000",
    "failed_pct": "Write a number from 0 to 100",
    "silent": "Write a number from 1 to 1000",
    "back_min": "Write minutes, from 1 to 1440",
    "offline_margin_pct": "Write a number from 0 to 100",
}
_LISTS = ("shares", "first_hubs", "from_versions")
_FIELDS = {f"body.{name}": name for name in (*_IMAGE_WORDS, *_ROLLOUT_WORDS)}


class HaltForm(BaseModel):
    """The halt rule as people write it."""

    failures: int = Field(3, ge=1, le=1000)
    failed_pct: int = Field(10, ge=0, le=100)
    silent: int = Field(1, ge=1, le=1000)
    back_min: int = Field(30, ge=1, le=1440)
    offline_margin_pct: int = Field(5, ge=0, le=100)


class TimesForm(BaseModel):
    """Spans as people write them."""

    soak_h: int = Field(24, ge=0, le=720)
    patience_h: int = Field(24, ge=0, le=720)


@router.get("/firmware")
async def firmware(request: Request, session: Transaction, actor: Viewer, done: str = "") -> Response:
    """Show which firmware the fleet has, the rollouts and the images."""
    facts = await _facts(session, actor, NOTHING)
    return page(request, "firmware.html", actor, **{**facts, "done": DONE.get(done, "")})


@router.post("/firmware/images")
async def add_image(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Register an image."""
    form = await typed(request, "image")
    return await acted(
        session,
        lambda: api.add_image(read(ImageIn, form.values, _IMAGE_WORDS), session, actor),
        lambda error: _again(request, session, actor, form, error, "version"),
        "/firmware?done=registered#images",
    )


@router.post("/firmware/images/{image_id}")
async def change_image(request: Request, image_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Release an image, or block it."""
    form = await typed(request, f"image-{image_id}")
    blocks = form.value("do") == "block"
    try:
        async with session.begin_nested():
            if blocks:
                body = read(BlockIn, {"reason": form.value("reason")}, {"reason": _ROLLOUT_WORDS["reason"]})
                await api.block_image(image_id, body, session, actor)
            else:
                await api.release_image(image_id, session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "reason")
    return RedirectResponse(f"/firmware?done={'blocked' if blocks else 'released'}#images", SEE_OTHER)


@router.post("/firmware/rollouts")
async def make_rollout(request: Request, session: Transaction, actor: Administrator) -> Response:
    """Make a rollout in draft."""
    form = await typed(request, "rollout")
    try:
        async with session.begin_nested():
            made = await api.make_rollout(_rollout(form), session, actor)
    except REFUSED as error:
        return await _again(request, session, actor, form, error, "image_id")
    return RedirectResponse(f"/firmware/{made.id}?done=made", SEE_OTHER)


@router.get("/firmware/{rollout_id}")
async def rollout(
    request: Request,
    rollout_id: UUID,
    session: Transaction,
    actor: Viewer,
    done: str = "",
    state: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show a rollout: its waves, its hubs, what is in the way, what happened."""
    facts = await _facts_of(session, actor, rollout_id, state, NOTHING)
    return page(request, "rollout.html", actor, **{**facts, "done": DONE.get(done, "")})


@router.post("/firmware/{rollout_id}")
async def change(request: Request, rollout_id: UUID, session: Transaction, actor: Administrator) -> Response:
    """Start, pause, resume or cancel a rollout."""
    form = await typed(request, "do")
    what = str(form.value("do"))
    try:
        async with session.begin_nested():
            if what == "start":
                await api.start_rollout(rollout_id, session, actor)
            else:
                body = read(ReasonIn, {"reason": form.value("reason")}, {"reason": _ROLLOUT_WORDS["reason"]})
                if what == "cancel":
                    check_sure(form)
                    await api.cancel_rollout(rollout_id, body, session, actor)
                elif what == "resume":
                    await api.resume_rollout(rollout_id, body, session, actor)
                else:
                    await api.pause_rollout(rollout_id, body, session, actor)
    except REFUSED as error:
        status, faults = refused(error, "reason", _FIELDS)
        facts = await _facts_of(session, actor, rollout_id, "", form.wrong(*faults))
        return page(request, "rollout.html", actor, status, **facts)
    return RedirectResponse(f"/firmware/{rollout_id}?done={what}", SEE_OTHER)


async def firmware_of_hub(session: AsyncSession, hub: RowMapping | None) -> dict[str, Any]:
    """Collect what the page of a hub shows: what it could take, and the rollouts that it is part of."""
    if hub is None:
        return {"images": [], "rollouts_of": []}
    released = await ImageRepository(session).released(hub["model_id"])
    return {
        "images": [image for image in released if image.version != hub["firmware"]],
        "rollouts_of": await RolloutRepository(session).of_hub(hub["hub_id"], OF_HUB),
        "firmware_words": firmware_view,
    }


def _rollout(form: Form) -> RolloutIn:
    halt = read(HaltForm, {name: form.value(name) for name in HaltForm.model_fields}, _ROLLOUT_WORDS)
    times = read(TimesForm, {name: form.value(name) for name in TimesForm.model_fields}, _ROLLOUT_WORDS)
    rule = halt.model_dump(exclude={"back_min"}) | {"back_within_s": halt.back_min * 60}
    given: dict[str, Any] = {name: form.value(name) for name in ("image_id", "council_id", "reason", "at_once")}
    given |= {name: [one.strip() for one in form.value(name).split(",") if one.strip()] for name in _LISTS}
    given |= {"soak_s": times.soak_h * 3600, "patience_s": times.patience_h * 3600, "halt": rule}
    return read(RolloutIn, given | {"at_night": bool(form.value("at_night"))}, _ROLLOUT_WORDS)


async def _again(
    request: Request, session: AsyncSession, actor: Actor, form: Form, error: Exception, field: str
) -> Response:
    """Show the page again with what was typed and why it was refused."""
    status, faults = refused(error, field, _FIELDS)
    return page(request, "firmware.html", actor, status, **await _facts(session, actor, form.wrong(*faults)))


async def _facts(session: AsyncSession, actor: Actor, form: Form) -> dict[str, Any]:
    """Collect what the page of all firmware shows."""
    rollouts = RolloutRepository(session)
    images = await api.list_images(session, actor, None, IMAGES)
    shared = ModelRepository(session)
    rows = await rollouts.page(actor.councils, None, ROLLOUTS)
    return {
        "versions": await rollouts.versions(actor.councils),
        "rollouts": [await api.show(session, actor, row) for row in rows],
        "images": images.items,
        "released": [
            (str(image.id), f"{image.model} {image.version}")
            for image in images.items
            if image.state == ImageState.RELEASED
        ],
        "models": [
            (str(model.id), f"{model.make} {model.name}")
            for model in await shared.models()
            if model.connection != Connection.ANALOGUE
        ],
        "councils": [
            (row.code, row.name) for row in await shared.councils() if not actor.councils or row.code in actor.councils
        ],
        "words": firmware_view,
        "form": form,
        "done": "",
        "now": await database_now(session),
    }


async def _facts_of(session: AsyncSession, actor: Actor, rollout_id: UUID, state: str, form: Form) -> dict[str, Any]:
    """Collect what the page of a rollout shows."""
    shown = await api.get_rollout(rollout_id, session, actor)
    wanted = MemberState(state) if state in list(MemberState) else None
    return {
        "rollout": shown,
        "picture": firmware_view.picture(shown.waves),
        "preview": await api.preview(rollout_id, session, actor),
        "hubs": await api.list_members(rollout_id, session, actor, None, wanted, HUBS),
        "lines": await api.lines_of(session, actor, rollout_id, LINES),
        "state": wanted or "",
        "governs": actor.may(Permission.ADMINISTER) and (not actor.councils or shown.council_id in actor.councils),
        "words": firmware_view,
        "form": form,
        "done": "",
        "now": await database_now(session),
    }
