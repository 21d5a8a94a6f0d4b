"""The exposure list as the API says and takes it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import RowMapping

from devices.registry.domain import LineKind
from devices.registry.fields import Day, Input, Line, Name, Output, Reason
from devices.switchover.exposure.domain import ExposureCause
from devices.switchover.exposure.models import ExposureLog

AsOf = Annotated[int, Field(ge=1, le=2**31 - 1, description="the version that was looked at; 409 when it has changed")]


class ExposureOut(Output):
    """An analogue unit on a digital line. `gone`: it is not so any more by the records, which a person confirms."""

    id: UUID
    version: int
    council_id: str
    hub_id: str
    connection: str
    person_id: UUID
    person_name: str
    tier: str
    premises_id: UUID
    place: str
    line_kind: LineKind
    provider: str | None
    known_since: datetime
    age_days: int
    found_at: datetime
    owner: str | None
    next_action: str | None
    next_on: date | None
    due_at: datetime
    overdue: bool
    gone: str | None
    closed_at: datetime | None
    cause: ExposureCause | None
    closed_by: str | None
    reason: str | None


class ExposureLine(Output):
    """One line of an entry's log."""

    seq: int
    at: datetime
    actor: str
    text: str


class ExposureWithLog(ExposureOut):
    """An entry with what became of it."""

    log: list[ExposureLine]


class PlanIn(Input):
    """Who has it, what they do next, and on which day. Without an owner it is who asks."""

    owner: Name | None = None
    next_action: Line
    next_on: Day
    as_of: AsOf | None = None


class ExposureCloseIn(Input):
    """Why it is no exposure: the record of the line was wrong, or the unit hangs on another line.

    `line_kind` corrects the record of the home's digital lines; leave it out when it has been corrected already.
    """

    cause: Literal[ExposureCause.LINE_CORRECTED, ExposureCause.OTHER_LINE]
    line_kind: LineKind | None = None
    reason: Reason
    as_of: AsOf


def show_exposure(row: RowMapping, now: datetime) -> ExposureOut:
    """Return an entry as it stands at a moment."""
    return ExposureOut.model_validate(_columns(row, now))


def show_with_log(row: RowMapping, log: Sequence[ExposureLog], now: datetime) -> ExposureWithLog:
    """Return an entry and its log."""
    lines = [ExposureLine.model_validate(line) for line in log]
    return ExposureWithLog.model_validate({**_columns(row, now), "log": lines})


def _columns(row: RowMapping, now: datetime) -> dict[str, object]:
    until = row["closed_at"] or now
    overdue = row["closed_at"] is None and row["due_at"] <= now
    return {**row, "age_days": (until - row["known_since"]).days, "overdue": overdue}
