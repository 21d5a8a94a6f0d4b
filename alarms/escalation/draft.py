"""A decision in the making, and the words that all rules share."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alarms.escalation.domain import (
    Address,
    CancelPending,
    Claim,
    Effect,
    Handling,
    Holder,
    LogLine,
    Notify,
    Parties,
    Party,
    RuleError,
    State,
    Target,
    Uncovered,
    target_words,
)

SYSTEM = "system"
HUB = "hub"


@dataclass
class Draft:
    """The state so far, and what it says and sends."""

    state: State
    now: datetime
    effects: list[Effect] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)

    def put(self, **changes: Any) -> None:
        """Change the state. A step does it several times, and `replace` would look at all its fields each time."""
        if not changes.keys() <= State.__dataclass_fields__.keys():
            raise TypeError(f"A state has no {', '.join(changes.keys() - State.__dataclass_fields__.keys())}")
        changed = object.__new__(State)
        vars(changed).update(vars(self.state), **changes)
        self.state = changed

    def say(self, kind: str, actor: str, text: str) -> None:
        """Add a line to the log."""
        self.log.append(LogLine(kind, actor, text))

    def notify(self, target: str, to: Address, reason: str, party: Party | None = None) -> None:
        """Notify an address, once in a decision: what several reasons ask for is one message (S16)."""
        key = f"{self.state.alarm_id}:{self.state.version}:{to.channel}:{to.address}"
        if not any(isinstance(effect, Notify) and effect.effect_key == key for effect in self.effects):
            asked = (party.id, party.name) if party else ("", "")
            self.effects.append(Notify(key, target, to, self.state.rank, reason, *asked))

    def tell_at_once(self, target: str, parties: Iterable[Party], reason: str, *, answer: bool = False) -> list[str]:
        """Notify each party by the first of their rules, whatever its delay: this is no round. Return their names.

        `answer`: they are asked to say something, and get what they need for it.
        """
        names: list[str] = []
        for party in parties:
            first = [rule for rule in party.rules if rule.after_s == party.rules[0].after_s]
            for rule in first:
                self.notify(target, rule.to, reason, party if answer else None)
            if first:
                names.append(party.name)
        return names

    def tell_supervisor(self, parties: Parties, reason: str) -> str:
        """Notify the supervisor, or the duty manager where there is none; return in words who was told."""
        names = self.tell_at_once(Target.SUPERVISOR, parties.get(Target.SUPERVISOR, ()), reason)
        if not names:
            self.effects.append(Uncovered((Target.SUPERVISOR,)))
            duty = parties.get(Target.DUTY_MANAGER, ())
            names = self.tell_at_once(Target.DUTY_MANAGER, duty, f"{reason}, and there is no supervisor to tell")
        return ", ".join(names) or "nobody, for nobody has an address there"

    def page_duty_manager(self, parties: Parties, reason: str) -> None:
        """Notify the duty manager, or the supervisor where there is none: a hole in the ladder is somebody's news."""
        for target in (Target.DUTY_MANAGER, Target.SUPERVISOR):
            if self.tell_at_once(target, parties.get(target, ()), reason):
                return

    def not_before(self, moment: datetime) -> datetime:
        """Return a moment of the ladder, or the end of the planned work when that is later."""
        return max(moment, self.state.quiet_until or moment)

    def call_off(self) -> None:
        """Let nothing more leave: whoever has not been told yet need not be (R31)."""
        self.effects.append(CancelPending())
        self.put(rounds=())

    def back_to_raised(self) -> None:
        """Open it again: the ladder goes on at the step after the one that was last told, at once.

        In planned work that quiets it the ladder waits for the end of it still.
        """
        self.put(
            handling=Handling.RAISED,
            claim=None,
            acceptances=(),
            hold_until=None,
            arrival_due_at=None,
            arrival_asked=False,
            supervisor_at=None,
            shelved_until=None,
            rounds=(),
            again=0,
            step_due_at=self.not_before(self.now),
        )

    def end(self, outcome: str, actor: str, words: str, reason: str = "", *, voice: bool = False) -> None:
        """Close it; nothing that has not started leaves any more."""
        self.put(
            handling=Handling.CLOSED,
            outcome=outcome,
            closed_at=self.now,
            claim=None,
            hold_until=None,
            arrival_due_at=None,
            supervisor_at=None,
            everybody_at=None,
            step_due_at=None,
        )
        self.call_off()
        spoke = " Voice check done." if voice else ""
        self.say("closed", actor, f"{words}{because(reason)}.{spoke}")


def claim_of(state: State, by: Holder) -> Claim:
    """Return the claim that this user has; RuleError says who has it instead."""
    if state.claim is None:
        raise RuleError("Nobody has it: claim it first")
    if state.claim.holder.id != by.id:
        raise RuleError(f"{state.claim.holder.name} has it: take it over first")
    return state.claim


def because(reason: str) -> str:
    """Return a reason as the end of a sentence."""
    return f": {reason.strip().rstrip('.')}" if reason.strip() else ""


def names_of(targets: Iterable[str]) -> str:
    """Return targets in words."""
    return " and ".join(target_words(target) for target in targets)


def ago(since: datetime, now: datetime) -> str:
    """Return for how long, as minutes and seconds."""
    seconds = max(0, int((now - since).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"


def in_words(duration: timedelta) -> str:
    """Return a duration as people say it."""
    seconds = round(duration.total_seconds())
    if seconds < 120:  # noqa: PLR2004 - below two minutes people count in seconds
        return f"{seconds} s"
    return f"{seconds // 60} min"
