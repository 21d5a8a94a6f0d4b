"""Test windows as the API says and takes them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from devices.registry.fields import DeviceId, Input, Output, Reason
from devices.registry.models import Peripheral
from devices.testing.domain import LONGEST, UNIT, USUAL
from devices.testing.models import HubTestWindow


def _minutes(seconds: float) -> int:
    return int(seconds // 60)


class WindowIn(Input):
    """Which triggers are tried out, for how long and why. It begins now and ends by itself."""

    devices: Annotated[
        list[DeviceId] | None,
        Field(
            max_length=100,
            description="ids of triggers as the hub names them; without it all that are registered, and the unit, "
            "but no detector of fire or gas and no kind that is not known: those only when they are named",
        ),
    ] = None
    unit: Annotated[bool, Field(description="with `devices`: the button of the unit too")] = False
    minutes: Annotated[int, Field(ge=1, le=_minutes(LONGEST.total_seconds()))] = _minutes(USUAL.total_seconds())
    reason: Reason


class TriedTriggerOut(Output):
    """A trigger in a window; `tested_at` is when a test of it last arrived in the window, null until then."""

    device_id: Annotated[str, Field(description="empty: the unit itself")]
    kind: str | None
    room: str | None
    tested_at: datetime | None
    event_id: Annotated[UUID | None, Field(description="the message that showed it")]


class WindowOut(Output):
    """A test window over a hub. `ended_at` is set when somebody ended it before its time."""

    id: UUID
    council_id: str
    hub_id: str
    on: bool
    starts_at: datetime
    ends_at: datetime
    reason: str
    opened_by: str
    opened_name: str
    ended_at: datetime | None
    ended_by: str | None
    triggers: list[TriedTriggerOut]


def show_window(
    window: HubTestWindow,
    paired: Iterable[Peripheral],
    tests: Iterable[tuple[str, datetime, UUID]],
    now: datetime,
) -> WindowOut:
    """Return a window with its triggers; `tests` are the last tests of the hub's triggers: which, when, by what."""
    known = {row.device_id: row for row in paired}
    over = window.ended_at or window.ends_at
    seen: dict[str, tuple[datetime, UUID]] = {}
    for device_id, at, event_id in tests:
        if window.starts_at <= at < over and (device_id not in seen or seen[device_id][0] < at):
            seen[device_id] = (at, event_id)
    triggers = []
    for device_id in window.devices:
        row, test = known.get(device_id), seen.get(device_id)
        kind = "unit" if device_id == UNIT else row.kind if row else None
        triggers.append(
            TriedTriggerOut(
                device_id=device_id,
                kind=kind,
                room=row.room if row else None,
                tested_at=test[0] if test else None,
                event_id=test[1] if test else None,
            )
        )
    names = [name for name in WindowOut.model_fields if name not in {"on", "triggers"}]
    return WindowOut(on=window.on(now), triggers=triggers, **{name: getattr(window, name) for name in names})
