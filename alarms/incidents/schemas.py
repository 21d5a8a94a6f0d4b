"""What the API says of incidents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from alarms.incidents.domain import GroupKind, IncidentState, MemberState
from alarms.incidents.models import Incident, IncidentCouncil
from alarms.incidents.repository import Tally, group_of


class IncidentCouncilOut(BaseModel):
    """A council that is in it, and the alarm by which its humans are told."""

    model_config = ConfigDict(from_attributes=True)

    council_id: str
    alarm_id: UUID


class IncidentOut(BaseModel):
    """One cause, many homes; counted are those that you may see."""

    id: UUID
    state: IncidentState
    kind: GroupKind = Field(description="what the homes have in common")
    key: str
    words: str
    opened_at: datetime
    last_joined_at: datetime
    closed_at: datetime | None
    joined: int = Field(description="homes that are hit now")
    returned: int
    stayed: int = Field(description="homes that were still hit when it ended: they have alarms of their own")
    alarms: int = Field(description="open technical alarms that are told with it")
    councils: list[IncidentCouncilOut]

    @classmethod
    def of(cls, incident: Incident, tally: Tally, alarms: int, councils: Sequence[IncidentCouncil]) -> "IncidentOut":
        """Show an incident."""
        return cls(
            id=incident.id,
            state=IncidentState(incident.state),
            kind=GroupKind(incident.kind),
            key=incident.key,
            words=group_of(incident).words,
            opened_at=incident.opened_at,
            last_joined_at=incident.last_joined_at,
            closed_at=incident.closed_at,
            joined=tally.joined,
            returned=tally.returned,
            stayed=tally.stayed,
            alarms=alarms,
            councils=[IncidentCouncilOut.model_validate(one) for one in councils if one.incident_id == incident.id],
        )


class IncidentMemberOut(BaseModel):
    """A home that is or was hit. `urgency` ranks them: risk tier by the hours for which the unit still works."""

    hub_id: str
    council_id: str
    state: MemberState
    person_id: UUID | None
    person_name: str | None
    risk_tier: str | None
    place: str | None
    joined_at: datetime
    returned_at: datetime | None
    offline_since: datetime | None
    mains_lost_at: datetime | None
    path_lost_at: datetime | None
    battery_until: datetime | None = Field(description="when the battery is empty; null: it has mains, or nobody knows")
    minutes_left: int | None = Field(description="for which the unit still works; null: it has its mains")
    overdue: bool = Field(description="silent past the deadline of the person's tier; humans were told by name")
    urgency: int
    alarm_id: UUID | None = Field(description="the latest alarm of this home that is told with the incident")

    @classmethod
    def of(cls, row: Mapping[str, Any], at: datetime) -> "IncidentMemberOut":
        """Show a member as ranked at a moment."""
        left = None
        if row["lasts_until"] is not None:
            left = max(0, int((row["lasts_until"] - at).total_seconds() // 60))
        known = {name: row[name] for name in cls.model_fields if name in row}
        return cls(**known, minutes_left=left, overdue=row["overdue_told_at"] is not None)
