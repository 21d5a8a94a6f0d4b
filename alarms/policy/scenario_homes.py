"""Homes and their hubs in a scenario, which only the real register and its watchers know. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from alarms.policy.document import Tier
from alarms.policy.scenario_words import Part, moment_of, start_of

_BESIDE = {
    "hub": ("sends",),
    "device": ("sends",),
    "device_time": ("sends",),
    "boot": ("sends",),
}
"""Fields that say more of one act, by the acts that they may stand beside."""


def _device_time(value: Any) -> Any:
    """Return how long ago, or which moment."""
    if isinstance(value, str) and value.startswith("-"):
        return timedelta(seconds=-moment_of(value[1:]))
    try:
        return start_of(value)
    except ValueError as error:
        raise ValueError(f"“{value}” is no time of a hub's clock; write -2h, or 1970-01-01 00:00") from error


DeviceTime = Annotated[timedelta | datetime, BeforeValidator(_device_time)]


class HomePart(Part):
    """Who lives where with which hubs, from long before the beginning; their hubs beat every five minutes."""

    hubs: tuple[str, ...] = Field(default=(), description="their ids; one with the home's name when left out")
    tier: Tier = "C"
    address: str = "1 High Street"
    taken_away: Literal["stock", "retired"] | None = Field(
        default=None, description="the hubs were taken away yesterday, and are so now"
    )


def hubs_of(homes: Mapping[str, HomePart]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the hubs of each home."""
    return {name: home.hubs or (name,) for name, home in homes.items()}


class HomeWords(Part):
    """Acts of an event that happen at homes, and need the real register, presence and watchers."""

    AT_HOMES: ClassVar[tuple[str, ...]] = ("sends",)

    sends: str | dict[str, str] | None = Field(default=None, description="the type, or the codes, of a hub's message")
    hub: str | None = None
    device: str | None = Field(default=None, description="the trigger that it comes from")
    device_time: DeviceTime | None = Field(default=None, description="when it happened by the hub's clock")
    boot: str | None = Field(default=None, description="the id of the start since which the hub runs")

    @model_validator(mode="after")
    def _beside(self) -> "HomeWords":
        for name, acts in _BESIDE.items():
            if getattr(self, name) is not None and all(getattr(self, act) is None for act in acts):
                raise ValueError(f"`{name}` says more of `{'` or `'.join(acts)}`; take it out, or write that act")
        if self.sends is not None and self.hub is None:
            raise ValueError("nobody sends this; write which: hub: h1")
        return self


class HomeChecks(Part):
    """What the register and its watchers show."""

    hub: str | None = Field(default=None, description="the hub that is looked at")
    is_: str | None = Field(default=None, alias="is", description="its presence")
