"""Jobs as the API says and takes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from devices.jobs.domain import KINDS, JobKind, JobState
from devices.jobs.models import Job, JobLog
from devices.registry.fields import Input, Line, Name, Output, Reason, Words

AsOf = Annotated[int, Field(ge=1, le=2**31 - 1, description="the version that was looked at; 409 when it has changed")]


class EvidenceItem(Output):
    """One thing that was seen; `event_id` and `alarm_id` say where."""

    key: str
    words: str
    at: datetime | None
    event_id: UUID | None
    alarm_id: UUID | None
    device_id: str | None


class Evidence(Output):
    """What was seen: the newest of it, and how much there was."""

    items: list[EvidenceItem]
    count: int
    first_at: datetime | None
    last_at: datetime | None


class JobLine(Output):
    """One line of a job's log."""

    seq: int
    at: datetime
    kind: str
    actor: str
    text: str


class JobOut(Output):
    """A job. `gone_at`: what was found is not there any more; it is still to be closed by somebody."""

    id: UUID
    version: int
    council_id: str
    hub_id: str
    person_id: UUID | None
    tier: str | None
    kind: JobKind
    words: str
    todo: str
    state: JobState
    life_safety: bool
    overdue: bool
    opened_at: datetime
    due_at: datetime
    gone_at: datetime | None
    owner: str | None
    interim: str | None
    alarm_id: UUID | None
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    evidence: Evidence


class JobWithLog(JobOut):
    """A job with what became of it."""

    log: list[JobLine]


class AssignIn(Input):
    """Who has it, and what protects the person until it is done. Without an owner it is who asks."""

    owner: Name | None = None
    interim: Annotated[Line | None, Field(description="what protects the person until it is done")] = None
    as_of: AsOf | None = None


class JobNoteIn(Input):
    """Something to write down."""

    text: Words


class JobCloseIn(Input):
    """Why it is done. What the last look still saw of a detector, or no message has shown, needs `still_there` said."""

    as_of: AsOf
    reason: Reason
    still_there: bool = False


class ReconcileOut(Output):
    """What a reconciliation came to. `disagree` are hubs whose list is not that of the register."""

    hubs: int
    disagree: int
    opened: int
    added: int
    gone: int


def show_job(job: Job, now: datetime) -> JobOut:
    """Return a job as it stands at a moment."""
    return JobOut(**_columns(job, now))


def show_with_log(job: Job, log: Sequence[JobLog], now: datetime) -> JobWithLog:
    """Return a job and its log."""
    return JobWithLog(**_columns(job, now), log=[JobLine.model_validate(line) for line in log])


def is_overdue(job: Job, now: datetime) -> bool:
    """Say whether a job should have been done by now."""
    return job.state != JobState.DONE and job.due_at < now


def _columns(job: Job, now: datetime) -> dict[str, object]:
    made = {"words", "todo", "overdue"}
    columns = {name: getattr(job, name) for name in JobOut.model_fields if name not in made}
    row = KINDS[JobKind(job.kind)]
    return columns | {"words": row.words, "todo": row.todo, "overdue": is_overdue(job, now)}
