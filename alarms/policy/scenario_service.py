"""What befalls the service as a whole in a scenario: its clock, and who watches over it. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from alarms.policy.scenario_words import Moment, Part, moment_of

_JUMP = re.compile(r"([+-])(\w+)")


def _jump(value: Any) -> Any:
    match = _JUMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"“{value}” is no jump of a clock; write it as +1h or -1h")
    return moment_of(match[2]) * (1 if match[1] == "+" else -1)


class ServiceWords(Part):
    """Acts of an event that need the whole service, with those who watch over it."""

    AT_SERVICE: ClassVar[tuple[str, ...]] = ("clock", "schema_", "cover", "feed")

    clock: Annotated[int, BeforeValidator(_jump)] | None = Field(
        default=None, description="the clock of the database jumps, such as +1h"
    )
    schema_: Literal["foreign", "ours"] | None = Field(
        default=None, alias="schema", description="that of the database is another program's, or ours again"
    )
    cover: Literal["declared", "exercise", "ended"] | None = Field(
        default=None, description="what our supervisor says of the partner"
    )
    feed: Literal["off", "on"] | None = Field(
        default=None, description="the server hangs: it answers nothing and closes nothing"
    )


class ServiceChecks(Part):
    """What those who look at the whole of the service find."""

    dead_man: Literal["quiet", "rings"] | None = Field(default=None, description="the dead man's switch outside")
    sees: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="by operator, the open alarms that they see; all see the same of each"
    )
    held_by: Mapping[str, str | None] = Field(default_factory=dict, description="by alarm, who has it; null: nobody")
    reported: Mapping[str, Moment] = Field(
        default_factory=dict, description="by alarm, after how long it was taken by the report of the last cover"
    )
    counted: int | None = Field(default=None, ge=0, description="how many open alarms the figures count")
    page: Literal["whole", "lost"] | None = Field(default=None, description="how the console's open pages look")
    canaries: int | None = Field(default=None, ge=0, description="how many have come through in time")


class ServiceKeys(Part):
    """What of a scenario's file is about the whole service; it needs real parts too."""

    OF_SERVICE: ClassVar[tuple[str, ...]] = ("watchdog", "rooms", "canary")

    watchdog: tuple[str, ...] = Field(default=(), description="whom the watchdog tells, by mail")
    canary: bool = Field(default=False, description="a canary goes each minute, from the broker to its sink")
    rooms: Mapping[Literal["ours", "partner", "other"], tuple[str, ...]] = Field(
        default_factory=dict, description="operators by control room: what they do goes over the API"
    )


def lacking(keys: ServiceKeys, acts: Iterable[ServiceWords], checks: Iterable[ServiceChecks]) -> str | None:
    """Return in words what is spoken of and not there, and how to mend it; None when all is."""
    looks, partner = list(checks), keys.rooms.get("partner")
    for word, used, there, mend in (
        ("dead_man", any(look.dead_man for look in looks), keys.watchdog, "add whom a watchdog tells"),
        ("canaries", any(look.canaries is not None for look in looks), keys.canary, "add canary: true"),
        ("cover", any(act.cover for act in acts), partner, "add operators of `partner` to `rooms`"),
        ("reported", any(look.reported for look in looks), partner, "add operators of `partner` to `rooms`"),
    ):
        if used and not there:
            return f"`{word}` is of something that is not there; {mend}"
    return None
