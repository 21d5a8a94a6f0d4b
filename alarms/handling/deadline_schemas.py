"""What the API says and takes of deadlines for silent hubs."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from alarms.handling.deadline_repository import minutes_of
from alarms.handling.deadlines import USUAL, Minutes
from alarms.handling.models import SilenceDeadlines

A_DAY, A_WEEK = 1440, 10_080
Urgent = Annotated[int, Field(ge=5, le=A_DAY)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class MinutesOut(BaseModel):
    """Minutes until a human must see to it, by tier; `d` null: the next working morning."""

    model_config = ConfigDict(from_attributes=True)

    a: int
    b: int
    c: int
    d: int | None


class SilenceDeadlinesIn(BaseModel):
    """Minutes until a human must see to a silent hub; never less for whoever is at less risk."""

    model_config = ConfigDict(extra="forbid")

    a: Urgent
    b: Urgent
    c: Urgent
    d: Annotated[int | None, Field(ge=5, le=A_WEEK, description="null: the next working morning")] = None
    reason: Reason

    @model_validator(mode="after")
    def _by_risk(self) -> Self:
        ordered = [minutes for minutes in (self.a, self.b, self.c, self.d) if minutes is not None]
        if ordered != sorted(ordered):
            raise ValueError("whoever is at more risk is never seen to later: A at most B, B at most C, C at most D")
        return self

    @property
    def minutes(self) -> Minutes:
        """Return them as a rule."""
        return Minutes(self.a, self.b, self.c, self.d)


class SilenceDeadlinesOut(BaseModel):
    """What holds in a council, and since when, by whom and why; all empty where it has set none and the usual hold."""

    council_id: str
    minutes: MinutesOut
    usual: MinutesOut
    set_at: datetime | None
    set_by: str | None
    reason: str | None

    @classmethod
    def of(cls, council_id: str, row: SilenceDeadlines | None) -> Self:
        """Return them as the API shows them."""
        return cls(
            council_id=council_id,
            minutes=MinutesOut.model_validate(minutes_of(row) if row else USUAL),
            usual=MinutesOut.model_validate(USUAL),
            set_at=row.set_at if row else None,
            set_by=row.set_by if row else None,
            reason=row.reason if row else None,
        )
