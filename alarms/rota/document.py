"""A rota's layers as a document: what the API takes and gives, what the database keeps, what YAML holds.

One reader for all three, so that what was taken can be read again. `load_layers` raises RotaError for what cannot.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from alarms.responders.schemas import Input, Name, TimeOfDay
from alarms.rota.domain import Layer, RotaError, Rotation, RotationUnit, Turn, WeeklyRule, WeeklyRules, Window

MOST_LAYERS = 20
YEARS = range(2000, 2100)
"""What a rota is about; beyond them calendars and time zones are a guess."""


class Weekday(StrEnum):
    """The days of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_DAYS = list(Weekday)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("there is no such time zone; the usual one is Europe/London")
    return name


def _local(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("the calendar has no such moment") from error
    if moment.year not in YEARS:
        raise ValueError(f"the year must lie in {YEARS.start} to {YEARS.stop - 1}")
    return text


ZoneName = Annotated[str, Field(max_length=64, examples=["Europe/London"]), AfterValidator(_zone)]
LocalMoment = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$",
        description="what the clock on the wall shows, without a zone",
        examples=["2026-11-02T09:00"],
    ),
    AfterValidator(_local),
]
Days = Annotated[list[Weekday], Field(min_length=1, max_length=7)]


class WindowDocument(Input):
    """A part of the week: the days on which it starts, and local times. An end not after the start is the next day."""

    days: Days
    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay


class RotationDocument(Input):
    """Turns one after the other: each `every` hours, days, weeks or months by the wall clock, counted from `starts_at`.

    With `only` the members are on within these windows alone.
    """

    kind: Literal["rotation"]
    name: Name | None = None
    unit: RotationUnit
    every: Annotated[int, Field(ge=1, le=1000)] = 1
    starts_at: LocalMoment
    members: Annotated[list[UUID], Field(max_length=100)]
    only: Annotated[list[WindowDocument], Field(default_factory=list, max_length=50)]


class WeeklyRuleDocument(WindowDocument):
    """The same person in the same part of each week."""

    member: UUID


class WeeklyDocument(Input):
    """People who are on at fixed times of the week."""

    kind: Literal["weekly"]
    name: Name | None = None
    rules: Annotated[list[WeeklyRuleDocument], Field(max_length=100)]


LayerDocument = Annotated[RotationDocument | WeeklyDocument, Field(discriminator="kind")]
LayerDocuments = Annotated[list[LayerDocument], Field(max_length=MOST_LAYERS)]

_LAYERS: TypeAdapter[list[RotationDocument | WeeklyDocument]] = TypeAdapter(LayerDocuments)


def load_documents(plan: Mapping[str, Any]) -> list[RotationDocument | WeeklyDocument]:
    """Return the layers of a stored plan as documents; RotaError when it cannot be read."""
    try:
        return _LAYERS.validate_python(plan["layers"])
    except (ValidationError, LookupError, TypeError) as error:
        raise RotaError("the stored plan cannot be read") from error


def load_layers(plan: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers of a stored plan; RotaError when it cannot be read."""
    return tuple(layer_of(document) for document in load_documents(plan))


def dump_layers(documents: Iterable[RotationDocument | WeeklyDocument]) -> dict[str, Any]:
    """Return layers as the database keeps them."""
    return {"layers": [document.model_dump(mode="json", by_alias=True) for document in documents]}


def layer_of(document: RotationDocument | WeeklyDocument) -> Layer:
    """Return a layer as the domain knows it."""
    if isinstance(document, WeeklyDocument):
        return WeeklyRules(tuple(WeeklyRule(rule.member, _window(rule)) for rule in document.rules))
    return Rotation(
        document.unit,
        document.every,
        datetime.fromisoformat(document.starts_at),
        tuple(document.members),
        tuple(_window(window) for window in document.only),
    )


def with_layer(document: RotationDocument | WeeklyDocument, layer: Layer) -> RotationDocument | WeeklyDocument:
    """Return the document with the members of a layer that was made from it; the rest stays as it was written."""
    if isinstance(document, RotationDocument) and isinstance(layer, Rotation):
        return document.model_copy(update={"members": list(layer.members)})
    if isinstance(document, WeeklyDocument) and isinstance(layer, WeeklyRules):
        left = {rule.member for rule in layer.rules}
        return document.model_copy(update={"rules": [rule for rule in document.rules if rule.member in left]})
    raise TypeError("this layer was not made from this document")


def load_turns(plan: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the turns of a temporary schedule; RotaError when they cannot be read."""
    try:
        return tuple(
            Turn(UUID(turn["member_id"]), _moment(turn["starts_at"]), _moment(turn["ends_at"]))
            for turn in plan["turns"]
        )
    except (ValueError, LookupError, TypeError) as error:
        raise RotaError("a temporary schedule cannot be read") from error


def dump_turns(turns: Iterable[Turn]) -> dict[str, Any]:
    """Return turns as the database keeps them."""
    return {
        "turns": [
            {"member_id": str(turn.member), "starts_at": turn.start.isoformat(), "ends_at": turn.end.isoformat()}
            for turn in turns
        ]
    }


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _window(document: WindowDocument) -> Window:
    days = frozenset(_DAYS.index(day) for day in document.days)
    return Window(days, time.fromisoformat(document.from_), time.fromisoformat(document.to))
