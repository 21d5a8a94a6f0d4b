"""The loop with the communications providers as the API says and takes it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints
from sqlalchemy import RowMapping

from devices.registry.fields import CouncilRef, Day, Input, Line, Name, Output, Phone, Reason, Words
from devices.switchover.telco.domain import CheckState, MatchResult, NoticeKind, NoticeStatus, Purpose, ShareField
from devices.switchover.telco.models import TelcoAgreement, TelcoBatch, TelcoCheck
from devices.switchover.telco.reading import Refused

Sheet = Annotated[
    str, StringConstraints(min_length=1, max_length=4_000_000), Field(description="a table with a head, as CSV")
]


class AgreementIn(Input):
    """A data-share agreement with a communications provider."""

    council_id: CouncilRef
    provider: Name
    legal_basis: Line
    dpia_reference: Line
    starts_on: Day
    review_on: Day
    fields: list[ShareField] = Field(default_factory=lambda: list(ShareField), min_length=1, max_length=2)


class WhyIn(Input):
    """Why."""

    reason: Reason


class AgreementOut(Output):
    """An agreement. `objection`: why nothing may be shared under it today; null when it may.

    `to_confirm`: so many lines the next batch `solution_confirmed` would tell of; none while nothing may be shared.
    """

    id: UUID
    council_id: str
    provider: str
    legal_basis: str
    dpia_reference: str
    fields: list[ShareField]
    starts_on: date
    review_on: date
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None
    objection: str | None
    to_confirm: int


class BatchIn(Input):
    """What a batch is for."""

    purpose: Purpose


class BatchOut(Output):
    """A batch. `sha256` is of its file, byte for byte; `results` counts what the provider found."""

    id: UUID
    council_id: str
    agreement_id: UUID
    provider: str
    purpose: Purpose
    row_count: int
    sha256: str
    made_by: str
    made_at: datetime
    downloaded_at: datetime | None
    downloaded_by: str | None
    results: dict[MatchResult, int]


class MatchIn(Input):
    """What the provider found of a number."""

    number: Phone
    result: MatchResult


class MatchesIn(Input):
    """What the provider found: its file, or a list, or both."""

    csv: Sheet | None = None
    matches: list[MatchIn] = Field(default_factory=list, max_length=10_000)


class NoticeIn(Input):
    """A migration that a provider announces. The same number again changes what is there."""

    number: Phone
    planned_at: AwareDatetime
    kind: NoticeKind = NoticeKind.NON_VOLUNTARY
    status: NoticeStatus = NoticeStatus.PLANNED


class NoticesIn(Input):
    """Notices of a provider: its file, or a list, or both."""

    council_id: CouncilRef
    provider: Name
    csv: Sheet | None = None
    notices: list[NoticeIn] = Field(default_factory=list, max_length=10_000)


class RefusedOut(Output):
    """A row of a file that was not taken."""

    line: int
    why: str


class TakenOut(Output):
    """What became of it. `unknown`: numbers that the batch or the register does not have; `held`: under a hold."""

    new: int
    changed: int
    again: int
    unknown: list[str]
    held: list[str]
    refused: list[RefusedOut]


class CheckOut(Output):
    """The check of a unit after the notified time."""

    id: UUID
    notice_id: UUID
    hub_id: str
    planned_at: datetime
    state: CheckState
    asked_at: datetime | None
    job_id: UUID | None
    alarm_id: UUID | None
    rung: bool | None
    rung_by: str | None
    rung_words: str | None
    ended_at: datetime | None


class NoticeOut(Output):
    """A migration that a provider announced, with the hold of its number and the checks of its units.

    `issued`: how often it came; `known`: a home with a unit has this number.
    """

    id: UUID
    council_id: str
    provider: str
    number: str
    planned_at: datetime
    kind: NoticeKind
    status: NoticeStatus
    issued: int
    first_at: datetime
    last_at: datetime
    received_by: str
    known: bool
    hold_id: UUID | None
    hold_reason: str | None
    hold_until: date | None
    checks: list[CheckOut]


class RungIn(Input):
    """Whether the call came through when somebody rang, and what was said."""

    answered: bool
    words: Words | None = None


class HoldIn(Input):
    """A line that must not be migrated, until the end of a day or until the hold is lifted."""

    council_id: CouncilRef
    number: Phone
    until: Day | None = None
    reason: Reason


class HoldOut(Output):
    """A hold. It is the number's: a notice or a batch that comes anew does not touch it."""

    id: UUID
    council_id: str
    number: str
    until: date | None
    reason: str
    set_by: str
    set_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_why: str | None


def show_agreement(row: TelcoAgreement, objection: str | None, to_confirm: int) -> AgreementOut:
    """Return an agreement, with why it cannot be used today, and of how many lines a solution is to be confirmed."""
    own = AgreementOut.model_fields.keys() - {"objection", "to_confirm"}
    return AgreementOut(**{name: getattr(row, name) for name in own}, objection=objection, to_confirm=to_confirm)


def show_batch(row: TelcoBatch, provider: str, results: dict[str, int]) -> BatchOut:
    """Return a batch and what came back."""
    made = {"provider": provider, "results": {MatchResult(result): count for result, count in results.items()}}
    columns = {name: getattr(row, name) for name in BatchOut.model_fields if name not in made}
    return BatchOut(**columns, **made)


def show_notice(row: RowMapping, checks: list[TelcoCheck], *, known: bool) -> NoticeOut:
    """Return a notice with its checks."""
    shown = [CheckOut.model_validate(check) for check in checks]
    return NoticeOut.model_validate({**row, "checks": shown, "known": known})


def show_refused(rows: list[Refused]) -> list[RefusedOut]:
    """Return the rows that were not taken."""
    return [RefusedOut.model_validate(row) for row in rows]
