"""Commands on the wire: what we ask on `command`, and what a hub answers on `result`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from telecare.wire.payloads import MAX_ID, MAX_TEXT, load_object


@dataclass(frozen=True)
class CommandResult:
    """A hub's answer: `done`, or a word of its own for what went wrong. `at` is the hub's clock, kept as told."""

    command_id: UUID
    status: str
    reason: str | None
    at: str | None


def command_payload(command_id: UUID, command: str, args: Mapping[str, Any] | None) -> bytes:
    """Return a command as sent to a hub. It may come twice: a hub knows it again by its `command_id`."""
    body: dict[str, Any] = {"command_id": str(command_id), "command": command}
    if args:
        body["args"] = dict(args)
    return json.dumps(body).encode()


def read_result(raw: bytes) -> CommandResult | None:
    """Read a hub's answer; None when it does not say to what, or not how it went. Never raises."""
    try:
        values = load_object(raw)
        command_id = UUID(_text(values, "command_id", MAX_ID) or "")
    except ValueError:
        return None
    status = _text(values, "status", MAX_ID)
    if status is None:
        return None
    return CommandResult(command_id, status, _text(values, "reason", MAX_TEXT), _text(values, "at", MAX_ID))


def _text(values: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = values.get(name)
    return value.strip()[:longest] or None if isinstance(value, str) else None
