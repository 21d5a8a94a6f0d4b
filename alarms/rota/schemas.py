"""Rotas, overrides, temporary schedules and who is on when, as the API says and takes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from alarms.responders.repository import Named
from alarms.responders.schemas import CouncilCode, Input, Key, Member, Name, Output, Words
from alarms.rota.document import YEARS, LayerDocuments, RotationDocument, WeeklyDocument, ZoneName, load_turns
from alarms.rota.domain import LONDON, Handover, OverrideKind, Shift, Turn
from alarms.rota.models import RotaOverride, RotaPlan, RotaTemporary
from alarms.rota.service import documents_of


def _near(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(f"the year must lie in {YEARS.start} to {YEARS.stop - 1}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_near)]
Layers = LayerDocuments


class RotaIn(Input):
    """A rota: its layers in the order in which their people are told."""

    key: Key
    name: Name
    council_id: CouncilCode | None = None
    zone: ZoneName = LONDON
    layers: Annotated[Layers, Field(default_factory=list)]


class FileRota(RotaIn):
    """A rota of a file; `as_of` is the version that it was exported from, absent where nobody minds that."""

    as_of: Annotated[int | None, Field(ge=1)] = None


class RotaPut(Input):
    """Another plan in place of the present one; `as_of` is the version that it was made from."""

    as_of: Annotated[int, Field(ge=1)]
    name: Name
    zone: ZoneName = LONDON
    layers: Layers


class RotaListed(Output):
    """A rota in the list."""

    id: UUID
    council_id: str | None
    key: str
    name: str
    zone: str
    version: int
    created_at: datetime
    changed_at: datetime


class RotaOut(RotaListed):
    """A rota with its layers; `members` names whom they mention."""

    layers: list[RotationDocument | WeeklyDocument]
    members: list[Member]


class OverrideIn(Input):
    """One act: `add` puts `member_id` on, `remove` takes `instead_of_id` off, `replace` both."""

    kind: OverrideKind
    member_id: UUID | None = None
    instead_of_id: UUID | None = None
    starts_at: Moment
    ends_at: Moment
    why: Words

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_order(self.starts_at, self.ends_at)
        if (self.kind is not OverrideKind.REMOVE) != (self.member_id is not None):
            raise ValueError("add and replace need member_id, remove takes none")
        if (self.kind is not OverrideKind.ADD) != (self.instead_of_id is not None):
            raise ValueError("remove and replace need instead_of_id, add takes none")
        if self.member_id is not None and self.member_id == self.instead_of_id:
            raise ValueError("nobody can be replaced by themselves")
        return self


class OverrideOut(Output):
    """An override: who made it, when and why; who has undone it."""

    id: UUID
    kind: OverrideKind
    member_id: UUID | None
    instead_of_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    why: str
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class TurnDocument(Input):
    """One person from a moment until before another."""

    member_id: UUID
    starts_at: Moment
    ends_at: Moment

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_order(self.starts_at, self.ends_at)
        return self


class TemporaryIn(Input):
    """A period in which these turns, and nothing else, say who is on."""

    starts_at: Moment
    ends_at: Moment
    turns: Annotated[list[TurnDocument], Field(max_length=200)]
    why: Words

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_order(self.starts_at, self.ends_at)
        if any(turn.starts_at < self.starts_at or turn.ends_at > self.ends_at for turn in self.turns):
            raise ValueError("each turn must lie within the schedule")
        return self

    def as_turns(self) -> list[Turn]:
        """Return the turns as the domain knows them."""
        return [Turn(turn.member_id, turn.starts_at, turn.ends_at) for turn in self.turns]


class TemporaryOut(Output):
    """A temporary schedule: who made it, when and why; who has undone it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    turns: list[TurnDocument]
    why: str
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class ShiftOut(Output):
    """The same people from a moment until before another."""

    starts_at: datetime
    ends_at: datetime
    members: list[Member]


class GapOut(Output):
    """When nobody is on."""

    starts_at: datetime
    ends_at: datetime


class HandoverOut(Output):
    """The next change: who comes on and who goes off."""

    at: datetime
    on: list[Member]
    off: list[Member]


class OnCallOut(Output):
    """Who is on call at a moment, in the order in which they are told; `error` says why a rota cannot be read."""

    rota_id: UUID
    key: str
    name: str
    council_id: str | None
    at: datetime
    members: list[Member]
    error: str | None = None
    next: HandoverOut | None = None


class ShiftsOut(Output):
    """Who is on when, in a period."""

    items: list[ShiftOut]


class GapsOut(Output):
    """When nobody is on, in a period."""

    items: list[GapOut]


class OnCallList(Output):
    """Who is on call by each rota."""

    items: list[OnCallOut]
    next: str | None


class ImportFault(Output):
    """What keeps a file from being imported, where it stands, and how to mend it."""

    line: int
    what: str
    mend: str
    stale: bool = Field(default=False, description="the rota has changed since it was exported")


class ImportedRota(Output):
    """What an import does with one rota: `created`, `changed` or `same`."""

    key: str
    council_id: str | None
    status: str


class RotaImportOut(Output):
    """What an import has done, or would do. With faults it has done nothing at all."""

    dry_run: bool
    done: bool
    rotas: list[ImportedRota]
    faults: list[ImportFault]


def show_listed(plan: RotaPlan) -> RotaListed:
    """Return a rota in the list."""
    return RotaListed.model_validate(plan)


def show_rota(plan: RotaPlan, names: Mapping[UUID, Named]) -> RotaOut:
    """Return a rota with its layers; UnreadableRotaError when they cannot be read."""
    columns: dict[str, Any] = {name: getattr(plan, name) for name in RotaListed.model_fields}
    members = sorted(names.values(), key=lambda named: named.key)
    shown = [Member.model_validate(named) for named in members]
    return RotaOut(**columns, layers=documents_of(plan), members=shown)


def show_override(override: RotaOverride) -> OverrideOut:
    """Return an override."""
    return OverrideOut.model_validate(override)


def show_temporary(schedule: RotaTemporary) -> TemporaryOut:
    """Return a temporary schedule."""
    columns = {name: getattr(schedule, name) for name in TemporaryOut.model_fields if name != "turns"}
    turns = [
        TurnDocument(member_id=turn.member, starts_at=turn.start, ends_at=turn.end)
        for turn in load_turns(schedule.plan)
    ]
    return TemporaryOut(**columns, turns=turns)


def show_members(members: Sequence[UUID], names: Mapping[UUID, Named]) -> list[Member]:
    """Return members by name, in their order."""
    return [Member.model_validate(names[member]) for member in members if member in names]


def show_shift(shift: Shift, names: Mapping[UUID, Named]) -> ShiftOut:
    """Return a shift."""
    return ShiftOut(starts_at=shift.start, ends_at=shift.end, members=show_members(shift.members, names))


def show_handover(handover: Handover | None, names: Mapping[UUID, Named]) -> HandoverOut | None:
    """Return a hand-over."""
    if handover is None:
        return None
    on, off = (show_members(members, names) for members in (handover.on, handover.off))
    return HandoverOut(at=handover.at, on=on, off=off)


def _check_order(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise ValueError("it must end after it starts")
