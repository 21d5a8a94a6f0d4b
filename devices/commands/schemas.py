"""Commands to hubs as programs ask for them and see them (contract 4.2)."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from devices.commands.domain import EXPIRY, UPDATE_EXPIRY, CommandName, CommandState, UpdateStep, explained
from devices.commands.models import HubCommand
from devices.commands.service import progress_of
from devices.presence.domain import Presence
from devices.registry.fields import Input, Output, Seconds, Version


class CommandArgs(Input):
    """What a command needs to know: `set_interval` its interval, `update_firmware` its version."""

    interval_s: Annotated[
        Seconds | None,
        Field(
            description="seconds from heartbeat to heartbeat; with more than the register's `heartbeat_interval_s` the "
            "hub looks late until that is changed too"
        ),
    ] = None
    version: Annotated[
        Version | None, Field(description="of a released image for the hub's model; the service adds where it lies")
    ] = None


NEEDED = {CommandName.SET_INTERVAL: "interval_s", CommandName.UPDATE_FIRMWARE: "version"}


class CommandIn(Input):
    """A command to a hub. Without an answer within `expires_in_s` seconds it is `expired`.

    Left out these are 600, for `update_firmware` 7,200. That needs its version only: the service adds the rest.
    """

    command: CommandName
    args: Annotated[CommandArgs | None, Field(validate_default=True)] = None
    expires_in_s: Annotated[int | None, Field(ge=5, le=24 * 3600)] = None

    @property
    def expires_in(self) -> timedelta:
        """How long the hub has for its answer."""
        if self.expires_in_s is not None:
            return timedelta(seconds=self.expires_in_s)
        return UPDATE_EXPIRY if self.command is CommandName.UPDATE_FIRMWARE else EXPIRY

    @field_validator("args")
    @classmethod
    def _check_args(cls, args: CommandArgs | None, info: ValidationInfo) -> CommandArgs | None:
        command = info.data.get("command")
        given = set(args.model_dump(exclude_none=True)) if args is not None else set()
        needed = {NEEDED[command]} if command in NEEDED else set()
        if command is CommandName.SET_INTERVAL and not given:
            raise ValueError('set_interval needs {"interval_s": seconds}')
        if command is CommandName.UPDATE_FIRMWARE and not given:
            raise ValueError('update_firmware needs {"version": the version of a released image}')
        if command is not None and (wrong := sorted(given - needed)):
            raise ValueError(f"{command} takes no {wrong[0]}: leave {'it' if needed else 'args'} out")
        return args


class CommandOut(Output):
    """A command and what became of it.

    `sent` means that the broker has it, not the hub; `done` and `failed` are the hub's own answer, kept in `result`
    (an answer after the expiry is kept too). `step` is how far a firmware update has come by the hub's word; only a
    heartbeat that tells the firmware proves it. `note` says in words how it stands with the hub as it is now.
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
    step: UpdateStep | None
    step_at: datetime | None
    note: str


def show_command(command: HubCommand, presence: Presence, firmware: str | None = None) -> CommandOut:
    """Return a command as programs see it, in the light of its hub's presence and of the firmware that it tells."""
    columns = {name: getattr(command, name) for name in CommandOut.model_fields if name != "note"}
    wanted = (command.args or {}).get("version") if command.command == CommandName.UPDATE_FIRMWARE else None
    return CommandOut(**columns, note=explained(progress_of(command), presence, wanted, firmware))
