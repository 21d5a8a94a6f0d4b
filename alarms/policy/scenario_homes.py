"""Homes and their hubs in a scenario, which only the real register and its watchers know. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from alarms.policy.document import Tier
from alarms.policy.scenario_words import Moment, Part, moment_of, start_of

_BESIDE = {
    "hub": ("sends",),
    "device": ("sends",),
    "device_time": ("sends",),
    "boot": ("sends",),
    "event_id": ("sends",),
    "bytes": ("sends",),
    "battery": ("sends",),
    "over": ("sends", "silent"),
    "because": ("accept_hub", "remove_hub", "move_hub"),
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
    """Who lives where with which hubs, from long before the beginning; hubs in service beat every five minutes."""

    hubs: tuple[str, ...] = Field(default=(), description="their ids; one with the home's name when left out")
    tier: Tier = "C"
    address: str = "1 High Street"
    postcode: str = "PX31 4AB"
    network: str | None = Field(default=None, description="the mobile network of its hubs")
    devices: dict[str, str] = Field(default_factory=dict, description="triggers that are paired, by id: their kinds")
    count: int = Field(default=1, ge=1, le=200, description="so many homes alike, called row-1, row-2 and so on")
    taken_away: Literal["stock", "retired"] | None = Field(
        default=None, description="the hubs were taken away yesterday, and are so now"
    )

    @model_validator(mode="after")
    def _many_alike(self) -> "HomePart":
        if self.count > 1 and self.hubs:
            raise ValueError("the hubs of many homes are called after them; leave `hubs` out, or `count`")
        return self


Homes = Mapping[str, HomePart]


def each_home(homes: Homes) -> dict[str, tuple[HomePart, tuple[str, ...]]]:
    """Return every home by its name, those alike one by one, with the ids of its hubs."""
    found = {}
    for name, home in homes.items():
        for one in [name] if home.count == 1 else [f"{name}-{n + 1}" for n in range(home.count)]:
            found[one] = home, home.hubs or (one,)
    return found


def hubs_of(homes: Homes, name: str) -> tuple[str, ...]:
    """Return the hubs that a name means: those of a home, of all homes alike, or else the one of this id."""
    every = each_home(homes)
    if name in homes and homes[name].count > 1:
        return tuple(hub for home, hubs in every.values() if home is homes[name] for hub in hubs)
    return every[name][1] if name in every else (name,)


def only_send(homes: Homes, events: Iterable[Any]) -> bool:
    """Say whether any hubs of a fleet could stand for these: all that is said of them is what they send."""
    plain = all(home == HomePart(hubs=home.hubs) for home in homes.values())
    acts = {name for event in events for name in event.acts if name in HomeWords.AT_HOMES}
    looks = [event.check for event in events if event.check is not None]
    return plain and acts <= {"sends"} and not any(one.hub or one.incident or one.shows for one in looks)


def strangers(homes: Homes, words: Iterable["HomeWords"], looked_at: Iterable[str]) -> list[str]:
    """Return the names in these words, and of what is looked at, that are no home and no hub, where one must be."""
    every, words = each_home(homes), list(words)
    heard = {word.hub for word in words if word.hub} | {word.move_hub.hub for word in words if word.move_hub}
    known = {*homes, *every, *heard, *(hub for _, hubs in every.values() for hub in hubs)}
    return sorted({*looked_at, *(name for word in words for name in word.places)} - known)


class WindowPart(Part):
    """Triggers that an engineer tries out, for so long from now."""

    hub: str
    devices: tuple[str, ...]
    for_: Moment = Field(default=1800, alias="for")


class MovePart(Part):
    """A hub, of stock or from elsewhere, and the home that it is for from now on."""

    hub: str
    to: str = Field(description="the home")


class HomeWords(Part):
    """Acts of an event that happen at homes, and need the real register, presence and watchers."""

    AT_HOMES: ClassVar[tuple[str, ...]] = (
        "sends", "silent", "beats", "absent", "risk", "test_window", "end_test_window", "move_hub", "accept_hub",
        "remove_hub", "service",
    )  # fmt: skip

    sends: str | dict[str, str] | None = Field(default=None, description="the type, or the codes, of a hub's message")
    hub: str | None = None
    device: str | None = Field(default=None, description="the trigger that it comes from")
    device_time: DeviceTime | None = Field(default=None, description="when it happened by the hub's clock")
    boot: str | None = Field(default=None, description="the id of the start since which the hub runs")
    event_id: str | None = Field(default=None, description="the message's own; one of its own when left out")
    bytes: int | None = Field(default=None, ge=0, le=10_000_000, description="how long the message is at least")
    battery: int | None = Field(default=None, ge=0, le=100, description="per cent that are left of it, without mains")
    over: Moment | None = Field(default=None, description="not all at once: at random within so long")

    silent: tuple[str, ...] = Field(default=(), description="these hubs beat a last time")
    beats: tuple[str, ...] = Field(default=(), description="these hubs beat again, from now on")
    absent: dict[str, Moment] | None = Field(default=None, description="who is away by plan, and for how long")
    risk: dict[str, Tier] | None = Field(default=None, description="the tiers of these people from now on")
    test_window: WindowPart | None = None
    end_test_window: str | None = Field(default=None, description="the hub over which it ends")
    move_hub: MovePart | None = Field(default=None, description="a hub is put up in a home, wherever it was")
    accept_hub: str | None = Field(default=None, description="somebody relies on it from now on")
    remove_hub: str | None = Field(default=None, description="it is taken away")
    because: str | None = Field(default=None, description="words of the refusal")
    service: Literal["off", "on"] | None = Field(default=None, description="all of it stands still, and hears nothing")

    @property
    def places(self) -> set[str]:
        """The homes and hubs that it is about; whoever `sends` may be unknown."""
        one = (self.end_test_window, self.accept_hub, self.remove_hub, self.test_window and self.test_window.hub)
        named = {*self.silent, *self.beats, *(self.absent or ()), *(self.risk or ()), *(each for each in one if each)}
        return named | ({self.move_hub.to} if self.move_hub else set())

    @model_validator(mode="after")
    def _beside(self) -> "HomeWords":
        for name, acts in _BESIDE.items():
            if getattr(self, name) is not None and not any(getattr(self, act) for act in acts):
                raise ValueError(f"`{name}` says more of `{'` or `'.join(acts)}`; take it out, or write that act")
        if self.sends is not None and self.hub is None:
            raise ValueError("nobody sends this; write which hub does: hub: h1")
        return self


Presence = Literal["never_seen", "online", "late", "suspect", "offline", "lost", "dormant"]
_STOOD = re.compile(r"(\S+)\s+(\w+)")


def _stood(value: Any) -> Any:
    """Return since when a hub was what from `6m15s late`."""
    match = _STOOD.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"“{value}” is not since when a hub was what; write it as 6m15s late")
    return {"at": match[1], "state": match[2]}


class StoodPart(Part):
    """What a hub was, from a moment on."""

    at: Moment
    state: Presence


Stood = Annotated[StoodPart, BeforeValidator(_stood)]


class IncidentPart(Part):
    """An incident that must be on: what its homes have in common, how many are hit, who of them is worst off."""

    of: str
    homes: int
    first: tuple[str, ...] = Field(default=(), description="the hubs that rank highest, in this order")
    lasts: dict[str, Moment] = Field(default_factory=dict, description="how long the batteries of these hubs last")


class HomeChecks(Part):
    """What the register and its watchers show."""

    hub: str | None = Field(default=None, description="the hub that is looked at")
    is_: Presence | None = Field(default=None, alias="is", description="its presence")
    was: tuple[Stood, ...] | None = Field(default=None, description="all that it has been since the beginning")
    or_was: tuple[Stood, ...] = Field(default=(), description="or this, after a race")
    tested: tuple[str, ...] | None = Field(default=None, description="triggers that a test has proven")
    timeline: tuple[str, ...] | None = Field(default=None, description="its messages but heartbeats, the first first")
    jobs: tuple[str, ...] | None = Field(default=None, description="the kinds of jobs that somebody must do there")
    shows: tuple[str, ...] = Field(default=(), description="words that an operator reads of the alarm")
    with_: tuple[str, ...] = Field(default=(), alias="with", description="others of the same case")
    incident: IncidentPart | None = None

    @model_validator(mode="after")
    def _of_what(self) -> "HomeChecks":
        of_hub = any(one is not None for one in (self.is_, self.was, self.tested, self.timeline, self.jobs))
        if of_hub != (self.hub is not None):
            raise ValueError("a hub and what must be so of it stand together; write hub: h1, is: online")
        return self
