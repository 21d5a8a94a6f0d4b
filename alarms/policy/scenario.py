"""A scenario as a file: policies, people, rotas and what happens when; and whom it must tell, if it is a test. Pure.

docs/scenarios.md describes it. Times are durations from the beginning, such as `30m`; the beginning is a local time in
Europe/London.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from alarms.escalation.domain import Target
from alarms.escalation.outcomes import OUTCOMES
from alarms.policy.document import Class, PolicyDocument, Tier
from alarms.policy.reading import Fault, faults_of, load_yaml, unreadable
from alarms.policy.scenario_checks import CheckWords
from alarms.policy.scenario_crash import StormWords
from alarms.policy.scenario_faults import FaultWords, Trials
from alarms.policy.scenario_homes import HomePart, HomeWords, only_send, strangers
from alarms.policy.scenario_messages import MessageWords
from alarms.policy.scenario_service import ServiceKeys, ServiceWords, lacking
from alarms.policy.scenario_words import ComesOn, Moment, Part, Start, Told, WayOf, Ways
from alarms.rota.domain import OverrideKind
from telecare.kernel.lined_yaml import UnreadableError


class ScenarioError(Exception):
    """The file is no scenario; `faults` say why, line by line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class OverridePart(Part):
    """Somebody put on, taken off or replaced on a rota for a while; local times."""

    kind: OverrideKind
    start: Start
    end: Start
    member: str | None = None
    instead_of: str | None = None


class TurnPart(Part):
    """Somebody's turn in a temporary schedule; local times."""

    member: str
    start: Start
    end: Start


class TemporaryPart(Part):
    """A period in which only these turns count."""

    start: Start
    end: Start
    turns: tuple[TurnPart, ...] = ()


class RotaPart(Part):
    """A rota: layers as the API takes them, with names in place of ids. `broken`: it cannot be read (R26)."""

    zone: str = "Europe/London"
    layers: tuple[dict[str, Any], ...] = ()
    overrides: tuple[OverridePart, ...] = ()
    temporary: tuple[TemporaryPart, ...] = ()
    broken: bool = False


class LoggedPart(Part):
    """A line that an alarm's log must hold: its kind, and words of it."""

    at: Moment | None = None
    alarm: str | None = None
    kind: str
    words: str = ""


class WorkPart(Part):
    """A window of planned work, or (with the name of one) its new end; `hub` is an alarm, whose hub alone it is for."""

    name: str = "work"
    for_: Moment = Field(alias="for", description="how long it goes on; moved: from now on")
    starts_in: Moment = Field(default=0, description="how long after now it begins")
    hub: str | None = Field(default=None, description="the alarm whose hub alone it is for")


ANSWERED = ("sends", "report", "text")
"""Acts of somebody who waits for an answer: a hub, a provider, a responder."""


class EventPart(FaultWords, HomeWords, MessageWords, ServiceWords, StormWords, CheckWords):
    """Something that happens; exactly one of the acts. `alarm` is the first one when it is left out."""

    ACTS: ClassVar[tuple[str, ...]] = (
        "raise_", "act", "close", "fails", "not_reached", "delivered", "engine", "people", "remove", "disable",
        "enable", "rotas", "policy", "retire", "remove_rota", "plan_work", "move_work", "end_work",
        *FaultWords.FAULTS, *StormWords.STORM, *HomeWords.AT_HOMES, *MessageWords.MESSAGES, *ServiceWords.AT_SERVICE,
        *CheckWords.CHECKS,
    )  # fmt: skip

    at: Moment
    alarm: str | None = None
    by: str = "operator"
    via: Literal["link", "sms", "voice"] = "link"
    why: str = ""

    raise_: str | None = Field(default=None, alias="raise", description="the type of alarm")
    tier: Tier | None = None
    class_: Class | None = Field(default=None, alias="class")
    quiet_for: Moment | None = Field(default=None, description="planned work at its hub goes on for so long")

    waited: Moment = Field(default=0, description="so long ago a listener of ours had it, and could not store it")

    act: Literal[
        "repeat", "clear", "cancel", "voice_lost",
        "ack", "take_over", "renew", "release", "attend", "hold", "escalate", "shelve", "no_speech",
        "accept", "decline", "on_the_way", "there", "done", "reroute",
    ] | None = None  # fmt: skip
    arrive_in: Moment | None = None
    for_: Moment = Field(default=0, alias="for", description="how long it is shelved")
    close: str | None = Field(default=None, description="the outcome code")
    voice_confirmed: bool = False
    supervisor: bool = False

    fails: WayOf | None = Field(default=None, description="a way that could not be reached, such as u1.sms")
    not_reached: WayOf | None = Field(default=None, description="voicemail, busy, no answer")
    delivered: WayOf | None = None

    plan_work: WorkPart | None = Field(default=None, description="work is planned")
    move_work: WorkPart | None = Field(default=None, description="it ends at another moment")
    end_work: str | None = Field(default=None, description="the work of this name ends now")

    engine: Literal["off", "on"] | None = None
    people: dict[str, Ways] | None = Field(default=None, description="contact rules from now on")
    remove: tuple[str, ...] = ()
    disable: tuple[WayOf, ...] = Field(default=(), description="ways that are switched off, such as u1.sms")
    enable: tuple[WayOf, ...] = Field(default=(), description="ways that are switched on again")
    rotas: dict[str, RotaPart] | None = None
    policy: PolicyDocument | None = Field(default=None, description="a new version of the policy of its key")
    retire: str | None = Field(default=None, description="no new alarm goes by the policy of this key any more")
    remove_rota: str | None = Field(default=None, description="the rota of this key is taken away")
    seen: Moment | None = Field(default=None, description="the alarm as it was at this moment is what they act on")
    refused: bool | str = Field(default=False, description="a rule must forbid it; in these words; in a race: maybe")
    answer: str | None = Field(
        default=None, coerce_numbers_to_str=True, description="what whoever says it must be answered"
    )

    @model_validator(mode="after")
    def _one_act(self) -> "EventPart":
        if len(self.acts) != 1:
            raise ValueError("an event is one act, such as `raise: pendant`; write another line for another")
        if self.waited and self.raise_ is None:
            raise ValueError("`waited` says more of `raise`; take it out, or raise an alarm")
        if self.seen is not None and self.act is None and self.close is None:
            raise ValueError("`seen` says more of an operator's `act` or `close`; take it out, or write one")
        if self.close is not None and self.close not in OUTCOMES:
            raise ValueError(f"“{self.close}” is no outcome; there are: {', '.join(OUTCOMES)}")
        return self

    @model_validator(mode="after")
    def _somebody_is_answered(self) -> "EventPart":
        if self.answer is not None and not {*self.acts} & {*ANSWERED}:
            raise ValueError(
                f"nobody is answered here; take `answer` out, or write it beside `{'` or `'.join(ANSWERED)}`"
            )
        return self

    def surprises(self, of: str, refusal: str | None) -> list[str]:
        """Return in words what came otherwise than `refused` says; `refusal` is why a rule forbade it, if one did."""
        what = f"{self.act or self.close} of alarm {of}" if self.is_act else f"{self.acts[0]} of {of}"
        if self.refused == "maybe":
            return []
        if refusal is None:
            return [f"{what} was allowed"] if self.refused else []
        expected = self.refused if isinstance(self.refused, bool) else self.refused in refusal
        return [] if expected else [f"{what} was refused: {refusal}"]

    @property
    def acts(self) -> list[str]:
        """The names of the acts that are written."""
        written = ((name, getattr(self, name)) for name in self.ACTS)
        return [name for name, value in written if value is not None and value != ()]

    @property
    def real_only(self) -> str | None:
        """The name of its act when only real parts can show what comes of it, else None."""
        real = {*self.FAULTS, *self.STORM, *self.AT_HOMES, *self.MESSAGES, *self.AT_SERVICE, *self.CHECKS}
        return next((name for name in self.acts if name in real), "together" if self.together else None)

    @property
    def is_act(self) -> bool:
        """Whether it happens to an alarm that is open."""
        return any(one is not None for one in (self.act, self.close, self.fails, self.not_reached, self.delivered))


PEER = {"catch_all": {"tell": ["queue"], "every": "24h"}, "ack": {"lapses": "24h", "remind": "1h"}}
"""How on-call systems do it that are not for life-safety: when all steps are through only the console shows it."""


class Scenario(Trials, ServiceKeys):
    """All of it. `until` is when it ends; `expect`, `log` and `comes_on` make it a test: nothing else may be sent.

    `profile: peer` gives every policy what it does not say itself of PEER; policies need no name.
    """

    name: str
    profile: Literal["telecare", "peer"] = "telecare"
    says: str = ""
    start: Start = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)
    until: Moment
    policies: tuple[PolicyDocument, ...] = ()
    people: dict[str, Ways] = Field(default_factory=dict)
    teams: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    homes: dict[str, HomePart] = Field(default_factory=dict, description="who lives where, with which hubs")
    rotas: dict[str, RotaPart] = Field(default_factory=dict)
    standing: dict[Target, tuple[str, ...]] = Field(default_factory=dict)
    broken_channels: tuple[str, ...] = Field(default=(), description="every message by these fails at once")
    events: Annotated[tuple[EventPart, ...], Field(min_length=1, max_length=500)]
    expect: tuple[Told, ...] | None = None
    in_order: bool = Field(default=False, description="what is expected of one moment must leave in this order")
    log: tuple[LoggedPart, ...] = ()
    answered: Mapping[str, Moment] = Field(
        default_factory=dict, description="by alarm, how long after its first receipt somebody first had it"
    )
    comes_on: Mapping[str, tuple[ComesOn, ...]] = Field(default_factory=dict, description="all who come on, by rota")
    levels: tuple[Literal["pure", "database", "wire", "page", "crash"], ...] = ("pure", "database", "wire")

    @model_validator(mode="after")
    def _levels_fit(self) -> "Scenario":
        if self.canary and self.levels != ("wire",):
            raise ValueError("`canary` goes through the broker; write levels: [wire]")
        seen = any(event.feed or (event.check and event.check.page) for event in self.events)
        if seen and self.levels != ("page",):
            raise ValueError("only a browser shows `feed` and `page`; write levels: [page]")
        if any(event.storm for event in self.events) != (self.levels == ("crash",)):
            raise ValueError("a storm of kills is a test of its own; write `storm` and levels: [crash]")
        keys = (self.crowd, *(name for name in self.OF_SERVICE if getattr(self, name)))
        real = next((name for name in (*keys, *(event.real_only for event in self.events)) if name), None)
        if real is not None and "pure" in self.levels:
            raise ValueError(f"`{real}` happens on real parts only; add levels: [database] to the file")
        if "wire" in self.levels and any(event.provider for event in self.events):
            raise ValueError("`provider` is for providers of the test's own; write levels: [database]")
        return self

    @model_validator(mode="after")
    def _homes_fit(self) -> "Scenario":
        at_homes = next((name for event in self.events for name in event.acts if name in HomeWords.AT_HOMES), None)
        if at_homes is not None and not self.homes:
            raise ValueError(f"`{at_homes}` happens at homes, and there are none; add some, as homes: {{jean: {{}}}}")
        real = {"database", "wire"} if only_send(self.homes, self.events) else {"database"}
        if self.homes and {*self.levels} - real:
            raise ValueError("homes are in the register of a real database; write levels: [database]")
        looked_at = {event.check.hub for event in self.events if event.check and event.check.hub}
        if unknown := strangers(self.homes, self.events, looked_at):
            raise ValueError(f"“{unknown[0]}” is no home here and no hub; write one of: {', '.join(self.homes)}")
        return self

    @model_validator(mode="after")
    def _all_are_there(self) -> "Scenario":
        operators = {name for names in self.rooms.values() for name in names}
        looks = {name for event in self.events if event.check for name in event.check.sees}
        for where, named, among, there in (
            ("watchdog", self.watchdog, "people", self.people),
            ("sees", looks, "rooms", operators),
            ("seen", [event.by for event in self.events if event.seen is not None], "rooms", operators),
        ):
            for name in named:
                if name not in there:
                    raise ValueError(f"“{name}” of `{where}` is nobody; add them to `{among}`")
        if words := lacking(self, self.events, [event.check for event in self.events if event.check]):
            raise ValueError(words)
        return self

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
        raise ScenarioError((unreadable(error),)) from error
    except ValidationError as error:
        raise ScenarioError(tuple(faults_of(error, Scenario, lines, "scenario"))) from error
    return scenario
