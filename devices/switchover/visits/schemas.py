"""Visits as the API says and takes them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from devices.jobs.schemas import AsOf
from devices.registry.domain import RiskTier
from devices.registry.fields import Day, DeviceId, HubId, Input, Line, Name, Output, Reason, Words
from devices.switchover.visits.domain import ContactChannel, ContactOutcome, EvidenceKind, VisitState, follows
from devices.switchover.visits.evidence import Item
from devices.switchover.visits.models import Visit, VisitContact, VisitLog

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
Slot = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST)]


class SurveyIn(Input):
    """What was found at the very place where the new hub is to stand."""

    network: Annotated[Name | None, Field(description="the network that was measured")] = None
    signal_dbm: Annotated[int | None, Field(ge=-200, le=0)] = None
    socket: bool | None = None
    ethernet: bool | None = None
    notes: Words | None = None


class VisitIn(Input):
    """A visit for a unit of a programme."""

    unit_id: UUID
    second_person: bool = False
    notes: Words | None = None


class StepIn(Input):
    """Where the visit goes, and what that state needs. What is left out stays as it is."""

    to: VisitState
    as_of: AsOf
    why: Annotated[Reason | None, Field(description="needed for what leaves the way")] = None
    next_contact_on: Annotated[Day | None, Field(description="when somebody takes it up again")] = None
    owner: Annotated[Name | None, Field(description="who has it while it waits, by name")] = None
    new_hub_id: HubId | None = None
    engineer_id: Annotated[UUID | None, Field(description="a user with the role engineer")] = None
    second_engineer_id: Annotated[UUID | None, Field(description="who comes along; null: nobody")] = None
    starts_at: Slot | None = None
    ends_at: Slot | None = None
    second_person: bool | None = None
    survey: SurveyIn | None = None
    retired: Annotated[
        dict[DeviceId, Line] | None, Field(description="peripherals that are not moved, each with why", max_length=100)
    ] = None


class ContactIn(Input):
    """An attempt to reach somebody about a visit, and what came of it."""

    channel: ContactChannel
    outcome: ContactOutcome
    note: Words | None = None


class VisitNoteIn(Input):
    """Something to write down."""

    text: Words


class VoiceIn(Input):
    """That an operator and the home have heard each other, in this message of the new hub; without it, in the last."""

    event_id: UUID | None = None


class ExceptionIn(Input):
    """What of the evidence is left out, why, and by when it is tested. Somebody else must confirm it."""

    items: Annotated[list[Name], Field(min_length=1, max_length=100, description="keys of the checklist")]
    why: Reason
    retest_on: Day
    as_of: AsOf


class AsOfIn(Input):
    """A command on a version that was looked at."""

    as_of: AsOf


class CancelIn(Input):
    """Why nothing more comes of a visit whose new hub is not in the home."""

    reason: Reason
    as_of: AsOf


class EvidenceOut(Output):
    """One line of the checklist; `event_id` is the message that showed it, null for the soak."""

    key: str
    kind: EvidenceKind
    device_id: str
    words: str
    how: str
    met: bool
    excepted: bool
    event_id: UUID | None
    at: datetime | None
    by: str | None
    shown: str | None


class ChecklistOut(Output):
    """The evidence of a visit's new hub. `soaked_s`: seconds of the soak that have passed, null before it began."""

    new_hub_id: str | None
    items: list[EvidenceOut]
    missing: list[str]
    soaked_s: int | None


class VisitOut(Output):
    """A visit. `allowed` are the states that may follow; whether they may now, the step says."""

    id: UUID
    version: int
    council_id: str
    programme_id: UUID
    unit_id: UUID
    wave_id: UUID | None
    person_id: UUID
    person_name: str
    risk_tier: RiskTier
    premises_id: UUID
    place: str
    access_notes: str | None
    hazards: str | None
    old_hub_id: str
    new_hub_id: str | None
    state: VisitState
    resumes: VisitState | None
    since: datetime
    due_on: date
    engineer_id: UUID | None
    engineer: str | None
    second_engineer_id: UUID | None
    second_engineer: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    second_person: bool
    next_contact_on: date | None
    owner: str | None
    survey: dict[str, Any] | None
    retired: dict[str, Any] | None
    notes: str | None
    soak_since: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    exception_items: list[str]
    exception_why: str | None
    exception_by: str | None
    exception_second: str | None
    exception_confirmed_at: datetime | None
    retest_on: date | None
    over_at: datetime | None
    over_why: str | None
    made_at: datetime
    allowed: list[VisitState]


class VisitLine(Output):
    """One line of a visit's log."""

    seq: int
    at: datetime
    kind: str
    actor: str
    from_state: VisitState | None
    to_state: VisitState | None
    text: str


class ContactOut(Output):
    """One attempt to reach somebody."""

    at: datetime
    by: str
    channel: ContactChannel
    outcome: ContactOutcome
    note: str | None


class VisitWithLog(VisitOut):
    """A visit with what became of it, and whom one tried to reach."""

    log: list[VisitLine]
    contacts: list[ContactOut]


def show_visit(row: Mapping[Any, Any]) -> VisitOut:
    """Return a visit as programs see it."""
    return VisitOut(**_columns(row))


def show_with_log(row: Mapping[Any, Any], log: Sequence[VisitLog], contacts: Sequence[VisitContact]) -> VisitWithLog:
    """Return a visit with its log."""
    return VisitWithLog(
        **_columns(row),
        log=[VisitLine.model_validate(line) for line in log],
        contacts=[ContactOut.model_validate(one) for one in contacts],
    )


def show_item(item: Item, excepted: Sequence[str]) -> EvidenceOut:
    """Return a line of the checklist as programs see it."""
    shown = item.shown
    return EvidenceOut(
        key=item.key,
        kind=item.kind,
        device_id=item.device_id,
        words=item.words,
        how=item.how,
        met=shown is not None,
        excepted=item.key in excepted,
        event_id=shown.event_id if shown else None,
        at=shown.at if shown else None,
        by=shown.by if shown else None,
        shown=shown.words if shown else None,
    )


def _columns(row: Mapping[Any, Any]) -> dict[str, Any]:
    visit: Visit = row["Visit"]
    allowed = follows(
        VisitState(visit.state), VisitState(visit.resumes) if visit.resumes else None, over=visit.over_at is not None
    )
    beside = {name: row[name] for name in _BESIDE}
    own = {name: getattr(visit, name) for name in VisitOut.model_fields if name not in {*_BESIDE, "allowed"}}
    return own | beside | {"allowed": list(allowed)}


_BESIDE = (
    "programme_id", "due_on", "wave_id", "person_name", "place", "risk_tier", "hazards", "access_notes",
)  # fmt: skip
