"""A storm of kills in a scenario: real processes die while hubs raise alarms; then the books are compared. Pure."""

from typing import ClassVar, Literal

from pydantic import Field

from alarms.policy.scenario_words import Moment, Part


class StormPart(Part):
    """From its moment to the end: so many alarms, and kills by turns with a pause between two, from and to."""

    alarms_a_second: float = Field(gt=0, le=100)
    pause: tuple[Moment, Moment]
    also: tuple[Literal["broker", "database"], ...] = Field(
        default=(), description="who is killed beside web, ingest and two engines"
    )


class StormWords(Part):
    """The act that is a whole test in real time."""

    STORM: ClassVar[tuple[str, ...]] = ("storm",)

    storm: StormPart | None = None


class CountsPart(Part):
    """What the books may hold when all is up again; what is left out is not looked at."""

    unacked: int | None = Field(default=None, ge=0, description="alarms that a hub raised, and was never told of")
    lost: int | None = Field(default=None, ge=0, description="alarms that are not in the database, or never acked")
    unheard: int | None = Field(default=None, ge=0, description="alarms of which no human was told")
    without_deadline: int | None = Field(default=None, ge=0, description="open alarms that nothing happens to next")
    overdue: int | None = Field(default=None, ge=0, description="open alarms whose moment is over")
    faults: int | None = Field(default=None, ge=0, description="whatever else must not be")
