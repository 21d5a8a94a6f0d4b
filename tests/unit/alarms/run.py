"""One alarm on a simulated clock: the scenario moves it, the engine is always on time, or away when told so."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alarms.escalation.decide import decide
from alarms.escalation.domain import (
    Address,
    CancelPending,
    ContactRule,
    Decision,
    Holder,
    Ladder,
    LogLine,
    Notify,
    Parties,
    Party,
    State,
    Target,
    Uncovered,
)
from alarms.escalation.inputs import Input, Raised, TimerDue
from alarms.escalation.ladders import LIFE_SAFETY

T0 = datetime(2027, 3, 27, 3, 12, tzinfo=UTC)

ANN = Holder("01900000-0000-7000-8000-000000000001", "Ann")
BOB = Holder("01900000-0000-7000-8000-000000000002", "Bob")


def party(name: str, address: str, channel: str = "email") -> Party:
    """Somebody who is told at once, by one way."""
    return Party(name, name, (ContactRule(0, Address(channel, address, name)),))


EVERYBODY: Parties = {
    Target.SUPERVISOR: (party("Sue", "supervisor@x.example"),),
    Target.PARTNER_ARC: (party("Partner", "https://arc.example/", "webhook"),),
    Target.DUTY_MANAGER: (party("Dougie", "duty@x.example"),),
    Target.CONTACTS: (party("Niece", "niece@x.example"), party("Son", "son@x.example")),
}

Told = tuple[float, str]
"""Seconds from the raise, and who."""


@dataclass
class Run:
    """An alarm from its raise on. Times are seconds from the raise."""

    ladder: Ladder = LIFE_SAFETY
    class_: str = "L"
    rank: int = 10
    parties: Parties = field(default_factory=lambda: dict(EVERYBODY))
    awake: bool = True  # whether the engine is there when it is raised
    at: float = 0
    told: list[Told] = field(default_factory=list)
    told_addresses: list[tuple[float, tuple[str, str]]] = field(default_factory=list)
    cancelled_at: float | None = None
    uncovered: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    log: list[tuple[float, LogLine]] = field(default_factory=list)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        raised = Raised("0198c0de", "pendant", self.class_, self.rank, self.ladder, "Pendant pressed", T0)
        self._take(decide(None, raised, T0))
        if self.awake:
            self.until(0)

    def until(self, second: float) -> "Run":
        """Let the time pass with the engine on time."""
        while (due := self.due) is not None and due <= second:
            self.at = max(self.at, due)
            self._apply(self.timer())
        self.at = second
        return self

    def asleep_until(self, second: float) -> "Run":
        """Let the time pass with the engine away; it comes back at the end."""
        self.at = second
        return self.until(second)

    def do(self, event: Input, at: float | None = None) -> Decision:
        """Let something happen, then the engine see to it."""
        if at is not None:
            self.until(at)
        decision = self._apply(event)
        self.until(self.at)
        return decision

    def timer(self) -> TimerDue:
        """What the shell tells the core of this moment."""
        there = {party.id: party for listed in self.parties.values() for party in listed}
        return TimerDue(self.parties, there)

    @property
    def due(self) -> float | None:
        """When something happens next."""
        moment = self.state.next_due_at
        return None if moment is None else (moment - T0).total_seconds()

    def kinds(self, since: float = 0) -> list[str]:
        """The kinds of the log's lines."""
        return [line.kind for at, line in self.log if at >= since]

    def said(self, kind: str) -> list[str]:
        """The texts of the log's lines of a kind."""
        return [line.text for _, line in self.log if line.kind == kind]

    def told_since(self, second: float) -> list[Told]:
        return [told for told in self.told if told[0] >= second]

    def _apply(self, event: Input) -> Decision:
        decision = decide(self.state, event, T0 + timedelta(seconds=self.at))
        self._take(decision)
        return decision

    def _take(self, decision: Decision) -> None:
        self.state = decision.state
        self.log += [(self.at, line) for line in decision.log]
        for effect in decision.effects:
            if isinstance(effect, Notify):
                self.told.append((self.at, effect.to.label))
                self.told_addresses.append((self.at, (effect.to.channel, effect.to.address)))
            elif isinstance(effect, CancelPending):
                self.cancelled_at = self.at
            elif isinstance(effect, Uncovered):
                self.uncovered.append((self.at, effect.targets))
