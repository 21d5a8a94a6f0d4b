"""A scenario as a file: policies, people, rotas and what happens when; and whom it must tell, if it is a test. Pure.

docs/scenarios.md describes it. Times are durations from the beginning, such as `30m`; the beginning is a local time in
Europe/London.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from alarms.escalation.domain import Address, ContactRule, Party, Target
from alarms.escalation.outcomes import OUTCOMES
from alarms.policy.calendar import LONDON
from alarms.policy.document import Class, PolicyDocument, Seconds, Tier
from alarms.policy.reading import Fault, UnreadableError, faults_of, load_yaml
from alarms.rota.document import LayerDocument, layer_of
from alarms.rota.domain import Override, OverrideKind, Rota, TemporarySchedule, Turn
from alarms.rota.wallclock import first_moment

CHANNELS = ("sms", "voice", "email", "push", "webhook", "apprise")
_WAY = re.compile(rf"((?:{'|'.join(CHANNELS)})(?:/\d{{1,2}})?)@(\w+)")
_TOLD = re.compile(r"(\S+)\s+([^\s.]+)\.(\S+?)(?:\s+(\S+))?")
_SECONDS = re.compile(r"\d+")


_LAYERS: TypeAdapter[list[LayerDocument]] = TypeAdapter(list[LayerDocument])


class ScenarioError(Exception):
    """The file is no scenario; `faults` say why, line by line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


def _start(value: Any) -> Any:
    """Return the moment of a local time."""
    if isinstance(value, datetime):
        local = value
    else:
        try:
            local = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise ValueError(f"“{value}” is no local time; write it as 2027-01-03 03:12") from error
    return local.astimezone(UTC) if local.tzinfo else first_moment(local, LONDON)


def _duration(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _SECONDS.fullmatch(value) else value


def _rules(value: Any) -> Any:
    """Return contact rules from `sms@0 voice@5m`."""
    words = value.split() if isinstance(value, str) else value
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        found = [_WAY.fullmatch(word) for word in words]
        if all(found):
            return [{"way": match[1], "after": _duration(match[2])} for match in found if match]
    raise ValueError(f"“{value}” is no list of ways; write them as sms@0 voice@5m")


def _told(value: Any) -> Any:
    """Return whom a test expects to be told from `30m u2.sms`, with the alarm behind it when there are several."""
    match = _TOLD.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"“{value}” is not whom to tell when; write it as 30m u2.sms, or 30m u2.sms second")
    return {"at": _duration(match[1]), "who": match[2], "way": match[3], "alarm": match[4]}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WayPart(_Part):
    """A contact rule: by this way, so many seconds after the start of the round."""

    way: str
    after: Seconds


Moment = Annotated[Seconds, BeforeValidator(_duration)]
Start = Annotated[datetime, BeforeValidator(_start)]
Ways = Annotated[tuple[WayPart, ...], BeforeValidator(_rules)]


class OverridePart(_Part):
    """Somebody put on, taken off or replaced on a rota for a while; local times."""

    kind: OverrideKind
    start: Start
    end: Start
    member: str | None = None
    instead_of: str | None = None


class TurnPart(_Part):
    """Somebody's turn in a temporary schedule; local times."""

    member: str
    start: Start
    end: Start


class TemporaryPart(_Part):
    """A period in which only these turns count."""

    start: Start
    end: Start
    turns: tuple[TurnPart, ...] = ()


class RotaPart(_Part):
    """A rota: layers as the API takes them, with names in place of ids. `broken`: it cannot be read (R26)."""

    zone: str = "Europe/London"
    layers: tuple[dict[str, Any], ...] = ()
    overrides: tuple[OverridePart, ...] = ()
    temporary: tuple[TemporaryPart, ...] = ()
    broken: bool = False


class ToldPart(_Part):
    """One message that must be sent."""

    at: Moment
    who: str
    way: str
    alarm: str | None = None


class LoggedPart(_Part):
    """A line that an alarm's log must hold: its kind, and words of it."""

    at: Moment | None = None
    alarm: str | None = None
    kind: str
    words: str = ""


class EventPart(_Part):
    """Something that happens; exactly one of the acts. `alarm` is the first one when it is left out."""

    at: Moment
    alarm: str | None = None
    by: str = "operator"
    via: Literal["link", "sms", "voice"] = "link"
    why: str = ""

    raise_: str | None = Field(default=None, alias="raise", description="the type of alarm")
    tier: Tier | None = None
    class_: Class | None = Field(default=None, alias="class")
    quiet_for: Moment | None = Field(default=None, description="planned work goes on for so long")

    act: Literal[
        "repeat", "clear", "cancel", "voice_lost",
        "ack", "take_over", "renew", "release", "attend", "hold", "escalate", "no_speech",
        "accept", "decline", "on_the_way", "there", "done", "reroute",
    ] | None = None  # fmt: skip
    arrive_in: Moment | None = None
    close: str | None = Field(default=None, description="the outcome code")
    voice_confirmed: bool = False
    supervisor: bool = False

    fails: str | None = Field(default=None, description="a way that could not be reached, such as u1.sms")
    not_reached: str | None = Field(default=None, description="voicemail, busy, no answer")
    delivered: str | None = None

    engine: Literal["off", "on"] | None = None
    people: dict[str, Ways] | None = Field(default=None, description="contact rules from now on")
    remove: tuple[str, ...] = ()
    rotas: dict[str, RotaPart] | None = None
    policy: PolicyDocument | None = Field(default=None, description="a new version of the policy of its key")
    refused: bool = Field(default=False, description="a rule must forbid it")

    @model_validator(mode="after")
    def _one_act(self) -> "EventPart":
        acts = [
            self.raise_, self.act, self.close, self.fails, self.not_reached, self.delivered, self.engine,
            self.people, self.remove or None, self.rotas, self.policy,
        ]  # fmt: skip
        if sum(act is not None for act in acts) != 1:
            raise ValueError("an event is one act, such as `raise: pendant`; write another line for another")
        if self.close is not None and self.close not in OUTCOMES:
            raise ValueError(f"“{self.close}” is no outcome; there are: {', '.join(OUTCOMES)}")
        return self


PEER = {"catch_all": {"tell": ["queue"], "every": "24h"}, "ack": {"lapses": "24h", "remind": "1h"}}
"""How on-call systems do it that are not for life-safety: when all steps are through only the console shows it."""


class Scenario(_Part):
    """All of it. `until` is when it ends; `expect` and `log` make it a test: nothing else may be sent.

    `profile: peer` gives every policy what it does not say itself of PEER; policies need no name.
    """

    name: str
    profile: Literal["telecare", "peer"] = "telecare"
    says: str = ""
    start: Start = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)
    until: Moment
    policies: tuple[PolicyDocument, ...] = ()
    people: dict[str, Ways] = {}
    teams: dict[str, tuple[str, ...]] = {}
    rotas: dict[str, RotaPart] = {}
    standing: dict[Target, tuple[str, ...]] = {}
    broken_channels: tuple[str, ...] = Field(default=(), description="every message by these fails at once")
    events: Annotated[tuple[EventPart, ...], Field(min_length=1, max_length=500)]
    expect: tuple[Annotated[ToldPart, BeforeValidator(_told)], ...] | None = None
    log: tuple[LoggedPart, ...] = ()
    levels: tuple[Literal["pure", "database", "wire"], ...] = ("pure", "database", "wire")

    @model_validator(mode="before")
    @classmethod
    def _fill_policies(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        usual = PEER if data.get("profile") == "peer" else {}

        def filled(policy: Any) -> Any:
            return {**usual, "name": policy.get("key", ""), **policy} if isinstance(policy, dict) else policy

        changed = dict(data)
        if isinstance(data.get("policies"), list):
            changed["policies"] = [filled(policy) for policy in data["policies"]]
        if isinstance(data.get("events"), list):
            changed["events"] = [
                {**event, "policy": filled(event["policy"])} if isinstance(event, dict) and "policy" in event else event
                for event in data["events"]
            ]
        return changed


def read_scenario(text: str) -> Scenario:
    """Read a scenario file, or raise ScenarioError."""
    try:
        data, lines = load_yaml(text)
        scenario = Scenario.model_validate(data)
    except UnreadableError as error:
        raise ScenarioError((error.fault,)) from error
    except ValidationError as error:
        raise ScenarioError(tuple(faults_of(error, Scenario, lines))) from error
    return scenario


def person_id(name: str) -> UUID:
    """Return the id of somebody in a scenario: the same name is the same person."""
    return uuid5(NAMESPACE_URL, f"scenario:{name}")


def party(name: str, ways: tuple[WayPart, ...]) -> Party:
    """Return somebody of a scenario as the core knows them."""
    ordered = sorted(ways, key=lambda rule: rule.after)
    rules = [
        ContactRule(rule.after, Address(rule.way.partition("/")[0], f"{name}.{rule.way}", name)) for rule in ordered
    ]
    return Party(str(person_id(name)), name, tuple(rules), silent="there is no way to them")


def rota_of(part: RotaPart) -> Rota:
    """Return a rota of a scenario as the domain knows it."""
    layers = _LAYERS.validate_python([_with_ids(layer) for layer in part.layers])
    return Rota(
        layers=tuple(layer_of(layer) for layer in layers),
        overrides=tuple(
            Override(one.kind, one.start, one.end, _id(one.member), _id(one.instead_of)) for one in part.overrides
        ),
        temporary=tuple(
            TemporarySchedule(one.start, one.end, tuple(Turn(person_id(t.member), t.start, t.end) for t in one.turns))
            for one in part.temporary
        ),
        zone=part.zone,
    )


def _id(name: str | None) -> UUID | None:
    return None if name is None else person_id(name)


def _with_ids(layer: dict[str, Any]) -> dict[str, Any]:
    changed = dict(layer)
    if "members" in changed:
        changed["members"] = [str(person_id(name)) for name in changed["members"]]
    if "rules" in changed:
        changed["rules"] = [{**rule, "member": str(person_id(rule["member"]))} for rule in changed["rules"]]
    return changed
