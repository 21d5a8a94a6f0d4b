"""Planned work as the API says and takes it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from alarms.responders.schemas import CouncilCode, Input, Output, Words
from alarms.rota.schemas import Moment
from alarms.work.domain import LONGEST, WorkState, state_of
from alarms.work.models import PlannedWork

HubId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="without one: all of the council")
]
End = Annotated[Moment, Field(description=f"{LONGEST.days} days after the start at most")]


class WorkIn(Input):
    """A window of planned work. Without a council it holds in all of them; a hub brings its own council with it."""

    council_id: CouncilCode | None = None
    hub_id: HubId | None = None
    starts_at: Annotated[Moment | None, Field(description="now when it is left out")] = None
    ends_at: End
    reason: Words


class WorkPatch(Input):
    """Another end, later or earlier, of work that is not over; and, where it is given, another reason."""

    ends_at: End
    reason: Words | None = None


class WorkOut(Output):
    """A window. `ended_at` is set when somebody ended it before its time."""

    id: UUID
    council_id: str | None
    hub_id: str | None
    state: WorkState
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None


def show_work(work: PlannedWork, now: datetime) -> WorkOut:
    """Return a window as it stands at a moment."""
    names = [name for name in WorkOut.model_fields if name != "state"]
    return WorkOut(state=state_of(work.window, now), **{name: getattr(work, name) for name in names})
