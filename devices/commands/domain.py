"""What may be asked of a hub, and how far that has come. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus

HUB_DID_IT = "done"
"""The one status in a hub's result that means success; every other word is a failure, shown as the hub said it."""


class CommandName(StrEnum):
    """What a hub can be asked for."""

    TEST = "test"
    PING = "ping"
    HEARTBEAT = "heartbeat"
    SET_INTERVAL = "set_interval"
    REBOOT = "reboot"


class CommandState(StrEnum):
    """How far a command has come: `sent` once the broker has it, `done` or `failed` by the hub's own answer."""

    QUEUED = "queued"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN = frozenset({CommandState.QUEUED, CommandState.SENT})


@dataclass(frozen=True)
class Progress:
    """How far a command has come. `result` is the hub's first answer, as kept."""

    state: CommandState = CommandState.QUEUED
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None


def published(progress: Progress, now: datetime) -> Progress:
    """Note that the broker has the command. Its answer may have been quicker, its expiry too: those stand."""
    state = CommandState.SENT if progress.state is CommandState.QUEUED else progress.state
    return replace(progress, state=state, sent_at=progress.sent_at or now)


def answered(progress: Progress, result: Mapping[str, Any], now: datetime) -> Progress:
    """Take the hub's answer. Only the first counts; one that comes after the expiry is kept and changes no state."""
    if progress.result is not None:
        return progress
    progress = replace(progress, result=result, sent_at=progress.sent_at or now)
    if progress.state not in OPEN:
        return progress
    state = CommandState.DONE if result["status"] == HUB_DID_IT else CommandState.FAILED
    return replace(progress, state=state, finished_at=now)


def ran_out(progress: Progress, expires_at: datetime, now: datetime) -> Progress:
    """Give up a command that has had no answer in its time."""
    if progress.state not in OPEN or now < expires_at:
        return progress
    return replace(progress, state=CommandState.EXPIRED, finished_at=now)


def out_of_reach(status: HubStatus, connection: Connection, presence: Presence) -> str | None:
    """Say why no command can reach this hub and what to do about it; None when one can."""
    if status is HubStatus.RETIRED:
        return "This hub is retired: put it back into stock first, if it is in use again"
    if connection is Connection.ANALOGUE:
        return (
            "This hub speaks over an analogue line and hears no commands: ring it, send somebody, "
            "or change its connection when it has become digital"
        )
    if connection is Connection.DIGITAL_READY and presence is Presence.NEVER_SEEN:
        return (
            "This hub is digital-ready and still speaks over its analogue line: nothing has come from it over MQTT. "
            "Connect it first; with its first heartbeat it can be asked"
        )
    return None


def explained(progress: Progress, presence: Presence) -> str:
    """Say in words how a command stands, and what that means with the hub as it is now."""
    return _awaited(progress, presence) if progress.state in OPEN else _ended(progress)


def _awaited(progress: Progress, presence: Presence) -> str:
    if presence is Presence.NEVER_SEEN:
        return "This hub has never been heard: one that was never connected gets nothing. Ask again once it is online"
    if presence in {Presence.OFFLINE, Presence.LOST, Presence.DORMANT}:
        return "The hub is offline: the command waits in its session at the broker until it connects again"
    if progress.state is CommandState.QUEUED:
        return "On its way to the broker"
    return "The broker has it; the hub has not answered yet"


def _ended(progress: Progress) -> str:
    if progress.state is CommandState.DONE:
        return "The hub has done it"
    if progress.state is CommandState.FAILED:
        return f"The hub did not do it: {_words_of(progress.result)}"
    if progress.result is not None:
        return f"The hub answered too late: {_words_of(progress.result)}"
    if progress.sent_at is None:
        return "It did not reach the broker in time, as far as we know: look whether the broker runs, then ask again"
    return "No answer in time; a hub that was away may still do it when it connects again"


def _words_of(result: Mapping[str, Any] | None) -> str:
    said = result or {}
    return f"“{said.get('status')}”" + (f", {said['reason']}" if said.get("reason") else "")
