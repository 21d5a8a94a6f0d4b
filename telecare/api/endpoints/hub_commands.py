"""Commands to a hub: asked for here, published by the ingest, answered by the hub."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.domain import CommandName
from devices.commands.repository import CommandRepository
from devices.commands.schemas import CommandIn, CommandOut, show_command
from devices.commands.service import CommandService
from devices.firmware.domain import in_the_way, not_for
from devices.firmware.repository import ImageRepository, ask_alone
from devices.presence.domain import Presence
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.hubs import HubId, Viewer
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.firmware.standings import standings
from telecare.firmware.waves import update_args
from telecare.kernel.errors import ForbiddenError, RefusedError

router = api_router("/hubs/{hub_id}/commands", "hubs")

NEEDS = {CommandName.UPDATE_FIRMWARE: Permission.ADMINISTER}
HARMLESS = frozenset({CommandName.TEST, CommandName.PING})
"""What an operator may ask too: whether the hub still reaches us, in the middle of an alarm."""


@router.get("")
async def list_commands(
    hub_id: HubId, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[CommandOut]:
    """List the commands to a hub, newest first."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    presence, firmware = Presence(hub["presence"]), hub["firmware"]
    before = decode_cursor(cursor, datetime, UUID)
    rows = await CommandRepository(session).page(hub_id, before, limit + 1)
    return page_of(rows, limit, lambda row: show_command(row, presence, firmware), lambda row: (row.created_at, row.id))


@router.post("", status_code=201)
async def send_command(hub_id: HubId, body: CommandIn, session: Transaction, actor: Viewer) -> CommandOut:
    """Ask a hub for something. It gets the command at least once, and answers by its id.

    `test` (a test call) and `ping` are for operators too, `update_firmware` is for administrators, the others for who
    may change the fleet. An update is refused while a life-safety alarm of this home is open, on battery, while the hub
    is not online, away by plan or in planned work, and while another hub of the home updates. Any other hub that is
    offline gets the command when it connects again, from its session at the broker: see `note`.
    """
    return await ask(session, actor, hub_id, body)


async def ask(session: AsyncSession, actor: Actor, hub_id: str, asked: CommandIn) -> CommandOut:
    """Queue a command in the name of somebody, with its line in the audit."""
    if not may_ask(actor, asked.command):
        needed = NEEDS.get(asked.command, Permission.EDIT_FLEET)
        raise ForbiddenError(f"{asked.command} needs the permission {needed}; your role is {actor.role}")
    hub = await HubRepository(session, actor.councils).require(hub_id)
    args: Mapping[str, Any] | None = asked.args.model_dump(exclude_none=True) if asked.args else None
    if asked.command is CommandName.UPDATE_FIRMWARE and args is not None:
        args = await _update(session, hub, args["version"])
    command = await CommandService(session).request(
        hub, asked.command, args, requested_by=actor.label, expires_in=asked.expires_in
    )
    details = {"command_id": str(command.id), "command": asked.command, "args": args}
    await AuditRepository(session).add(actor, "command_sent", "hub", hub_id, command.council_id, details=details)
    return show_command(command, Presence(hub["presence"]), hub["firmware"])


async def _update(session: AsyncSession, hub: RowMapping, version: str) -> dict[str, Any]:
    """Return what the hub must know of a released image; RefusedError says what is in the way of updating now."""
    released = {image.version: image for image in await ImageRepository(session).released(hub["model_id"])}
    if version not in released:
        known = ", ".join(released) or "none"
        raise RefusedError(f"No image {version} is released for {hub['model']}; there are: {known}")
    await ask_alone(session)
    standing = (await standings(session, [hub["hub_id"]]))[hub["hub_id"]]
    if why := not_for(standing, version) or in_the_way(standing):
        raise RefusedError(f"It cannot update now. {why}")
    return update_args(released[version])


def may_ask(actor: Actor, command: CommandName) -> bool:
    """Say whether somebody may ask this of a hub."""
    return actor.may(NEEDS.get(command, Permission.EDIT_FLEET)) or (
        command in HARMLESS and actor.may(Permission.HANDLE_ALARMS)
    )
