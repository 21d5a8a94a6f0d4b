"""Responders, contact methods, rules and teams as the API says and takes them."""

import re
from datetime import datetime, time
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from alarms.notify.addresses import shown
from alarms.notify.domain import Channel
from alarms.responders.domain import CODE_DIGITS, LATEST_S, CodeCheck, Rule, Urgency
from alarms.responders.models import KEY, ContactMethod, ContactRule, Responder, Team
from alarms.responders.repository import Named
from alarms.responders.service import tries_left

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

EXPLAINED = {
    CodeCheck.RIGHT: "the address is verified",
    CodeCheck.WRONG: "this is not the code that was sent",
    CodeCheck.EXPIRED: "the code has expired: send another",
    CodeCheck.NO_TRIES_LEFT: "too many wrong codes: send another",
    CodeCheck.NONE_SENT: "no code is out: send one first",
}


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("line breaks and control characters are not allowed here")
    return text


Key = Annotated[str, Field(pattern=KEY, description="how policies, rotas and teams name it, such as isla-reid")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_one_line)]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500), AfterValidator(_one_line)
]
CouncilCode = Annotated[str, Field(pattern=r"^S12[0-9]{6}$", description="a GSS code; without one it serves all")]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]
Members = Annotated[list[UUID], Field(max_length=100, description="ids of responders, in their order")]


class Input(BaseModel):
    """What a caller sends: a name that we do not know is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Output(BaseModel):
    """What we answer."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class QuietHours(Input):
    """Local times (Europe/London) between which only life-safety alarms are told."""

    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("quiet hours that end when they start are none: leave them out")
        return self


class ResponderIn(Input):
    """Somebody who can be sent."""

    key: Key
    name: Name
    council_id: CouncilCode | None = None
    user_id: Annotated[UUID | None, Field(description="who this is in the console, if they log in")] = None
    quiet_hours: QuietHours | None = None
    active: bool = True


class ResponderPatch(Input):
    """What to change; what is left out stays."""

    name: Name | None = None
    user_id: UUID | None = None
    quiet_hours: QuietHours | None = None
    active: bool | None = None


class ResponderOut(Output):
    """Somebody who can be sent; who is not `active` is passed over."""

    id: UUID
    council_id: str | None
    key: str
    name: str
    user_id: UUID | None
    active: bool
    quiet_hours: QuietHours | None
    created_at: datetime


class MethodIn(Input):
    """A way to reach somebody: a telephone number for `sms` and `voice`, else what the channel calls an address."""

    channel: Channel
    address: Annotated[str, Field(min_length=3, max_length=1500)]
    label: Annotated[Name | None, Field(description="as the alarm's log names it; without one, name and channel")] = (
        None
    )


class MethodPatch(Input):
    """What to change; what is left out stays."""

    label: Name | None = None
    position: Annotated[int | None, Field(ge=0, le=1000)] = None
    disabled: bool | None = None
    why: Annotated[Words | None, Field(description="why it is switched off")] = None


class MethodOut(Output):
    """A way to reach somebody. Of an address that is a key to something only the service is shown.

    An unverified one is used all the same; a disabled one is not.
    """

    id: UUID
    channel: Channel
    address: str
    label: str
    position: int
    verified_at: datetime | None
    disabled_at: datetime | None
    disabled_why: str | None


class RuleIn(Input):
    """Tell this method so many seconds after the start of the round, for alarms of this urgency."""

    method_id: UUID
    after_s: Annotated[int, Field(ge=0, le=LATEST_S)] = 0
    urgency: Urgency = Urgency.LIFE_SAFETY

    def as_rule(self) -> Rule:
        """Return the rule as the domain knows it."""
        return Rule(self.method_id, self.after_s, self.urgency)


class RuleOut(Output):
    """A contact rule."""

    method_id: UUID
    after_s: int
    urgency: Urgency


class ResponderFull(ResponderOut):
    """A responder with methods in their order and rules; without rules each method is told at once."""

    methods: list[MethodOut]
    rules: list[RuleOut]


class CodeIn(Input):
    """A code that was sent to a contact method."""

    code: Annotated[str, Field(pattern=rf"^[0-9]{{{CODE_DIGITS}}}$")]


class CodeOut(Output):
    """What became of a code; a wrong one is counted."""

    verified: bool
    note: str
    tries_left: int


class Member(Output):
    """A responder where somebody lists them."""

    id: UUID
    key: str
    name: str


class TeamIn(Input):
    """Responders who are told together."""

    key: Key
    name: Name
    council_id: CouncilCode | None = None
    members: Annotated[Members, Field(default_factory=list)]


class TeamPatch(Input):
    """What to change; what is left out stays, and `members` replaces all of them."""

    name: Name | None = None
    members: Members | None = None


class TeamOut(Output):
    """A team with its members in their order."""

    id: UUID
    council_id: str | None
    key: str
    name: str
    members: list[Member]
    created_at: datetime


def quiet_columns(hours: QuietHours | None) -> dict[str, Any]:
    """Return quiet hours as the columns of a responder."""
    if hours is None:
        return {"quiet_from": None, "quiet_to": None}
    return {"quiet_from": time.fromisoformat(hours.from_), "quiet_to": time.fromisoformat(hours.to)}


def show_responder(responder: Responder) -> ResponderOut:
    """Return a responder as programs see them."""
    return ResponderOut(**_columns(responder))


def show_whole(responder: Responder, methods: list[ContactMethod], rules: list[ContactRule]) -> ResponderFull:
    """Return a responder with methods and rules."""
    return ResponderFull(
        **_columns(responder),
        methods=[show_method(method) for method in methods],
        rules=[RuleOut.model_validate(rule) for rule in rules],
    )


def show_method(method: ContactMethod) -> MethodOut:
    """Return a contact method, its address as it may be shown."""
    columns = {name: getattr(method, name) for name in MethodOut.model_fields}
    return MethodOut(**{**columns, "address": shown(Channel(method.channel), method.address)})


def show_check(found: CodeCheck, method: ContactMethod) -> CodeOut:
    """Return what became of a code."""
    return CodeOut(verified=found is CodeCheck.RIGHT, note=EXPLAINED[found], tries_left=max(0, tries_left(method)))


def show_member(named: Named) -> Member:
    """Return a responder where somebody lists them."""
    return Member.model_validate(named)


def show_team(team: Team, members: tuple[Named, ...]) -> TeamOut:
    """Return a team with its members."""
    columns = {name: getattr(team, name) for name in TeamOut.model_fields if name != "members"}
    return TeamOut(**columns, members=[show_member(member) for member in members])


def _columns(responder: Responder) -> dict[str, Any]:
    quiet = None
    if responder.quiet_from is not None and responder.quiet_to is not None:
        quiet = QuietHours(from_=f"{responder.quiet_from:%H:%M}", to=f"{responder.quiet_to:%H:%M}")
    columns = {name: getattr(responder, name) for name in ResponderOut.model_fields if name != "quiet_hours"}
    return {**columns, "quiet_hours": quiet}
