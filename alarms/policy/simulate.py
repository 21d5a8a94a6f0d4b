"""Runs a scenario on a simulated clock through the same core that runs at night. Pure.

The engine is always on time unless the scenario switches it off. The timeline tells whom the core would have told, by
what and why, and what the log would say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alarms.escalation.decide import decide
from alarms.escalation.domain import Decision, Holder, Ladder, Notify, RuleError, State, TargetKind
from alarms.escalation.hours import Local
from alarms.escalation.inputs import Delivered, Fate, Input, Raised, RulesChanged, TimerDue, WorkMoved
from alarms.escalation.ladders import BY_CLASS
from alarms.policy.acts import input_of
from alarms.policy.calendar import local_at
from alarms.policy.cast import Cast, person_id, rota_of
from alarms.policy.matching import Facts, Live, choose, rank_of
from alarms.policy.reading import Fault
from alarms.policy.scenario import EventPart, RotaPart, Scenario, ScenarioError, WorkPart
from alarms.rota.domain import Rota
from alarms.work.domain import Window, WorkError, WorkState, check_end, quiet_until, state_of

FIRST = "1"
"""The name of the first alarm; those after it are 2, 3 and so on unless they are named."""

MOST_MOMENTS = 100_000

REAL_ONLY = Fault(
    "this scenario needs a real database or broker, and the simulation has none",
    "Add `pure` to its levels when nothing in it needs them; the project's own tests run it as it is",
)


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
    """What happened, in its order. `surprises` are acts that a rule forbade, or allowed, against what the file says.

    `rotas` are those that can be read, as they are at the end. `answers` are, by alarm, its first receipt and when
    somebody first had it, as its state has them.
    """

    start: datetime
    told: list[Told] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    rotas: dict[str, Rota] = field(default_factory=dict)
    answers: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)

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
    """`ScenarioRun(scenario, types).run()` returns the timeline; `states` are the alarms as they are at the end.

    Raises ScenarioError for a scenario that is for real parts only.
    """

    def __init__(self, scenario: Scenario, types: Mapping[str, AlarmType]) -> None:
        if "pure" not in scenario.levels:
            raise ScenarioError((REAL_ONLY,))
        self.scenario = scenario
        self.types = types
        self.now = scenario.start
        self.timeline = Timeline(scenario.start)
        self.states: dict[str, State] = {}
        self.history: dict[str, list[tuple[datetime, Input]]] = {}
        self._facts: dict[str, Facts] = {}
        self._cast = Cast(scenario)
        self._policies = {document.key: Live(document, 1) for document in scenario.policies}
        self._work: dict[str, Window] = {}
        self._awake = True

    def run(self) -> Timeline:
        """Let everything happen, and the engine drive what is due in between."""
        for event in sorted(self.scenario.events, key=lambda event: event.at):
            self._drive_until(self._moment(event.at))
            self._happen(event)
        self._drive_until(self._moment(self.scenario.until))
        self.timeline.rotas = {key: rota_of(part) for key, part in self._cast.rotas.items() if not part.broken}
        self.timeline.answers = {name: (one.raised_at, one.first_acked_at) for name, one in self.states.items()}
        return self.timeline

    # The engine.

    def _drive_until(self, end: datetime) -> None:
        """Drive what is due, the gravest of a moment first; an act of that same moment finds it done.

        What is overdue has its moment now, as the engine takes it: the gravest, and not what has waited longest.
        """
        for _ in range(MOST_MOMENTS):
            due = [
                (max(self.now, state.next_due_at), state.rank, state.next_due_at, name)
                for name, state in self.states.items()
                if state.next_due_at is not None and state.next_due_at <= end
            ]
            if not due or not self._awake:
                self.now = end
                return
            self.now, _, _, name = min(due)
            self._apply(name, self._timer(self.states[name]))

    def _timer(self, state: State) -> TimerDue:
        parties = self._cast.behind(self.now)
        present = {one.id: one for listed in parties.values() for one in listed} | self._cast.everybody()
        asked = {turn.party for turn in state.rounds} | {acceptance.by.id for acceptance in state.acceptances}
        return TimerDue(parties, {one: present[one] for one in sorted(asked & present.keys())}, self._local())

    def _apply(self, name: str, event: Input) -> None:
        before = self.states.get(name)
        decision = decide(before, event, self.now)
        self.states[name] = decision.state
        self.history.setdefault(name, []).append((self.now, event))
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
        elif event.policy is not None:
            earlier = self._policies.get(event.policy.key)
            self._policies[event.policy.key] = Live(event.policy, earlier.version + 1 if earlier else 1)
        elif event.retire is not None or event.remove_rota is not None:
            self._take_away(event)
        elif event.is_act:
            self._act(event)
        elif event.plan_work or event.move_work or event.end_work:
            self._change_work(event)
        elif self._cast.change(event):
            for name, state in self.states.items():
                if state.closed_at is None and state.rounds:
                    self._apply(name, RulesChanged(self._timer(state).going_on))
        self._drive_until(self.now)

    def _take_away(self, event: EventPart) -> None:
        """Take away a policy or a rota, unless it is in use: by an open alarm, or named by a policy (S13)."""
        kept: dict[str, Live] | dict[str, RotaPart]
        if event.retire is not None:
            key, kept = event.retire, self._policies
            used = any(one.closed_at is None and one.ladder.policy == key for one in self.states.values())
        else:
            key, kept = str(event.remove_rota), self._cast.rotas
            used = any(f"{TargetKind.ROTA}:{key}" in live.document.targets for live in self._policies.values())
        if key not in kept:
            self.timeline.surprises.append(f"there is no “{key}” to take away")
            return
        self.timeline.surprises += event.surprises(key, "it is in use" if used else None)
        if not used:
            del kept[key]

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
        if event.quiet_for is not None:
            part = WorkPart(name=f"work at {name}", for_=event.quiet_for, hub=name)
            self._plan_work(part)
        received_at = self.now - timedelta(seconds=event.waited)
        quiet = quiet_until(self._work.values(), None, name, received_at, self.now)
        self._apply(
            name,
            Raised(
                alarm_id=str(person_id(f"alarm {name}")),
                type=facts.type,
                class_=class_,
                rank=rank_of(live.document if live else None, known.rank),
                ladder=live.ladder if live else BY_CLASS[class_],
                words=known.words,
                received_at=received_at,
                quiet_until=quiet,
            ),
        )

    def _ladder(self, facts: Facts) -> Ladder:
        live = choose(self._policies.values(), facts)
        return live.ladder if live else BY_CLASS[facts.class_]

    def _change_work(self, event: EventPart) -> None:
        """Plan, move or end work; what is quiet goes on when the last of the work is over in which it was raised."""
        if event.plan_work is not None:
            self._plan_work(event.plan_work)
            return
        name = event.move_work.name if event.move_work else str(event.end_work)
        window = self._work.get(name)
        if window is None or state_of(window, self.now) is WorkState.OVER:
            self.timeline.surprises.append(f"there is no work “{name}” that is not over")
            return
        if event.move_work is not None:
            window = replace(window, ends_at=self.now + timedelta(seconds=event.move_work.for_))
        else:
            window = replace(window, ended_at=self.now)
        self._keep_work(name, window)
        by = Holder(str(person_id(event.by)), event.by)
        for alarm, state in self.states.items():
            if state.closed_at is None and state.is_quiet(self.now):
                until = quiet_until(self._work.values(), None, alarm, state.raised_at, self.now)
                self._apply(alarm, WorkMoved(until or self.now, by))

    def _plan_work(self, part: WorkPart) -> None:
        start = self.now + timedelta(seconds=part.starts_in)
        self._keep_work(part.name, Window(start, start + timedelta(seconds=part.for_), hub_id=part.hub))

    def _keep_work(self, name: str, window: Window) -> None:
        try:
            if window.ended_at is None:
                check_end(window.starts_at, window.ends_at, self.now)
            self._work[name] = window
        except WorkError as error:
            self.timeline.surprises.append(f"work “{name}”: {error}")

    def _act(self, event: EventPart) -> None:
        name = event.alarm or FIRST
        if name not in self.states:
            self.timeline.surprises.append(f"there is no alarm “{name}”")
            return
        refused: str | None = None
        try:
            self._apply(name, self._input(event, name))
        except RuleError as error:
            refused = str(error)
        self.timeline.surprises += event.surprises(name, refused)

    def _input(self, event: EventPart, name: str) -> Input:
        known = self.types[self.states[name].type]
        return input_of(event, known.words, known.rank, lambda: self._ladder(self._facts[name]))

    def _moment(self, seconds: int) -> datetime:
        return self.scenario.start + timedelta(seconds=seconds)

    def _local(self) -> Local:
        return local_at(self.now)
