"""What the API says and takes about welfare campaigns."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from alarms.responders.schemas import Input, Output, Words
from alarms.welfare.domain import Cause, Channel, Outcome, PersonState, Progress, Standing
from alarms.welfare.models import WelfareCampaign

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
MOST = 5000


class CampaignIn(Input):
    """Check on people: on all of a council, or on whom lists of people, of hubs or a mass alarm name, and why.

    `since` and `until`: the time in which they may have pressed, now when left out.
    """

    council_id: Annotated[str, Field(pattern=r"^S12[0-9]{6}$", description="a GSS code")]
    reason: Words
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    person_ids: Annotated[list[UUID] | None, Field(max_length=MOST)] = None
    hub_ids: Annotated[list[Annotated[str, Field(max_length=64)]] | None, Field(max_length=MOST)] = None
    alarm_id: Annotated[UUID | None, Field(description="whose hubs are silent by this alarm")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since must not be after until")
        return self


class CampaignFinishIn(Input):
    """Why a campaign ends while people are left."""

    reason: Words


class AttemptIn(Input):
    """An attempt to reach a person, and what came of it."""

    channel: Channel = Channel.PHONE
    outcome: Outcome
    note: Note = ""


class AttemptOut(Output):
    """An attempt as it was written down; it never changes."""

    id: UUID
    at: datetime
    by: str
    by_name: str
    channel: Channel
    outcome: Outcome
    note: str | None


class CampaignPersonOut(Output):
    """A person in a campaign. `rank` is the place in the list, 1 first, and `why` says why they stand there."""

    person_id: UUID
    hub_id: str
    premises_id: UUID | None
    name: str
    place: str
    tier: str
    rank: int
    standing: Standing
    why: str
    state: PersonState
    attempts: int
    again_at: datetime | None
    held_by: UUID | None
    held_name: str | None
    held_until: datetime | None
    settled_at: datetime | None
    settled_by: str | None
    settled_why: str | None
    alarm_id: UUID | None


class CheckContactOut(Output):
    """Somebody to ring about a person."""

    name: str
    relation: str | None
    phone: str | None
    holds_key: bool
    minutes_away: int | None


class PersonToCheckOut(CampaignPersonOut):
    """A person with all that one needs to ring them, and the attempts so far."""

    phone: str | None
    communication: str | None
    hazards: str | None
    access_notes: str | None
    contacts: list[CheckContactOut]
    log: list[AttemptOut]


class NextOut(Output):
    """The person whom you have now. Without one nobody can be taken now: look again at `again_at`."""

    person: PersonToCheckOut | None
    again_at: datetime | None


class CampaignGapOut(Output):
    """A gap of ours."""

    started_at: datetime
    ended_at: datetime


class CampaignOut(Output):
    """A campaign and how far it is: `percent` is 100 when everybody is accounted for."""

    id: UUID
    council_id: str
    cause: Cause
    reason: str
    gap_from: datetime
    gap_to: datetime
    made_by: str
    made_at: datetime
    alarm_id: UUID | None
    closed_at: datetime | None
    closed_by: str | None
    closed_why: str | None
    people: int
    left: int
    percent: int
    counts: dict[PersonState, int]


class CampaignDetailOut(CampaignOut):
    """A campaign with our gaps that it is about, and when the first and the latest attempt was."""

    gaps: list[CampaignGapOut]
    first_attempt_at: datetime | None
    last_attempt_at: datetime | None


def figures(campaign: WelfareCampaign, progress: Progress) -> dict[str, object]:
    """Return the members of a campaign as it is shown."""
    names = (
        "id", "council_id", "cause", "reason", "gap_from", "gap_to", "made_by", "made_at", "alarm_id", "closed_at",
        "closed_by", "closed_why",
    )  # fmt: skip
    counts = {state: progress.counts.get(state, 0) for state in PersonState}
    shown = {name: getattr(campaign, name) for name in names}
    return shown | {"people": progress.total, "left": progress.left, "percent": progress.percent, "counts": counts}
