"""What the API says and takes about policies."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from alarms.policy.bound import Bound, Outlook
from alarms.policy.document import Tier
from alarms.policy.models import Policy, PolicyVersion
from alarms.policy.picture import picture
from alarms.policy.reading import MAX_LENGTH, Fault
from alarms.policy.simulate import Timeline

Text = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH, description="the policy as YAML (or JSON)")]
Note = Annotated[str, Field(max_length=500, description="why it is changed, for the history")]


class PolicyIn(BaseModel):
    """A policy to save; it is live at once, or not at all."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    note: Note = ""


class PolicyChange(PolicyIn):
    """The next version of a policy; `as_of` is the version that was edited."""

    as_of: Annotated[int, Field(ge=1, le=2**31 - 1)]


class LintIn(BaseModel):
    """A policy to look through without saving it."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class FaultOut(BaseModel):
    """What is wrong, where, and how to mend it; a fault that is not grave does not refuse the policy."""

    model_config = ConfigDict(from_attributes=True)

    what: str
    mend: str
    where: str
    line: int
    grave: bool


class WorstOut(BaseModel):
    """The worst raise of the days to come. Seconds; absent when it never comes to that."""

    at: datetime
    human_s: int | None
    last_resort_s: int | None

    @classmethod
    def of(cls, bound: Bound) -> "WorstOut":
        """Return it as programs see it."""
        return cls(at=bound.at, human_s=bound.human_s, last_resort_s=bound.last_resort_s)


class HoleOut(BaseModel):
    """A step behind which nobody stands for a while."""

    model_config = ConfigDict(from_attributes=True)

    step: int
    targets: tuple[str, ...]
    since: datetime
    until: datetime


class OutlookOut(BaseModel):
    """The longest time until a human hears of an alarm, over every hour from `since` until `until`."""

    since: datetime
    until: datetime
    worst_human: WorstOut
    worst_last_resort: WorstOut
    holes: list[HoleOut]

    @classmethod
    def of(cls, outlook: Outlook, most: int = 100) -> "OutlookOut":
        """Return it as programs see it, with so many holes at most."""
        return cls(
            since=outlook.since,
            until=outlook.until,
            worst_human=WorstOut.of(outlook.worst_human),
            worst_last_resort=WorstOut.of(outlook.worst_last_resort),
            holes=[HoleOut.model_validate(hole) for hole in outlook.holes[:most]],
        )


class LintOut(BaseModel):
    """What a look through a policy found; `ok` says that it could be saved."""

    ok: bool
    faults: list[FaultOut]
    outlook: OutlookOut | None

    @classmethod
    def of(cls, faults: Sequence[Fault], outlook: Outlook | None) -> "LintOut":
        """Return it as programs see it."""
        return cls(
            ok=not any(fault.grave for fault in faults),
            faults=[FaultOut.model_validate(fault) for fault in faults],
            outlook=None if outlook is None else OutlookOut.of(outlook),
        )


class PolicyOut(BaseModel):
    """A policy with its present version."""

    id: UUID
    council_id: str | None
    key: str
    name: str
    version: int
    note: str
    created_by: str
    created_at: datetime
    outlook: dict[str, Any]
    retired_at: datetime | None

    @classmethod
    def of(cls, policy: Policy, version: PolicyVersion) -> "PolicyOut":
        """Return it as programs see it."""
        return cls(
            id=policy.id,
            council_id=policy.council_id,
            key=policy.key,
            name=version.document["name"],
            version=version.version,
            note=version.note,
            created_by=version.created_by,
            created_at=version.created_at,
            outlook=version.outlook,
            retired_at=policy.retired_at,
        )


class PolicyWithText(PolicyOut):
    """A policy with its text as it was written, and the document that was read from it."""

    text: str
    document: dict[str, Any]

    @classmethod
    def of(cls, policy: Policy, version: PolicyVersion) -> "PolicyWithText":
        """Return it as programs see it."""
        shown = PolicyOut.of(policy, version).model_dump()
        return cls(**shown, text=version.text, document=version.document)


class ReroutedOut(BaseModel):
    """The alarms that have begun anew."""

    alarms: list[UUID]


class SimulateIn(BaseModel):
    """What would happen if such an alarm came at such a moment; with `text`, by that policy before it is saved.

    Or a whole `scenario`, as docs/scenarios.md describes it: then nothing of this service is looked at.
    """

    model_config = ConfigDict(extra="forbid")

    scenario: Text | None = None
    text: Text | None = None
    type: Annotated[str, Field(max_length=64)] = "pendant"
    at: Annotated[datetime, Field(description="with its offset; now when it is left out")] | None = None
    council_id: Annotated[str, Field(pattern=r"^S12[0-9]{6}$")] | None = None
    person_id: Annotated[
        UUID | None, Field(description="whose contacts are told; council and tier are this person's when left out")
    ] = None
    tier: Tier | None = None
    answered_at_step: Annotated[int, Field(ge=1, le=50, description="an operator claims it then")] | None = None
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60


class ToldOut(BaseModel):
    """A message that would be sent. `after_s` counts from the beginning."""

    at: datetime
    after_s: float
    alarm: str
    target: str
    who: str
    channel: str
    reason: str


class SaidOut(BaseModel):
    """A line that the log would have."""

    at: datetime
    after_s: float
    alarm: str
    kind: str
    actor: str
    text: str


class TimelineOut(BaseModel):
    """What would happen. `differences`: where a scenario with expectations is not as it says; `picture` is SVG."""

    start: datetime
    ladder: str | None
    told: list[ToldOut]
    log: list[SaidOut]
    unreadable_rotas: list[str]
    differences: list[str]
    picture: str

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        ladder: str | None = None,
        unreadable: Sequence[str] = (),
        differences: Sequence[str] = (),
    ) -> "TimelineOut":
        """Return a timeline as programs see it."""

        def after(at: datetime) -> float:
            return (at - timeline.start).total_seconds()

        return cls(
            start=timeline.start,
            ladder=ladder,
            told=[
                ToldOut(
                    at=told.at, after_s=after(told.at), alarm=told.alarm, target=told.target, who=told.who,
                    channel=told.channel, reason=told.reason,
                )
                for told in timeline.told
            ],
            log=[
                SaidOut(
                    at=said.at, after_s=after(said.at), alarm=said.alarm, kind=said.kind, actor=said.actor,
                    text=said.text,
                )
                for said in timeline.said
            ],
            unreadable_rotas=list(unreadable),
            differences=list(differences),
            picture=picture(timeline),
        )  # fmt: skip
