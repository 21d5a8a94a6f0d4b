"""`telecare firmware`: which firmware the fleet has, and rollouts looked at and stopped from a shell."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from devices.firmware.models import FirmwareRollout
from devices.firmware.repository import ImageRepository, RolloutRepository
from devices.firmware.schemas import LineOut, RolloutOut, VersionOut, show_image, show_rollout
from devices.firmware.service import RolloutService
from devices.registry.fields import Output
from telecare.access.repository import AuditRepository
from telecare.cli.common import in_transaction, run_command, say
from telecare.console.firmware_view import in_words, wave_name, wave_state
from telecare.firmware.standings import standings_of_model
from telecare.kernel.errors import InvalidError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Firmware of hubs, and rollouts of it.")

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
BY = "system"
LISTED, LINES = 100, 20


class Do(StrEnum):
    """What may be done with a rollout."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


class Listed(Output):
    """What `list` prints as JSON."""

    versions: list[VersionOut]
    rollouts: list[RolloutOut]


class Shown(Output):
    """What `rollout` prints as JSON."""

    rollout: RolloutOut
    log: list[LineOut]


@app.command("list")
def list_firmware(as_json: AsJson = False) -> None:
    """Say which firmware the fleet has, by model, and how the newest rollouts stand; code 1 when one has halted.

    Example: telecare firmware list
    """

    async def work(session: AsyncSession) -> Listed:
        rollouts = RolloutRepository(session)
        rows = await rollouts.page((), None, LISTED)
        versions = [VersionOut.model_validate(each) for each in await rollouts.versions(())]
        return Listed(versions=versions, rollouts=[await _show(session, row) for row in rows])

    def run() -> int:
        found = in_transaction(work)
        if as_json:
            say(found.model_dump_json())
        else:
            for each in found.versions:
                say(f"{each.model}  {each.version or 'has told none'}: {each.hubs} hubs, {each.online} online")
            for rollout in found.rollouts:
                say(_line(rollout))
        return 1 if any(rollout.state == "halted" for rollout in found.rollouts) else 0

    run_command(run)


@app.command("rollout")
def rollout(
    rollout_id: UUID,
    do: Annotated[Do | None, typer.Option(help="start, pause, resume or cancel it; without, it is only shown")] = None,
    reason: Annotated[str | None, typer.Option(help="why; needed for all but start")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a rollout with its waves and what happened last, or start, pause, resume or cancel it.

    Example: telecare firmware rollout 01a2138c-4a9c-73cd-8629-b1b438684e18 --do pause --reason "calls about it"
    """

    async def work(session: AsyncSession) -> Shown:
        rollouts = RolloutRepository(session)
        if await rollouts.get(rollout_id) is None:
            raise NotFoundError(f"There is no rollout {rollout_id}")
        if do is not None:
            changed = await _do(session, rollout_id, do, reason)
            await AuditRepository(session).add(
                BY, f"rollout_{DONE[do]}", "firmware_rollout", rollout_id, changed.council_id, reason=reason
            )
        row = await rollouts.lock(rollout_id)
        if row is None:
            raise NotFoundError(f"There is no rollout {rollout_id}")
        lines = await rollouts.lines(rollout_id, (), LINES)
        return Shown(rollout=await _show(session, row), log=[LineOut.model_validate(line) for line in lines])

    def run() -> int:
        shown = in_transaction(work)
        if as_json:
            say(shown.model_dump_json())
        else:
            _tell(shown)
        return 1 if shown.rollout.state == "halted" else 0

    run_command(run)


DONE = {Do.START: "started", Do.PAUSE: "paused", Do.RESUME: "resumed", Do.CANCEL: "cancelled"}


async def _do(session: AsyncSession, rollout_id: UUID, do: Do, reason: str | None) -> FirmwareRollout:
    service = RolloutService(session)
    if do is Do.START:
        draft = await service.rollouts.get(rollout_id)
        if draft is None:
            raise NotFoundError(f"There is no rollout {rollout_id}")
        image = await ImageRepository(session).require(draft.image_id)
        hubs = await standings_of_model(session, image.model_id, draft.council_id)
        return await service.start(rollout_id, hubs, BY)
    if reason is None or not reason.strip():
        raise InvalidError("Say why, with --reason")
    if do is Do.PAUSE:
        return await service.pause(rollout_id, BY, reason)
    return await (service.resume if do is Do.RESUME else service.cancel)(rollout_id, BY, reason)


async def _show(session: AsyncSession, row: FirmwareRollout) -> RolloutOut:
    rollouts, images = RolloutRepository(session), ImageRepository(session)
    image = await images.require(row.image_id)
    shown = show_image(image, await images.model_name(image.model_id))
    return show_rollout(row, shown, await rollouts.waves(row.id), await rollouts.counts(row.id, ()))


def _tell(shown: Shown) -> None:
    say(_line(shown.rollout))
    for wave in shown.rollout.waves:
        say(f"  Wave {wave.number + 1}, {wave_name(wave)}, {wave_state(wave).word.lower()}: {in_words(wave.hubs)}")
    for line in shown.log:
        say(f"  {line.at:%Y-%m-%d %H:%M:%S} UTC  {line.what} ({line.actor})")


def _line(rollout: RolloutOut) -> str:
    why = f", {rollout.halted_why}" if rollout.state == "halted" else ""
    return (
        f"{rollout.id}  {rollout.image.model} {rollout.image.version}: {rollout.state}{why}; {in_words(rollout.hubs)}"
    )
