"""Proposed times and the answers to them, as the API says and takes them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from devices.jobs.schemas import AsOf
from devices.registry.fields import Day, HubId, Input, Name, Output, Reason
from devices.switchover.proposals.domain import Answer
from devices.switchover.visits.domain import ContactChannel, ContactOutcome, VisitState


class ProposalOut(Output):
    """A time that a plan proposes to a household that has not agreed. Without a visit, those of it are null."""

    hub_id: str
    starts_at: datetime
    ends_at: datetime
    engineers: list[str]
    say: Annotated[str, Field(description="what to ask them, in words")]
    person_id: UUID
    person_name: str
    premises_id: UUID
    place: str
    phones: Annotated[list[str], Field(description="E.164: the person's own first, then lines of the home")]
    communication: str | None
    in_programme: Annotated[bool, Field(description="false: no visit can be made before a programme has this home")]
    visit_id: UUID | None
    version: Annotated[int | None, Field(description="of the visit: what the answer sends back as `as_of`")]
    state: VisitState | None
    next_contact_on: date | None
    owner: str | None
    last_at: Annotated[datetime | None, Field(description="the last attempt to reach them about this visit")]
    last_by: str | None
    last_outcome: ContactOutcome | None
    last_note: str | None


class AnswerIn(Input):
    """What a household answered to the time that a plan proposes."""

    hub_id: HubId
    answer: Answer
    as_of: AsOf | None = None
    channel: Annotated[ContactChannel, Field(description="how they were reached")] = ContactChannel.PHONE
    told_before: Annotated[
        ContactChannel | None, Field(description="another way in which they were told of it before, such as the letter")
    ] = None
    note: Annotated[Reason | None, Field(description="what they said; needed unless they agree")] = None
    next_contact_on: Annotated[
        Day | None, Field(description="of who refuses or wants another time: when somebody takes it up again")
    ] = None
    owner: Annotated[Name | None, Field(description="who takes up again what was refused; without it, who asks")] = None
    new_hub_id: Annotated[HubId | None, Field(description="the unit to keep; without it, the next of the stock")] = None


class AnsweredOut(Output):
    """How far a visit has come with an answer. `why` says what keeps it from going on; empty when nothing does."""

    hub_id: str
    visit_id: UUID
    version: int
    state: VisitState
    why: str
