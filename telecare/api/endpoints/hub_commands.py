"""Commands to a hub: asked for here, published by the ingest, answered by the hub."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.commands.domain import CommandName
from devices.commands.repository import CommandRepository
from devices.commands.schemas import CommandIn, CommandOut, show_command
from devices.commands.service import CommandService
from devices.presence.domain import Presence
from devices.registry.repository import HubRepository
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.hubs import HubId, Viewer
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.errors import ForbiddenError

router = api_router("/hubs/{hub_id}/commands", "hubs")

HARMLESS = frozenset({CommandName.TEST, CommandName.PING})
"""What an operator may ask too: whether the hub still reaches us, in the middle of an alarm."""


@router.get("")
async def list_commands(
    hub_id: HubId, session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None
) -> Page[CommandOut]:
    """List the commands to a hub, newest first."""
    presence = Presence((await HubRepository(session, actor.councils).require(hub_id))["presence"])
    before = decode_cursor(cursor, datetime, UUID)
    rows = await CommandRepository(session).page(hub_id, before, limit + 1)
    return page_of(rows, limit, lambda row: show_command(row, presence), lambda row: (row.created_at, row.id))


@router.post("", status_code=201)
async def send_command(hub_id: HubId, body: CommandIn, session: Transaction, actor: Viewer) -> CommandOut:
    """Ask a hub for something. It gets the command at least once, and answers by its id.

    `test` (a test call) and `ping` are for operators too, the others for who may change the fleet. A hub that is
    offline gets the command when it connects again, from its session at the broker: see `note`.
    """
    return await ask(session, actor, hub_id, body)


async def ask(session: AsyncSession, actor: Actor, hub_id: str, asked: CommandIn) -> CommandOut:
    """Queue a command in the name of somebody, with its line in the audit."""
    if not may_ask(actor, asked.command):
        raise ForbiddenError(f"{asked.command} needs the permission {Permission.EDIT_FLEET}; your role is {actor.role}")
    hub = await HubRepository(session, actor.councils).require(hub_id)
    args = asked.args.model_dump(exclude_none=True) if asked.args else None
    command = await CommandService(session).request(
        hub, asked.command, args, requested_by=actor.label, expires_in=timedelta(seconds=asked.expires_in_s)
    )
    details = {"command_id": str(command.id), "command": asked.command, "args": args}
    await AuditRepository(session).add(actor, "command_sent", "hub", hub_id, command.council_id, details=details)
    return show_command(command, Presence(hub["presence"]))


def may_ask(actor: Actor, command: CommandName) -> bool:
    """Say whether somebody may ask this of a hub."""
    return actor.may(Permission.EDIT_FLEET) or (command in HARMLESS and actor.may(Permission.HANDLE_ALARMS))
