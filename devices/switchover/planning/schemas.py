"""What binds visits, as it is taken and kept: engineers, needs of homes, the rules of a council. Plans as told."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from devices.registry.fields import CouncilRef, Input, Latitude, Line, Longitude, Name, Output, Reason
from devices.switchover.planning.domain import PlanState

Minute = Annotated[int, Field(ge=0, le=1440, description="minutes since local midnight")]
Weekday = Annotated[int, Field(ge=0, le=6, description="Monday is 0")]
Count = Annotated[int, Field(ge=0, le=10_000)]
WORK_WEEK = (0, 1, 2, 3, 4)


class Span(Input):
    """Hours on some days of the week."""

    start: Minute
    end: Minute
    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = tuple(range(7))
    why: Line | None = None

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end <= self.start:
            raise ValueError("the end must be after the start")
        return self


class EngineerIn(Input):
    """How an engineer works: from where, when, with which skills, and what their van holds."""

    council_id: CouncilRef
    base_latitude: Latitude
    base_longitude: Longitude
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = WORK_WEEK
    starts_at: Minute = 510
    ends_at: Minute = 990
    skills: Annotated[tuple[Name, ...], Field(max_length=30)] = ()
    van: Annotated[dict[Name, Count], Field(default_factory=lambda: {"hub": 8}, description="by item")]

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("a day must end after it starts")
        return self


class EngineerOut(Output):
    """How an engineer works."""

    user_id: UUID
    council_id: str
    name: str
    base_latitude: float
    base_longitude: float
    weekdays: list[int]
    starts_at: int
    ends_at: int
    skills: list[str]
    van: dict[str, int]


class NeedIn(Input):
    """What a visit of a home needs, and when the household is there; `open` empty: always."""

    people: Annotated[int, Field(ge=1, le=2)] = 1
    minutes: Annotated[int, Field(ge=10, le=480)] | None = None
    skills: Annotated[tuple[Name, ...], Field(max_length=30)] = ()
    open: Annotated[tuple[Span, ...], Field(max_length=20)] = ()
    busy: Annotated[tuple[Span, ...], Field(max_length=20)] = ()


class NeedOut(Output):
    """What a visit of a home needs; `said` is whether anybody has said anything, else it is the usual."""

    premises_id: UUID
    council_id: str
    said: bool
    people: int
    minutes: int | None
    skills: list[str]
    open: list[Span]
    busy: list[Span]


class Freeze(Input):
    """Days without swaps: everywhere, in a postcode district, on an island, or where an item is needed."""

    start: date
    end: date
    why: Line
    area: Name | None = None
    island: Name | None = None
    item: Name | None = None


class FerryIn(Input):
    """The way to an island: `areas` are its postcode districts, sailings are minutes since midnight."""

    island: Name
    areas: Annotated[list[Name], Field(min_length=1, max_length=50)]
    port_latitude: Latitude
    port_longitude: Longitude
    landing_latitude: Latitude
    landing_longitude: Longitude
    out: Annotated[list[Minute], Field(min_length=1, max_length=50)]
    back: Annotated[list[Minute], Field(min_length=1, max_length=50)]
    minutes: Annotated[int, Field(ge=1, le=600)]


class StockIn(Input):
    """So many of an item come into the store on a day."""

    item: Name
    on: date
    quantity: Count


class ModelFaults(Input):
    """How often calls of a model's units fail, where too few of them were seen to tell: analogue units say nothing.

    `model` is make and name, as the register has them.
    """

    model: Name
    percent: Annotated[float, Field(gt=0, le=100)]
    why: Line


class RulesIn(Input):
    """What binds all visits of a council."""

    freezes: Annotated[tuple[Freeze, ...], Field(max_length=200)] = ()
    ferries: Annotated[tuple[FerryIn, ...], Field(max_length=50)] = ()
    stock: Annotated[tuple[StockIn, ...], Field(max_length=500)] = ()
    models: Annotated[tuple[ModelFaults, ...], Field(max_length=100)] = ()
    local_holidays: Annotated[tuple[date, ...], Field(max_length=100)] = ()
    lines_end_on: Annotated[date | None, Field(description="when analogue lines end; null: they do not")] = date(
        2027, 1, 31
    )
    margin_days: Annotated[int, Field(ge=0, le=60, description="between the last visit and the line's end")] = 7
    undo_minutes: Annotated[int, Field(ge=0, le=240)] = 45
    before_holiday_minutes: Annotated[int, Field(ge=0, le=600)] = 240
    metres_a_minute: Annotated[float, Field(ge=50, le=2000, description="the usual pace of a van")] = 800.0


class AbsenceIn(Input):
    """Somebody is away: from a moment of a day until the end of another."""

    first_on: date
    last_on: date
    from_minute: Annotated[int, Field(ge=0, le=1439)] = 0
    reason: Reason

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.last_on < self.first_on:
            raise ValueError("the last day must not be before the first")
        return self


class AwayIn(AbsenceIn):
    """Somebody who visits homes of a council is away."""

    council_id: CouncilRef


class AbsenceOut(Output):
    """Somebody is away; `from_minute` of the first day."""

    id: UUID
    council_id: str
    user_id: UUID
    first_on: date
    last_on: date
    from_minute: int
    reason: str
    made_at: datetime
    made_by: str


class RulesOut(RulesIn):
    """What binds all visits of a council; `saved_at` null: nobody has said anything, these are the usual ones."""

    council_id: str
    saved_at: datetime | None
    saved_by: str | None


class PlanIn(Input):
    """What to plan: a council, from one day to another; `seconds` of each search, some thirty-five for six people.

    Of a programme or a wave alone when one is named. What is booked stays as it is, whichever homes it is of.
    """

    council_id: CouncilRef
    first_on: date
    last_on: date
    programme_id: UUID | None = None
    wave_id: UUID | None = None
    seconds: Annotated[float, Field(ge=0.2, le=60)] = 8.0

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if not 0 <= (self.last_on - self.first_on).days <= 400:  # noqa: PLR2004 - the longest plan
            raise ValueError("the last day must be from the first one on, within 400 days")
        return self


class PlanListed(Output):
    """A plan in a list."""

    id: UUID
    council_id: str
    state: PlanState
    first_on: date
    last_on: date
    programme_id: UUID | None
    wave_id: UUID | None
    replaces_id: UUID | None
    progress: float
    progress_words: str
    failed_why: str | None
    made_at: datetime
    made_by: str
    accepted_at: datetime | None
    accepted_by: str | None


class PlanOut(PlanListed):
    """A plan with its appointments, what was left out and why, and what it comes to."""

    result: Mapping[str, Any] | None


class AcceptIn(Input):
    """Which day of a plan is booked."""

    day: date


class BookingOut(Output):
    """An appointment of a plan, and what became of it when the plan was accepted."""

    hub_id: str
    became: Annotated[str, Field(description="booked, moved, as_it_was or passed_by")]
    visit_id: UUID | None
    why: Annotated[str, Field(description="of what was passed by")]


class AcceptedOut(Output):
    """An accepted plan, and what became of each of its appointments."""

    plan: PlanListed
    bookings: Sequence[BookingOut]


class AwayOut(Output):
    """An absence, and the plan that is made anew because of it; null when no plan has these days."""

    absence: AbsenceOut
    plan: PlanListed | None
