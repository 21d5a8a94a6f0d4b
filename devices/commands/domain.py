"""What may be asked of a hub, and how far that has come. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devices.presence.domain import Presence
from devices.registry.domain import Connection, HubStatus

HUB_DID_IT = "done"
"""The one status in a hub's result that means success; every other word is a failure, shown as the hub said it."""

EXPIRY = timedelta(minutes=10)
UPDATE_EXPIRY = timedelta(hours=2)
"""A firmware comes over a slow radio, and the hub starts anew before it can say that it has it."""


class CommandName(StrEnum):
    """What a hub can be asked for."""

    TEST = "test"
    PING = "ping"
    HEARTBEAT = "heartbeat"
    SET_INTERVAL = "set_interval"
    REBOOT = "reboot"
    UPDATE_FIRMWARE = "update_firmware"


class CommandState(StrEnum):
    """How far a command has come: `sent` once the broker has it, `done` or `failed` by the hub's own answer."""

    QUEUED = "queued"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class UpdateStep(StrEnum):
    """What a hub says on its way to another firmware, in this order; none of them is an end."""

    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    VERIFIED = "verified"
    UPDATING = "updating"


STEPS = tuple(UpdateStep)

OPEN = frozenset({CommandState.QUEUED, CommandState.SENT})


@dataclass(frozen=True)
class Progress:
    """How far a command has come. `result` is the hub's first answer, as kept; `step` only an update has."""

    state: CommandState = CommandState.QUEUED
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    step: UpdateStep | None = None
    step_at: datetime | None = None


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


def stepped(progress: Progress, step: UpdateStep, now: datetime) -> Progress:
    """Note how far an update has come by the hub's word. It only goes on: an older word that comes late is nothing."""
    if progress.state not in OPEN or (progress.step is not None and STEPS.index(step) <= STEPS.index(progress.step)):
        return progress
    return replace(progress, state=CommandState.SENT, sent_at=progress.sent_at or now, step=step, step_at=now)


def proven(progress: Progress, version: str, now: datetime) -> Progress:
    """End an update by what proves it, a heartbeat of the new firmware; the hub's own answer may have been lost."""
    return answered(progress, {"status": HUB_DID_IT, "reason": f"its heartbeat tells {version}", "at": None}, now)


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


def explained(progress: Progress, presence: Presence, wanted: str | None = None, firmware: str | None = None) -> str:
    """Say in words how a command stands, and what that means with the hub as it is now.

    `wanted` is the firmware that an update is to, `firmware` what the hub's heartbeats tell.
    """
    words = _awaited(progress, presence) if progress.state in OPEN else _ended(progress)
    if wanted is None or progress.sent_at is None:
        return words
    if firmware == wanted:
        return f"{words}; its heartbeat tells {wanted}"
    return f"{words}; its heartbeat does not tell {wanted} yet" if progress.state is CommandState.DONE else words


STEP_WORDS = {
    UpdateStep.DOWNLOADING: "It loads the firmware",
    UpdateStep.DOWNLOADED: "It has loaded the firmware and looks whether it is genuine",
    UpdateStep.VERIFIED: "The firmware is genuine; it will start anew with it",
    UpdateStep.UPDATING: "It starts anew with the firmware, and hears no alarm button meanwhile",
}


def _awaited(progress: Progress, presence: Presence) -> str:
    if presence is Presence.NEVER_SEEN:
        return "This hub has never been heard: one that was never connected gets nothing. Ask again once it is online"
    if presence in {Presence.OFFLINE, Presence.LOST, Presence.DORMANT}:
        return "The hub is offline: the command waits in its session at the broker until it connects again"
    if progress.state is CommandState.QUEUED:
        return "On its way to the broker"
    if progress.step is not None:
        return STEP_WORDS[progress.step]
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
    if progress.step is not None:
        return f"No end in time. Its last word: {STEP_WORDS[progress.step].lower()}"
    return "No answer in time; a hub that was away may still do it when it connects again"


def _words_of(result: Mapping[str, Any] | None) -> str:
    said = result or {}
    return f"“{said.get('status')}”" + (f", {said['reason']}" if said.get("reason") else "")
