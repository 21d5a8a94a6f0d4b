"""Payloads of the MQTT contract, read with a forgiving eye.

An alarm is never lost to a bad optional field: what can be read is used, what cannot is said in `problems`. Only a
message whose `event_id` or `type` cannot be found is unreadable, and that reaches a human too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from telecare.kernel.pure.jsonsafe import clean, clean_text
from telecare.wire.codes import HEARTBEAT, ROOMS, type_of

MAX_PAYLOAD = 64 * 1024
MAX_ID = 64
MAX_TEXT = 500
MAX_INTEGER = 2**63 - 1
MAX_DBM = 0
MIN_DBM = -200
ACK_STATUSES = ("accepted", "duplicate", "test", "unreadable", "retry")


class _UnreadableError(ValueError):
    """The payload is not a JSON object; the text says why, for an operator."""


@dataclass(frozen=True)
class Message:
    """One alarm or event message as read. `unreadable` says why it could not be, and is None when it could.

    `at` is the hub's own clock (UTC). `problems` names each field that was left out because it made no sense.
    """

    event_id: str | None = None
    type: str | None = None
    at: datetime | None = None
    seq: int | None = None
    boot_id: str | None = None
    device_id: str | None = None
    device_kind: str | None = None
    room: str | None = None
    path: str | None = None
    attempt: int | None = None
    test: bool = False
    text: str | None = None
    voice_uri: str | None = None
    council: str | None = None
    problems: tuple[str, ...] = ()
    unreadable: str | None = None

    @property
    def dedup_key(self) -> str | None:
        """Return what makes two messages of one hub the same, or None when they cannot be told apart.

        `event_id` alone would do by the contract; boot, type and device are in it because a hub that counts anew after
        a reboot must not have a real press taken for an old one.
        """
        if self.event_id is None or self.unreadable is not None:
            return None
        return json.dumps([self.event_id, self.boot_id, self.type, self.device_id], ensure_ascii=False)


@dataclass(frozen=True)
class Heartbeat:
    """One heartbeat as read; every field may be missing. `interval_s` in seconds, `signal_dbm` in dBm."""

    seq: int | None = None
    boot_id: str | None = None
    at: datetime | None = None
    battery_pct: int | None = None
    mains: bool | None = None
    signal_dbm: int | None = None
    path: str | None = None
    firmware: str | None = None
    interval_s: int | None = None
    peripherals: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = field(default=())


def load_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`, its texts safe to store; ValueError in an operator's words when it is none."""
    try:
        value = _load(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _UnreadableError("it is not text in UTF-8") from error
    except RecursionError as error:
        raise _UnreadableError("it is nested too deeply") from error
    except ValueError as error:
        raise _UnreadableError("it is not JSON" if raw else "it is empty") from error
    if not isinstance(value, dict):
        raise _UnreadableError("it is not a JSON object")
    try:
        cleaned: dict[str, Any] = clean(value)
    except RecursionError as error:
        raise _UnreadableError("it is nested too deeply") from error
    return cleaned


def read_message(raw: bytes) -> Message:
    """Read a payload of the alarm or event lane; never raises."""
    try:
        fields = _Fields(load_object(raw))
    except ValueError as error:
        return Message(unreadable=str(error))
    codes = fields.codes()
    device = fields.part("device")
    message = Message(
        event_id=fields.identifier("event_id"),
        type=fields.identifier("type") or type_of(codes),
        at=fields.time("at"),
        seq=fields.integer("seq", 0, MAX_INTEGER),
        boot_id=fields.identifier("boot_id"),
        device_id=device.identifier("id"),
        device_kind=device.identifier("kind"),
        room=device.words("room") or ROOMS.get(int(codes.get("lco", -1))),
        path=fields.identifier("path"),
        attempt=fields.integer("attempt", 0, MAX_INTEGER),
        test=fields.flag("test") or False,
        text=fields.words("text"),
        voice_uri=fields.part("voice").words("uri"),
        council=fields.identifier("council_id"),
        problems=tuple(fields.problems),
    )
    if message.type == HEARTBEAT:  # a sign of life needs no id, whatever topic it comes by
        return message
    missing = [name for name in ("event_id", "type") if getattr(message, name) is None]
    if missing:
        said = f"; its type says “{message.type}”" if message.type else ""
        return Message(
            **{**message.__dict__, "unreadable": f"{' and '.join(missing)} missing or not a short text{said}"},
        )
    return message


def read_heartbeat(raw: bytes) -> Heartbeat | None:
    """Read a heartbeat; None when it is not a JSON object. A bare heartbeat (`{}`) is a good one."""
    try:
        fields = _Fields(load_object(raw))
    except ValueError:
        return None
    listed = fields.peripherals()
    return Heartbeat(
        seq=fields.integer("seq", 0, MAX_INTEGER),
        boot_id=fields.identifier("boot_id"),
        at=fields.time("at"),
        battery_pct=fields.integer("battery_pct", 0, 100),
        mains=fields.flag("mains"),
        signal_dbm=fields.integer("signal_dbm", MIN_DBM, MAX_DBM),
        path=fields.identifier("path"),
        firmware=fields.identifier("firmware"),
        interval_s=fields.integer("interval_s", 1, 7 * 86400),
        peripherals=listed,
        problems=tuple(fields.problems),
    )


def ack_payload(
    *, event_id: str | None, status: str, alarm_id: str | None, at: datetime, reason: str | None = None
) -> bytes:
    """Return the application ack as sent to a hub, after the commit only."""
    body: dict[str, Any] = {"event_id": event_id, "status": status, "at": at.astimezone(UTC).isoformat()}
    if alarm_id is not None:
        body["alarm_id"] = alarm_id
    if reason is not None:
        body["reason"] = reason
    return json.dumps(body).encode()


def _load(text: str) -> Any:
    """Read JSON; a number that no field can hold (NaN, infinite, thousands of digits) is a float: fields refuse it."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than Python turns into an integer
        return json.loads(text, parse_int=float)


class _Fields:
    """Reads single fields of an object and notes each one that makes no sense."""

    def __init__(self, values: Mapping[str, Any], problems: list[str] | None = None, prefix: str = "") -> None:
        self.values = values
        self.problems = [] if problems is None else problems
        self.prefix = prefix

    def part(self, name: str) -> "_Fields":
        """Return the object inside a field, an empty one when there is none."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            self._strange(name)
        return _Fields(value if isinstance(value, dict) else {}, self.problems, f"{self.prefix}{name}.")

    def identifier(self, name: str) -> str | None:
        """Return a short text; a number is taken as one, longer text is not."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER:
            value = str(value)
        if isinstance(value, str) and 0 < len(value.strip()) <= MAX_ID:
            return value.strip()
        self._strange(name)
        return None

    def words(self, name: str) -> str | None:
        """Return a text for people, cut to a length that fits a screen."""
        value = self.values.get(name)
        if isinstance(value, str):
            return clean_text(value).strip()[:MAX_TEXT] or None
        self._strange(name)
        return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number within limits."""
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._strange(name)
        return None

    def flag(self, name: str) -> bool | None:
        """Return a truth value."""
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        self._strange(name)
        return None

    def time(self, name: str) -> datetime | None:
        """Return an RFC 3339 time with offset, in UTC."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
                if moment.tzinfo is not None:
                    return moment.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        self._strange(name)
        return None

    def codes(self) -> dict[str, Any]:
        """Return the codes as integers (`mty` as text), whatever width they were written in."""
        raw = self.part("codes").values
        codes: dict[str, Any] = {}
        for name in ("dty", "stc", "dco", "lco"):
            value = raw.get(name)
            digits = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
            if digits.isascii() and digits.isdigit() and len(digits) <= 4:  # noqa: PLR2004 - SCAIP's widest code
                codes[name] = int(digits)
            elif value is not None:
                self.problems.append(f"codes.{name} makes no sense")
        if isinstance(raw.get("mty"), str):
            codes["mty"] = raw["mty"].strip().upper()
        return codes

    def peripherals(self) -> dict[str, Any] | None:
        """Return what a heartbeat lists as paired, by device id; None when it lists nothing."""
        value = self.values.get("peripherals")
        if not isinstance(value, list):
            self._strange("peripherals")
            return None
        listed: dict[str, Any] = {}
        for item in value[:200]:
            part = _Fields(item if isinstance(item, dict) else {}, self.problems, "peripherals.")
            device_id = part.identifier("id")
            if device_id is None:
                self.problems.append("a peripheral without an id")
                continue
            seen = part.time("last_seen")
            listed[device_id] = {
                "kind": part.identifier("kind"),
                "battery_pct": part.integer("battery_pct", 0, 100),
                "last_seen": seen.isoformat() if seen else None,
            }
        return listed

    def _strange(self, name: str) -> None:
        if self.values.get(name) is not None:
            self.problems.append(f"{self.prefix}{name} makes no sense")
