"""Runs a scenario on a simulated clock through the same core that runs at night. Pure.

The engine is always on time unless the scenario switches it off. The timeline tells whom the core would have told, by
what and why, and what the log would say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alarms.escalation.decide import decide
from alarms.escalation.domain import Decision, Holder, Ladder, Notify, Party, RuleError, State
from alarms.escalation.hours import Local
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Attended,
    AtTheHome,
    Cleared,
    Closed,
    Declined,
    Delivered,
    Escalated,
    Fate,
    Finished,
    Held,
    HubCancelled,
    Input,
    NoSpeech,
    OnTheWay,
    Raised,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    RulesChanged,
    TimerDue,
    VoiceLost,
)
from alarms.escalation.ladders import BY_CLASS
from alarms.escalation.ranks import VOICE_LOST
from alarms.policy.calendar import local_at
from alarms.policy.matching import Facts, Live, choose, rank_of
from alarms.policy.scenario import EventPart, Scenario, WayPart, party, person_id, rota_of
from alarms.rota.domain import on_call

FIRST = "1"
"""The name of the first alarm; those after it are 2, 3 and so on unless they are named."""

MOST_MOMENTS = 100_000


@dataclass(frozen=True)
class AlarmType:
    """What of a type of alarm a scenario needs."""

    class_: str
    rank: int
    words: str


@dataclass(frozen=True)
class Told:
    """A message that would leave. `way` is the channel, with its number where somebody has several: `sms/2`."""

    at: datetime
    alarm: str
    target: str
    who: str
    way: str
    reason: str

    @property
    def channel(self) -> str:
        """The channel alone."""
        return self.way.partition("/")[0]


@dataclass(frozen=True)
class Said:
    """A line of an alarm's log."""

    at: datetime
    alarm: str
    kind: str
    actor: str
    text: str


@dataclass
class Timeline:
    """What happened, in its order. `surprises` are acts that a rule forbade, or allowed, against what the file says."""

    start: datetime
    told: list[Told] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    def take(self, alarm: str, at: datetime, decision: Decision) -> None:
        """Add what a decision sends and says."""
        for effect in decision.effects:
            if isinstance(effect, Notify):
                who, way = who_and_way(effect)
                self.told.append(Told(at, alarm, effect.target, who, way, effect.reason))
        self.said += [Said(at, alarm, line.kind, line.actor, line.text) for line in decision.log]


def who_and_way(effect: Notify) -> tuple[str, str]:
    """Return who is told and by which way: the addresses of scenarios are `name.way`, others have their label."""
    name, dot, way = effect.to.address.rpartition(".")
    scenario = dot and way.partition("/")[0] == effect.to.channel
    return (name, way) if scenario else (effect.to.label, effect.to.channel)


class ScenarioRun:
    """`ScenarioRun(scenario, types).run()` returns the timeline; `states` are the alarms as they are at the end."""

    def __init__(self, scenario: Scenario, types: Mapping[str, AlarmType]) -> None:
        self.scenario = scenario
        self.types = types
        self.now = scenario.start
        self.timeline = Timeline(scenario.start)
        self.states: dict[str, State] = {}
        self._facts: dict[str, Facts] = {}
        self._people: dict[str, tuple[WayPart, ...]] = dict(scenario.people)
        self._rotas = dict(scenario.rotas)
        self._policies = {document.key: Live(document, 1) for document in scenario.policies}
        self._awake = True

    def run(self) -> Timeline:
        """Let everything happen, and the engine drive what is due in between."""
        for event in sorted(self.scenario.events, key=lambda event: event.at):
            self._drive_until(self._moment(event.at))
            self._happen(event)
        self._drive_until(self._moment(self.scenario.until))
        return self.timeline

    # The engine.

    def _drive_until(self, end: datetime) -> None:
        """Drive what is due, the gravest of a moment first; an act of that same moment finds it done."""
        for _ in range(MOST_MOMENTS):
            due = [
                (state.next_due_at, state.rank, name)
                for name, state in self.states.items()
                if state.next_due_at is not None and state.next_due_at <= end
            ]
            if not due or not self._awake:
                self.now = end
                return
            moment, _, name = min(due)
            self.now = max(self.now, moment)
            self._apply(name, self._timer(self.states[name]))

    def _timer(self, state: State) -> TimerDue:
        parties = {target: tuple(self._party(name) for name in names) for target, names in self._behind().items()}
        present = {one.id: one for listed in parties.values() for one in listed}
        present |= {str(person_id(name)): self._party(name) for name in self._people}
        asked = {turn.party for turn in state.rounds} | {acceptance.by.id for acceptance in state.acceptances}
        return TimerDue(parties, {one: present[one] for one in sorted(asked & present.keys())}, self._local())

    def _behind(self) -> dict[str, list[str]]:
        """Return the names of who stands behind each target now."""
        known = self._people
        names = {str(person_id(name)): name for name in known}
        behind: dict[str, list[str]] = {str(target): list(listed) for target, listed in self.scenario.standing.items()}
        behind |= {f"responder:{name}": [name] for name in known} | {f"webhook:{name}": [name] for name in known}
        behind |= {f"team:{key}": list(members) for key, members in self.scenario.teams.items()}
        for key, part in self._rotas.items():
            on = () if part.broken else on_call(rota_of(part), self.now)
            behind[f"rota:{key}"] = [names[str(member)] for member in on if str(member) in names]
        return {target: [name for name in listed if name in known] for target, listed in behind.items()}

    def _party(self, name: str) -> Party:
        return party(name, self._people[name])

    def _apply(self, name: str, event: Input) -> None:
        before = self.states.get(name)
        decision = decide(before, event, self.now)
        self.states[name] = decision.state
        self.timeline.take(name, self.now, decision)
        broken = [
            effect
            for effect in decision.effects
            if isinstance(effect, Notify) and effect.to.channel in self.scenario.broken_channels
        ]
        for effect in broken:
            self._apply(
                name, Delivered(effect.to.label, effect.to.channel, Fate.FAILED, "no such address", effect.to.address)
            )

    # What happens.

    def _happen(self, event: EventPart) -> None:
        if event.raise_ is not None:
            self._raise(event)
        elif event.engine is not None:
            self._awake = event.engine == "on"
        elif event.rotas is not None:
            self._rotas |= event.rotas
        elif event.remove:
            self._people = {name: ways for name, ways in self._people.items() if name not in event.remove}
        elif event.people is not None:
            self._people |= event.people
            for name, state in self.states.items():
                if state.closed_at is None and any(turn.next_at for turn in state.rounds):
                    self._apply(name, RulesChanged(self._timer(state).going_on))
        elif event.policy is not None:
            earlier = self._policies.get(event.policy.key)
            self._policies[event.policy.key] = Live(event.policy, earlier.version + 1 if earlier else 1)
        else:
            self._act(event)
        self._drive_until(self.now)

    def _raise(self, event: EventPart) -> None:
        name = event.alarm or str(len(self.states) + 1)
        known = self.types.get(event.raise_ or "")
        if known is None:
            self.timeline.surprises.append(f"“{event.raise_}” is no type of alarm")
            return
        class_ = event.class_ or known.class_
        facts = Facts(None, None, event.tier, class_, event.raise_ or "", self._local())
        self._facts[name] = facts
        live = choose(self._policies.values(), facts)
        quiet = None if event.quiet_for is None else self.now + timedelta(seconds=event.quiet_for)
        self._apply(
            name,
            Raised(
                alarm_id=str(person_id(f"alarm {name}")),
                type=facts.type,
                class_=class_,
                rank=rank_of(live.document if live else None, known.rank),
                ladder=self._ladder(live, facts),
                words=known.words,
                received_at=self.now,
                quiet_until=quiet,
            ),
        )

    def _ladder(self, live: Live | None, facts: Facts) -> Ladder:
        return live.ladder if live else BY_CLASS[facts.class_]

    def _act(self, event: EventPart) -> None:
        name = event.alarm or FIRST
        if name not in self.states:
            self.timeline.surprises.append(f"there is no alarm “{name}”")
            return
        refused: RuleError | None = None
        try:
            self._apply(name, self._input(event, name))
        except RuleError as error:
            refused = error
        if (refused is not None) != event.refused:
            words = f"was refused: {refused}" if refused else "was allowed"
            self.timeline.surprises.append(f"{event.act or event.close} of alarm {name} {words}")

    def _input(self, event: EventPart, name: str) -> Input:
        for way, fate in (
            (event.fails, Fate.FAILED),
            (event.not_reached, Fate.NOT_REACHED),
            (event.delivered, Fate.DELIVERED),
        ):
            if way is not None:
                who, _, channel = way.rpartition(".")
                return Delivered(who, channel.partition("/")[0], fate, event.why, way)
        by = Holder(str(person_id(event.by)), event.by)
        if event.close is not None:
            return Closed(by, event.close, event.why, event.voice_confirmed, event.supervisor)
        if event.act == "reroute":
            facts = self._facts[name]
            ladder = self._ladder(choose(self._policies.values(), facts), facts)
            return Rerouted(ladder, event.why or "Moved to the policy as it is now", by)
        return self._plain(event, by, self.types[self.states[name].type])

    def _plain(self, event: EventPart, by: Holder, known: AlarmType) -> Input:
        acts: dict[str, Input] = {
            "repeat": Repeated(known.words, known.rank),
            "clear": Cleared("Back to normal"),
            "cancel": HubCancelled(),
            "voice_lost": VoiceLost("The call has ended", VOICE_LOST),
            "ack": Acked(by),
            "take_over": Acked(by, take_over=True),
            "renew": Renewed(by),
            "release": Released(by, event.why),
            "attend": Attended(by, event.why or "A responder", event.arrive_in),
            "hold": Held(by, event.why),
            "escalate": Escalated(by, event.why),
            "no_speech": NoSpeech(by),
            "accept": Accepted(by, event.via, event.arrive_in),
            "decline": Declined(by, event.via, event.why),
            "on_the_way": OnTheWay(by, event.via, event.arrive_in),
            "there": AtTheHome(by, event.via),
            "done": Finished(by, event.via, event.why),
        }
        return acts[str(event.act)]

    def _moment(self, seconds: int) -> datetime:
        return self.scenario.start + timedelta(seconds=seconds)

    def _local(self) -> Local:
        return local_at(self.now)


def differences(scenario: Scenario, timeline: Timeline) -> list[str]:
    """Return where a timeline is not what the scenario expects: what is missing, and what else was sent."""
    found = list(timeline.surprises)
    if scenario.expect is not None:
        wanted = [(one.at, one.who, one.way, one.alarm or FIRST) for one in scenario.expect]
        sent = [
            (round((told.at - timeline.start).total_seconds()), told.who, told.way, told.alarm)
            for told in timeline.told
        ]
        found += [f"not sent: {_words(*one)}" for one in _minus(wanted, sent)]
        found += [f"sent and not expected: {_words(*one)}" for one in _minus(sent, wanted)]
    for line in scenario.log:
        if not any(_matches(line, said, timeline.start) for said in timeline.said):
            found.append(f"the log has no line of kind {line.kind} with “{line.words}”")
    return found


def _matches(line: Any, said: Said, start: datetime) -> bool:
    at = round((said.at - start).total_seconds())
    return (
        line.kind == said.kind
        and line.words in said.text
        and (line.alarm or FIRST) == said.alarm
        and (line.at is None or line.at == at)
    )


def _minus(some: list[tuple[int, str, str, str]], others: list[tuple[int, str, str, str]]) -> list[Any]:
    left = list(others)
    missing = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            missing.append(one)
    return missing


def _words(at: int, who: str, way: str, alarm: str) -> str:
    minutes, seconds = divmod(at, 60)
    return f"{minutes}m{seconds:02d}s {who}.{way} of alarm {alarm}"
