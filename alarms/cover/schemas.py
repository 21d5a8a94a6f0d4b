"""What the API says and takes about covers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alarms.cover.domain import AFTER_S, CoverWhy
from alarms.cover.models import LONGEST_S, SHORTEST_S, Cover, CoverAgreement
from alarms.cover.report import Report

Code = Annotated[str, Field(pattern=r"^S12[0-9]{6}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class AgreementOut(BaseModel):
    """Who covers whom. `lag_s` is how long the oldest life-safety alarm waits there that nobody has, 0 when none does.

    `running` is the cover that is on.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    council_id: str
    partner_id: str
    after_s: int
    made_by: str
    made_at: datetime
    lag_s: float
    running: UUID | None

    @classmethod
    def of(cls, row: CoverAgreement, lag_s: float = 0.0, running: UUID | None = None) -> "AgreementOut":
        """Return an agreement as programs see it."""
        names = ("id", "council_id", "partner_id", "after_s", "made_by", "made_at")
        return cls(**{name: getattr(row, name) for name in names}, lag_s=round(lag_s, 1), running=running)


class AgreementIn(BaseModel):
    """Let a partner cover a council: it begins by itself when an alarm has waited for more than `after_s`."""

    model_config = ConfigDict(extra="forbid")

    council_id: Code
    partner_id: Code
    after_s: Annotated[int, Field(ge=SHORTEST_S, le=LONGEST_S)] = AFTER_S


class CoverOut(BaseModel):
    """One time that a council was covered. `lag_s`: how long an alarm had waited, when it began for that reason."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    agreement_id: UUID
    council_id: str
    partner_id: str
    why: CoverWhy
    lag_s: int | None
    reason: str | None
    started_by: str
    started_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str | None


class CoverIn(BaseModel):
    """Begin a cover. `declared` and `exercise` are for the covered council; `lag`: an alarm waits too long."""

    model_config = ConfigDict(extra="forbid")

    agreement_id: UUID
    why: CoverWhy
    reason: Words | None = None


class CoverEndIn(BaseModel):
    """End a cover, with the reason."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[Words, Field(min_length=1)] = "The control room is back"


class CaseOut(BaseModel):
    """One alarm that was open while the cover was on, and who took it first in that time."""

    model_config = ConfigDict(from_attributes=True)

    alarm_id: UUID
    words: str
    class_: str = Field(serialization_alias="class")
    raised_at: datetime
    taken_at: datetime | None
    taker: str | None
    by_partner: bool
    answered_s: float | None


class CoverReportOut(CoverOut):
    """A cover with what it did: the report of an exercise. It names no person who was helped."""

    lasted_s: float
    seen: int
    taken_by_partner: int
    taken_by_own: int
    not_taken: int
    median_answer_s: float | None
    longest_answer_s: float | None
    cases: list[CaseOut]

    @classmethod
    def of(cls, cover: Cover, did: Report) -> "CoverReportOut":
        """Return a cover and its figures as programs see them."""
        return cls(
            **CoverOut.model_validate(cover).model_dump(),
            lasted_s=did.lasted.total_seconds(),
            seen=len(did.cases),
            taken_by_partner=did.by_partner,
            taken_by_own=did.by_own,
            not_taken=did.not_taken,
            median_answer_s=did.median_s,
            longest_answer_s=did.longest_s,
            cases=[CaseOut.model_validate(case) for case in did.cases],
        )
