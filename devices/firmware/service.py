"""Plans rollouts, starts and stops them. What asks the hubs, and halts, is `telecare/firmware/waves.py`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.repository import CommandRepository
from devices.firmware.domain import (
    NOT_FIRST,
    OVER,
    ImageState,
    MemberState,
    Place,
    RolloutState,
    Standing,
    assign,
    not_for,
)
from devices.firmware.models import FirmwareImage, FirmwareRollout
from devices.firmware.repository import ImageRepository, RolloutRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError, RefusedError

WITHDRAWN = "It was taken back before the broker had it"


class ImageService:
    """Images in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.images = ImageRepository(session)

    async def release(self, image_id: UUID, by: str) -> FirmwareImage:
        """Let an image go to hubs. One that was blocked stays so: make another version."""
        image = await self.images.require(image_id, lock=True)
        if image.state == ImageState.BLOCKED:
            raise RefusedError("A blocked image is never released again: register another version")
        return await self._become(image, ImageState.RELEASED, by, None)

    async def block(self, image_id: UUID, by: str, why: str) -> FirmwareImage:
        """Let no hub be asked to take it any more; rollouts of it halt at their next look."""
        return await self._become(await self.images.require(image_id, lock=True), ImageState.BLOCKED, by, why)

    async def _become(self, image: FirmwareImage, state: ImageState, by: str, why: str | None) -> FirmwareImage:
        image.state, image.state_by, image.state_why = state, by, why
        image.state_at = await database_now(self.session)
        await self.session.flush()
        return image


class RolloutService:
    """Rollouts in the transaction of `session`. Each method locks the rollout before it looks at it."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.rollouts = RolloutRepository(session)
        self.images = ImageRepository(session)

    async def make(self, hubs: Sequence[Standing], **columns: Any) -> FirmwareRollout:
        """Make a draft for these hubs, all of the image's model: who is in which wave can be seen at once."""
        rollout = await self.rollouts.add(**columns)
        image = await self.images.require(rollout.image_id)
        await self.rollouts.put_waves(rollout.id, rollout.plan)
        await self._place(rollout, image, hubs)
        await self.rollouts.log(rollout.id, rollout.made_by, f"Planned: {rollout.reason}")
        return rollout

    async def start(self, rollout_id: UUID, hubs: Sequence[Standing], by: str) -> FirmwareRollout:
        """Start a draft; its hubs are those of the model now."""
        rollout = await self._lock(rollout_id, {RolloutState.DRAFT})
        image = await self._released(rollout)
        await self._place(rollout, image, hubs)
        now = await database_now(self.session)
        rollout.state, rollout.started_at, rollout.counted_from = RolloutState.RUNNING, now, now
        return await self._note(rollout, by, "Started")

    async def pause(self, rollout_id: UUID, by: str, reason: str) -> FirmwareRollout:
        """Ask nobody any more until somebody lets it go on; what was not sent yet is taken back."""
        rollout = await self._lock(rollout_id, {RolloutState.RUNNING})
        rollout.state = RolloutState.PAUSED
        await self.withdraw(rollout)
        return await self._note(rollout, by, f"Paused: {reason}")

    async def resume(self, rollout_id: UUID, by: str, reason: str) -> FirmwareRollout:
        """Let it go on. After a halt the rule counts from here, or it would halt again at once."""
        rollout = await self._lock(rollout_id, {RolloutState.PAUSED, RolloutState.HALTED})
        await self._released(rollout)
        was = rollout.state
        if was == RolloutState.HALTED:
            rollout.counted_from = await database_now(self.session)
        rollout.state = RolloutState.RUNNING
        return await self._note(rollout, by, f"Goes on after it was {was}: {reason}")

    async def cancel(self, rollout_id: UUID, by: str, reason: str) -> FirmwareRollout:
        """End it for good; hubs that are on their way are followed to their end."""
        rollout = await self._lock(rollout_id, set(RolloutState) - OVER)
        now = await database_now(self.session)
        rollout.state, rollout.ended_at = RolloutState.CANCELLED, now
        await self.withdraw(rollout)
        await self.rollouts.skip_pending(rollout.id, "The rollout was cancelled", now)
        return await self._note(rollout, by, f"Cancelled: {reason}")

    async def halt(self, rollout: FirmwareRollout, why: str) -> None:
        """Halt a rollout that the caller has locked."""
        rollout.state, rollout.halted_why = RolloutState.HALTED, why
        await self.withdraw(rollout)
        await self._note(rollout, "system", f"Halted: {why}")

    async def withdraw(self, rollout: FirmwareRollout) -> None:
        """Take back what no publisher has in hand yet: after a halt nothing is asked, also when the broker was away."""
        unsent = await self.rollouts.unsent(rollout.id)
        gone = await CommandRepository(self.session).withdraw(list(unsent))
        now = await database_now(self.session)
        await self.rollouts.skip(rollout.id, {unsent[command_id]: WITHDRAWN for command_id in gone}, now)

    async def _place(self, rollout: FirmwareRollout, image: FirmwareImage, hubs: Sequence[Standing]) -> None:
        """Write who is in which wave, and whom it is not for."""
        now: datetime = await database_now(self.session)
        whys = {hub.hub_id: not_for(hub, image.version, rollout.from_versions) for hub in hubs}
        meant = [hub for hub in hubs if whys[hub.hub_id] is None]
        waves = assign((Place(hub.hub_id, hub.tier, hub.home) for hub in meant), rollout.plan, str(rollout.id))
        rows = []
        for hub in hubs:
            wave, why = waves.get(hub.hub_id), whys[hub.hub_id]
            if why is None and wave is None:
                if not rollout.shares and hub.hub_id not in rollout.first_hubs:
                    continue  # only the hubs that are named are meant
                why = NOT_FIRST
            skipped = {"state": MemberState.SKIPPED, "why": why, "finished_at": now}
            pending = {"state": MemberState.PENDING, "why": None, "finished_at": None}
            known = {"hub_id": hub.hub_id, "council_id": hub.council_id, "wave": wave, "from_version": hub.firmware}
            rows.append(known | (skipped if why else pending))
        await self.rollouts.put_hubs(rollout.id, rows)

    async def _released(self, rollout: FirmwareRollout) -> FirmwareImage:
        image = await self.images.require(rollout.image_id)
        if image.state != ImageState.RELEASED:
            raise RefusedError(f"The image is {image.state}: only one that is released goes to hubs")
        return image

    async def _lock(self, rollout_id: UUID, states: set[RolloutState]) -> FirmwareRollout:
        rollout = await self.rollouts.lock(rollout_id)
        if rollout is None:
            raise NotFoundError(f"There is no rollout {rollout_id}")
        if rollout.state not in states:
            raise RefusedError(f"This rollout is {rollout.state}: that cannot be done with it")
        return rollout

    async def _note(self, rollout: FirmwareRollout, by: str, what: str) -> FirmwareRollout:
        await self.rollouts.log(rollout.id, by, what)
        await self.session.flush()
        return rollout
