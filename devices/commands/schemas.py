"""Commands to hubs as programs ask for them and see them (contract 4.2)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from devices.commands.domain import CommandName, CommandState, explained
from devices.commands.models import HubCommand
from devices.commands.service import progress_of
from devices.presence.domain import Presence
from devices.registry.fields import Input, Output, Seconds

DEFAULT_EXPIRY_S = 600


class CommandArgs(Input):
    """What a command needs to know; so far only `set_interval` needs anything."""

    interval_s: Annotated[
        Seconds | None,
        Field(
            description="seconds from heartbeat to heartbeat; with more than the register's `heartbeat_interval_s` the "
            "hub looks late until that is changed too"
        ),
    ] = None


class CommandIn(Input):
    """A command to a hub. Without an answer within `expires_in_s` seconds it is `expired`."""

    command: CommandName
    args: Annotated[CommandArgs | None, Field(validate_default=True)] = None
    expires_in_s: Annotated[int, Field(ge=5, le=24 * 3600)] = DEFAULT_EXPIRY_S

    @field_validator("args")
    @classmethod
    def _check_args(cls, args: CommandArgs | None, info: ValidationInfo) -> CommandArgs | None:
        command = info.data.get("command")
        given = args is not None and args.interval_s is not None
        if command is CommandName.SET_INTERVAL and not given:
            raise ValueError('set_interval needs {"interval_s": seconds}')
        if command is not None and command is not CommandName.SET_INTERVAL and given:
            raise ValueError(f"{command} takes no interval_s: leave args out")
        return args


class CommandOut(Output):
    """A command and what became of it.

    `sent` means that the broker has it, not the hub; `done` and `failed` are the hub's own answer, kept in `result`
    (an answer after the expiry is kept too). `note` says in words how it stands with the hub as it is now.
    """

    id: UUID
    hub_id: str
    command: CommandName
    args: dict[str, Any] | None
    state: CommandState
    requested_by: str
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime
    finished_at: datetime | None
    result: dict[str, Any] | None
    note: str


def show_command(command: HubCommand, presence: Presence) -> CommandOut:
    """Return a command as programs see it, in the light of its hub's presence."""
    columns = {name: getattr(command, name) for name in CommandOut.model_fields if name != "note"}
    return CommandOut(**columns, note=explained(progress_of(command), presence))
