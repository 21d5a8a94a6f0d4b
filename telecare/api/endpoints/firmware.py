"""Firmware: images, which of them the fleet has, and rollouts in waves that halt by themselves."""

from collections import Counter
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from devices.firmware.domain import MemberState, in_the_way, not_for
from devices.firmware.models import FirmwareImage, FirmwareRollout
from devices.firmware.repository import ImageRepository, RolloutRepository
from devices.firmware.schemas import (
    BlockIn,
    HaltIn,
    ImageIn,
    ImageOut,
    LineOut,
    MemberOut,
    PreviewOut,
    ReasonIn,
    RolloutIn,
    RolloutOut,
    VersionOut,
    show_image,
    show_rollout,
)
from devices.firmware.service import ImageService, RolloutService
from devices.registry.repository import ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.endpoints.responders import check_governs
from telecare.api.filters import Council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.firmware.standings import standings, standings_of_model
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError

router = api_router("/firmware", "firmware")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]

LINES = 200


@router.get("/versions")
async def list_versions(session: Transaction, actor: Viewer, council: Council = None) -> Page[VersionOut]:
    """Say which firmware the digital hubs tell, by model: how many, and how many of them are online."""
    councils = actor.councils if council is None else frozenset({council})
    found = await RolloutRepository(session).versions(councils) if council is None or actor.sees(council) else []
    return Page(items=[VersionOut.model_validate(each) for each in found], next=None)


@router.get("/images")
async def list_images(
    session: Transaction,
    _actor: Viewer,
    model_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ImageOut]:
    """List images, newest first. All councils share them, as they share the models of hubs."""
    before = decode_cursor(cursor, UUID)
    rows = await ImageRepository(session).page(model_id, before[0] if before else None, limit + 1)
    return page_of(rows, limit, lambda row: show_image(row[0], row[1]), lambda row: (row[0].id,))


@router.post("/images", status_code=201)
async def add_image(body: ImageIn, session: Transaction, actor: Administrator) -> ImageOut:
    """Register an image. No hub is asked to take it before it is released."""
    _check_shared(actor)
    if await ModelRepository(session).get(body.model_id) is None:
        errors = [{"where": "body.model_id", "what": "there is no such model"}]
        raise InvalidError("There is no such model", errors=errors)
    image = await ImageRepository(session).add(**body.model_dump(), made_by=actor.label)
    if image is None:
        raise ConflictError(f"This model has an image {body.version} already")
    await _note(session, actor, "firmware_registered", image)
    return await _shown(session, image)


@router.post("/images/{image_id}/release")
async def release_image(image_id: UUID, session: Transaction, actor: Administrator) -> ImageOut:
    """Let an image go to hubs. A blocked one is never released again."""
    _check_shared(actor)
    image = await ImageService(session).release(image_id, actor.label)
    await _note(session, actor, "firmware_released", image)
    return await _shown(session, image)


@router.post("/images/{image_id}/block")
async def block_image(image_id: UUID, body: BlockIn, session: Transaction, actor: Administrator) -> ImageOut:
    """Let no hub be asked to take an image any more: its rollouts halt within seconds."""
    _check_shared(actor)
    image = await ImageService(session).block(image_id, actor.label, body.reason)
    await _note(session, actor, "firmware_blocked", image, body.reason)
    return await _shown(session, image)


@router.get("/rollouts")
async def list_rollouts(
    session: Transaction, actor: Viewer, council: Council = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[RolloutOut]:
    """List rollouts, newest first: those of your councils and those of all councils."""
    before = decode_cursor(cursor, UUID)
    rows = await RolloutRepository(session).page(
        actor.councils, before[0] if before else None, limit + 1, council_id=council
    )
    shown = {row.id: await show(session, actor, row) for row in rows[:limit]}
    return page_of(rows, limit, lambda row: shown[row.id], lambda row: (row.id,))


@router.post("/rollouts", status_code=201)
async def make_rollout(body: RolloutIn, session: Transaction, actor: Administrator) -> RolloutOut:
    """Make a rollout in draft: who would be in which wave can be looked at, and nothing is asked before it starts."""
    check_governs(actor, body.council_id, "firmware")
    image = await session.get(FirmwareImage, body.image_id)
    if image is None:
        errors = [{"where": "body.image_id", "what": "there is no such image"}]
        raise InvalidError("There is no such image", errors=errors)
    hubs = await standings_of_model(session, image.model_id, body.council_id)
    if strangers := set(body.first_hubs) - {hub.hub_id for hub in hubs}:
        what = f"no digital hub of this model, or not of this council: {', '.join(sorted(strangers)[:5])}"
        raise InvalidError("Not all of the named hubs are meant", errors=[{"where": "body.first_hubs", "what": what}])
    columns = body.model_dump(exclude={"halt"}) | _columns(body.halt)
    rollout = await RolloutService(session).make(hubs, **columns, made_by=actor.label)
    await _note_rollout(session, actor, "rollout_made", rollout, body.reason)
    return await show(session, actor, rollout)


@router.get("/rollouts/{rollout_id}")
async def get_rollout(rollout_id: UUID, session: Transaction, actor: Viewer) -> RolloutOut:
    """Show a rollout with its waves, and how many hubs are how far in each."""
    return await show(session, actor, await visible(session, actor, rollout_id))


@router.get("/rollouts/{rollout_id}/hubs")
async def list_members(
    rollout_id: UUID,
    session: Transaction,
    actor: Viewer,
    wave: Annotated[int | None, Query(ge=0, le=100)] = None,
    state: MemberState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MemberOut]:
    """List its hubs by id: wave, how far each is, and why."""
    await visible(session, actor, rollout_id)
    after = decode_cursor(cursor, str)
    rows = await RolloutRepository(session).hubs(
        rollout_id, actor.councils, wave=wave, state=state, after=after[0] if after else None, limit=limit + 1
    )
    pending = [row.hub_id for row, _ in rows if row.state == MemberState.PENDING]
    known = await standings(session, pending) if pending else {}
    ways = {hub_id: in_the_way(standing) for hub_id, standing in known.items()}
    names = [name for name in MemberOut.model_fields if name not in {"step", "in_the_way"}]
    return page_of(
        rows,
        limit,
        lambda row: MemberOut(
            step=row[1] if row[0].finished_at is None else None,
            in_the_way=ways.get(row[0].hub_id),
            **{name: getattr(row[0], name) for name in names},
        ),
        lambda row: (row[0].hub_id,),
    )


@router.get("/rollouts/{rollout_id}/preview")
async def preview(rollout_id: UUID, session: Transaction, actor: Viewer) -> PreviewOut:
    """Say what it would do now: how many hubs each wave has, what is in the way of how many, who is skipped and why."""
    rollout = await visible(session, actor, rollout_id)
    image = await ImageRepository(session).require(rollout.image_id)
    rollouts = RolloutRepository(session)
    waves: Counter[int] = Counter()
    ways: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    standing = {hub.hub_id: hub for hub in await standings_of_model(session, image.model_id, rollout.council_id)}
    for member in await rollouts.placed(rollout_id, actor.councils):
        hub = standing.get(member.hub_id)
        if member.state == MemberState.SKIPPED:
            skipped[member.why or "not told"] += 1
        elif hub is not None and member.wave is not None:
            waves[member.wave] += 1
            if member.state == MemberState.PENDING and (
                why := not_for(hub, image.version, rollout.from_versions, first=member.wave == 0) or in_the_way(hub)
            ):
                ways[why] += 1
    return PreviewOut(
        waves=[waves[n] for n in range(rollout.plan.waves)],
        in_the_way=dict(ways.most_common()),
        skipped=dict(skipped.most_common()),
    )


@router.get("/rollouts/{rollout_id}/log")
async def get_log(rollout_id: UUID, session: Transaction, actor: Viewer) -> Page[LineOut]:
    """Return the last 200 lines of what happened, the newest first."""
    await visible(session, actor, rollout_id)
    lines = await lines_of(session, actor, rollout_id, LINES)
    return Page(items=lines, next=None)


@router.post("/rollouts/{rollout_id}/start")
async def start_rollout(rollout_id: UUID, session: Transaction, actor: Administrator) -> RolloutOut:
    """Start it. Its hubs are those that the model has now."""
    rollout = await _governed(session, actor, rollout_id)
    image = await ImageRepository(session).require(rollout.image_id)
    hubs = await standings_of_model(session, image.model_id, rollout.council_id)
    started = await RolloutService(session).start(rollout_id, hubs, actor.label)
    await _note_rollout(session, actor, "rollout_started", started)
    return await show(session, actor, started)


@router.post("/rollouts/{rollout_id}/pause")
async def pause_rollout(rollout_id: UUID, body: ReasonIn, session: Transaction, actor: Administrator) -> RolloutOut:
    """Ask nobody any more. Hubs that are on their way go on; what no hub has been sent yet is taken back."""
    await _governed(session, actor, rollout_id)
    paused = await RolloutService(session).pause(rollout_id, actor.label, body.reason)
    await _note_rollout(session, actor, "rollout_paused", paused, body.reason)
    return await show(session, actor, paused)


@router.post("/rollouts/{rollout_id}/resume")
async def resume_rollout(rollout_id: UUID, body: ReasonIn, session: Transaction, actor: Administrator) -> RolloutOut:
    """Let it go on after a pause or a halt. After a halt the rule counts from here."""
    await _governed(session, actor, rollout_id)
    resumed = await RolloutService(session).resume(rollout_id, actor.label, body.reason)
    await _note_rollout(session, actor, "rollout_resumed", resumed, body.reason)
    return await show(session, actor, resumed)


@router.post("/rollouts/{rollout_id}/cancel")
async def cancel_rollout(rollout_id: UUID, body: ReasonIn, session: Transaction, actor: Administrator) -> RolloutOut:
    """End it for good. Whoever has not been asked is not asked by it any more."""
    await _governed(session, actor, rollout_id)
    cancelled = await RolloutService(session).cancel(rollout_id, actor.label, body.reason)
    await _note_rollout(session, actor, "rollout_cancelled", cancelled, body.reason)
    return await show(session, actor, cancelled)


async def visible(session: AsyncSession, actor: Actor, rollout_id: UUID) -> FirmwareRollout:
    """Return a rollout of the actor's councils or of all, or raise NotFoundError."""
    rollout = await RolloutRepository(session).get(rollout_id)
    if rollout is None or not actor.sees(rollout.council_id):
        raise NotFoundError(f"There is no rollout {rollout_id}")
    return rollout


async def show(session: AsyncSession, actor: Actor, rollout: FirmwareRollout) -> RolloutOut:
    """Return a rollout with its image and its waves; hubs are counted of the councils that the actor sees."""
    rollouts = RolloutRepository(session)
    image = await ImageRepository(session).require(rollout.image_id)
    counts = await rollouts.counts(rollout.id, actor.councils)
    return show_rollout(rollout, await _shown(session, image), await rollouts.waves(rollout.id), counts)


async def lines_of(session: AsyncSession, actor: Actor, rollout_id: UUID, limit: int) -> list[LineOut]:
    """Return what happened; lines that name a hub of another council are left out."""
    lines = await RolloutRepository(session).lines(rollout_id, actor.councils, limit)
    return [LineOut.model_validate(line) for line in lines]


def _check_shared(actor: Actor) -> None:
    if actor.councils:
        raise ForbiddenError("All councils share images: an administrator of all of them decides on one")


async def _governed(session: AsyncSession, actor: Actor, rollout_id: UUID) -> FirmwareRollout:
    rollout = await visible(session, actor, rollout_id)
    check_governs(actor, rollout.council_id, "firmware")
    return rollout


async def _shown(session: AsyncSession, image: FirmwareImage) -> ImageOut:
    return show_image(image, await ImageRepository(session).model_name(image.model_id))


async def _note(
    session: AsyncSession, actor: Actor, action: str, image: FirmwareImage, reason: str | None = None
) -> None:
    details = {"model_id": str(image.model_id), "version": image.version, "sha256": image.sha256}
    await AuditRepository(session).add(actor, action, "firmware_image", image.id, reason=reason, details=details)


async def _note_rollout(
    session: AsyncSession, actor: Actor, action: str, rollout: FirmwareRollout, reason: str | None = None
) -> None:
    await AuditRepository(session).add(
        actor, action, "firmware_rollout", rollout.id, rollout.council_id, reason=reason,
        details={"image_id": str(rollout.image_id)},
    )  # fmt: skip


def _columns(halt: HaltIn) -> dict[str, int]:
    return {
        "halt_failures": halt.failures,
        "halt_failed_pct": halt.failed_pct,
        "halt_silent": halt.silent,
        "back_within_s": halt.back_within_s,
        "offline_margin_pct": halt.offline_margin_pct,
    }
