"""Who is told when if nobody ever acts: recomputed by a walk along the time, with no state machine."""

from collections.abc import Iterable

from alarms.escalation.domain import FOREVER, IN_HOUSE, ContactRule, Ladder, Parties, Party, Step, Target
from alarms.escalation.inputs import MIDNIGHT

Way = tuple[str, str]
"""Channel and address."""


class Oracle:
    """`Oracle(ladder, parties).told(until_s)`: pairs of seconds and ways, sorted; the hour is midnight on a Monday."""

    def __init__(self, ladder: Ladder, parties: Parties) -> None:
        self.ladder = ladder
        self.parties = parties
        self.found: set[tuple[float, Way]] = set()
        self.busy: dict[tuple[str, str], float] = {}

    def told(self, until_s: float) -> list[tuple[float, Way]]:
        at, passes = 0.0, 0
        while at <= until_s:
            if self.ladder.steps and (self.ladder.loops == FOREVER or passes <= self.ladder.loops):
                passes += 1
                end, covered = self.one_pass(at)
                more = self.ladder.loops == FOREVER or passes <= self.ladder.loops
                if end > at or (covered and more):
                    at = end if end > at else at + 60
                    continue
            self.last_resort(at)
            at += self.ladder.repeat_s
        return sorted(one for one in self.found if one[0] <= until_s)

    def one_pass(self, at: float) -> tuple[float, bool]:
        any_covered = False
        for step in self.ladder.steps:
            targets = targets_of(step)
            for _ in range(step.retries + 1):
                if targets is None or not self.begin(at, targets, step.each_s or 0):
                    break
                any_covered = True
                at += step.wait_s
        return at, any_covered

    def begin(self, at: float, targets: Iterable[str], each_s: int) -> bool:
        """Tell a step; when nobody stands behind it, the superiors are told instead."""
        asked = self.asked(targets)
        for place, (_, who) in enumerate(asked):
            self.tell(at + place * each_s, who.rules)
        covered = bool(asked) or any(target in IN_HOUSE for target in targets)
        if not covered:
            self.tell_superiors(at)
        return covered

    def last_resort(self, at: float) -> None:
        """Tell the catch-all; who is still in a round of it is told only what is said at once."""
        for target, who in self.asked(self.ladder.catch_all):
            if self.busy.get((target, who.id), -1) > at:
                self.tell(at, [one for one in who.rules if one.after_s == 0])
            else:
                self.tell(at, who.rules)
                self.busy[target, who.id] = at + who.rules[-1].after_s
        if not self.asked(self.ladder.catch_all) and not any(t in IN_HOUSE for t in self.ladder.catch_all):
            self.tell_superiors(at)

    def tell_superiors(self, at: float) -> None:
        behind = [self.behind(target) for target in (Target.DUTY_MANAGER, Target.SUPERVISOR)]
        for who in next(filter(None, behind), []):
            first = who.rules[0].after_s
            self.found |= {(at, (one.to.channel, one.to.address)) for one in who.rules if one.after_s == first}

    def tell(self, at: float, rules: Iterable[ContactRule]) -> None:
        self.found |= {(at + one.after_s, (one.to.channel, one.to.address)) for one in rules}

    def asked(self, targets: Iterable[str]) -> list[tuple[str, Party]]:
        asked: dict[str, tuple[str, Party]] = {}
        for target in targets:
            for who in self.behind(target):
                asked.setdefault(who.id, (target, who))
        return list(asked.values())

    def behind(self, target: str) -> list[Party]:
        return [who for who in self.parties.get(target, ()) if who.rules]


def targets_of(step: Step) -> tuple[str, ...] | None:
    """Whom a step tells at midnight on a Monday; None when it is passed by."""
    if step.hours is None or step.hours.hold(MIDNIGHT):
        return step.targets
    return step.otherwise or None
