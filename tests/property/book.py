"""Whom an alarm must have told, from its events alone: kept as somebody with a pencil would.

It shares no rule with the core. It knows ladders with waits, retries and loops, rounds by contact rules, claims and
acceptances and what ends them. What the machine beside it never makes it does not know: hours, holds, open lines,
parties told one after another, several who must accept.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from alarms.escalation.domain import FOREVER, IN_HOUSE, ContactRule, Parties, Party, Step
from alarms.escalation.inputs import Fate, Input, Raised

Way = tuple[str, str]
"""Channel and address."""

LONGEST_WAY = timedelta(minutes=60)
PAUSE = timedelta(seconds=60)
QUIET = timedelta(seconds=30)


class Book:
    """One alarm. `take` says whether an event may happen.

    `said` is whom the last look told, `came` the steps that came in it, `rounds_of` all that was told by rounds.
    """

    def __init__(self, at: datetime, event: Raised) -> None:
        self.now, self.ladder, self.grave = at, event.ladder, event.class_ == "L"
        self.step = self.loop = self.again = self.renewals = 0
        self.due: datetime | None = event.received_at
        self.last = self.until = self.boss_at = self.arrival_at = None
        self.asked = self.reminded = self.exhausted = self.closed = False
        self.holder: str | None = None
        self.going: str | None = None
        self.rounds: list[dict[str, Any]] = []
        self.said: set[Way] = set()
        self.came: list[str] = []
        self.rounds_of: set[tuple[int, int, str, Way]] = set()

    def take(self, at: datetime, event: Input) -> bool:
        self.now, self.said, self.came = at, set(), []
        name = type(event).__name__
        if self.closed:
            return name == "Delivered"
        return getattr(self, f"on_{name.lower()}")(event) is not False

    def next_due_at(self) -> datetime | None:
        moments = [self.boss_at, self.arrival_at, *(one["next"] for one in self.rounds)]
        if self.holder is None:
            moments.append(self.due)
        elif self.arrival_at is None:
            moments.append(self.until if self.reminded else self.until - seconds(self.ladder.remind_s))
        return None if self.closed else min(moment for moment in moments if moment is not None)

    # What people and hubs do. False: it is refused.

    def on_repeated(self, _event: Any) -> None:
        if self.grave and self.holder is None and self.last is not None:
            self.due = min(self.due, max(self.now, self.last + QUIET))

    def on_cleared(self, _event: Any) -> None:
        self.closed = self.ladder.closes_when_cleared and not self.grave and self.holder is None

    def on_acked(self, event: Any) -> bool | None:
        if self.holder == event.by.id and self.arrival_at is None:
            return self.on_renewed(event)
        if self.holder not in {None, event.by.id} and not event.take_over:
            return False
        if self.holder is None:
            self.rounds = []
        self.hold(event.by.id)
        self.boss_at = None
        return None

    def on_renewed(self, event: Any) -> bool | None:
        if self.holder != event.by.id:
            return False
        self.until, self.reminded, self.renewals = self.term(), False, self.renewals + 1
        if self.renewals % 6 == 0:
            self.boss_at = self.now
        return None

    def on_released(self, event: Any) -> bool:
        return self.holder == event.by.id and self.reopen()

    def on_escalated(self, _event: Any) -> bool:
        return bool(self.ladder.steps) and self.reopen()

    def on_closed(self, _event: Any) -> None:
        self.closed = True

    def on_rerouted(self, event: Any) -> None:
        self.ladder, self.rounds, self.last = event.ladder, [], None
        self.step = self.loop = self.again = 0
        self.exhausted = False
        self.due = self.now if self.holder is None else None
        if self.holder is not None and self.arrival_at is None and self.until > self.term():
            self.until, self.reminded = self.term(), False

    def on_delivered(self, event: Any) -> None:
        way = (event.channel, event.address)
        if event.fate in {Fate.SENT, Fate.DELIVERED}:
            return
        for one in self.rounds:
            if way in one["sent"] and way not in one["failed"]:
                one["failed"].append(way)
                one["next"] = one["next"] and min(one["next"], self.now)
        self.go_on_if_hopeless()

    def on_ruleschanged(self, event: Any) -> None:
        for one in self.rounds:
            if one["who"] in event.going_on and (one["next"] is None or one["next"] > self.now):
                # A rule made when its time had passed makes up for nothing, not after a failure either.
                one["upto"] = max(one["upto"], int((self.now - one["start"]).total_seconds()))
                self.plan(one, event.going_on[one["who"]].rules)
        self.go_on_if_hopeless()

    def on_accepted(self, event: Any) -> bool | None:
        wait = min(seconds(self.ladder.arrival_s if event.arrive_in_s is None else event.arrive_in_s), LONGEST_WAY)
        if self.going not in {None, event.by.id}:
            return False
        self.arrival_at, self.asked = self.now + wait, False
        if self.going is None:
            self.going, self.rounds, self.due = event.by.id, [], None
            if self.holder is None:
                self.hold(event.by.id)
        return None

    def on_declined(self, event: Any) -> None:
        for one in self.rounds:
            if one["who"] == event.by.id:
                one["out"], one["next"] = True, None
        if self.going == event.by.id:
            self.going = None
            if self.holder == event.by.id:
                self.reopen()
            else:
                self.until, self.reminded, self.arrival_at, self.asked = self.term(), False, None, False
        self.go_on_if_hopeless()

    # What time does: the engine looks.

    def on_timerdue(self, event: Any) -> None:
        if self.arrival_at is not None and self.arrival_at <= self.now:
            if not self.asked:
                self.asked, self.arrival_at = True, self.now + seconds(self.ladder.arrival_grace_s)
                self.tell_first(event.going_on.get(who) for who in [self.going])
            else:
                self.tell_one_of(event.parties, "supervisor", "duty_manager")
                self.reopen()
        if self.boss_at is not None and self.boss_at <= self.now:
            self.boss_at = None
            self.tell_one_of(event.parties, "supervisor", "duty_manager")
        if self.holder is not None and self.arrival_at is None:
            if self.until <= self.now:
                self.tell_one_of(event.parties, "supervisor", "duty_manager")
                self.reopen()
            elif self.until - seconds(self.ladder.remind_s) <= self.now:
                self.reminded = True
        self.go_on_with_rounds(event.going_on)
        self.go_on_if_hopeless()
        if self.holder is None:
            self.go_up(event.parties)
        # Rounds of earlier steps that are over stay over, whatever rules are made later.
        self.rounds = [one for one in self.rounds if one["next"] is not None or one in self.present()]

    def go_on_with_rounds(self, there: Mapping[str, Party]) -> None:
        for one in self.rounds:
            if one["next"] is not None and one["next"] <= self.now:
                if one["who"] in there:
                    self.tell_round(one, there[one["who"]].rules)
                else:
                    one["next"], one["out"] = None, True

    def go_up(self, parties: Parties) -> None:
        told: Step | None = None
        passes = 0
        while self.due <= self.now:
            if not self.again and self.step == len(self.ladder.steps):
                if passes or not self.more():
                    break
                self.step, self.loop = 0, self.loop + 1
            passes += self.step == 0
            if self.again:
                self.again -= 1
            else:
                self.step, self.again, self.exhausted = self.step + 1, self.ladder.steps[self.step].retries, False
            step, self.last = self.ladder.steps[self.step - 1], self.now
            if self.begin(self.step, step.targets, parties):
                told, self.due = step, self.due + seconds(step.wait_s)
                self.came.append("step")
            else:
                self.came.append("uncovered")
                self.again = 0
                self.tell_one_of(parties, "duty_manager", "supervisor")
        if self.due > self.now:
            return
        if told is not None and (told.wait_s or self.more()):
            self.due = self.now + (seconds(told.wait_s) or PAUSE)
            return
        if not self.begin(len(self.ladder.steps) + 1, self.ladder.catch_all, parties):
            self.tell_one_of(parties, "duty_manager", "supervisor")
        self.came.append("catch_all")
        self.exhausted, self.last, self.due = True, self.now, self.now + seconds(self.ladder.repeat_s)

    def begin(self, step: int, targets: Iterable[str], parties: Parties) -> bool:
        """Begin a round for everybody behind these targets, once each; False when nobody is."""
        found = {}
        for target in targets:
            for who in parties.get(target, ()):
                if who.rules:
                    found.setdefault(who.id, (target, who.rules))
        for who, (target, rules) in found.items():
            same = [one for one in self.rounds if (one["step"], one["target"], one["who"]) == (step, target, who)]
            if step > len(self.ladder.steps) and any(one["next"] is not None for one in same):
                told_now = [rule for rule in rules if rule.after_s == 0]
            else:
                told_now = rules
            one = {"step": step, "loop": self.loop, "target": target, "who": who, "start": self.now, "upto": -1}
            self.rounds.append({**one, "next": self.now, "sent": [], "failed": [], "out": False})
            self.tell_round(self.rounds[-1], told_now)
        return bool(found) or any(target in IN_HOUSE for target in targets)

    def tell_round(self, one: dict[str, Any], rules: Iterable[ContactRule]) -> None:
        """Tell what is due by now; after a failure, the next rule that leads anywhere."""
        passed = int((self.now - one["start"]).total_seconds())
        ahead = [rule for rule in rules if rule.after_s > one["upto"]]
        upto = passed
        if one["failed"] and not [rule for rule in ahead if rule.after_s <= passed]:
            good = [rule.after_s for rule in ahead if way_of(rule) not in one["failed"]]
            upto = good[0] if good else max((rule.after_s for rule in ahead), default=passed)
        for way in [way_of(rule) for rule in ahead if rule.after_s <= upto]:
            if way not in one["failed"]:
                one["sent"].append(way)
                self.said.add(way)
                self.rounds_of.add((one["step"], one["loop"], one["who"], way))
        one["upto"] = max(one["upto"], upto, passed)
        self.plan(one, rules)

    def plan(self, one: dict[str, Any], rules: Iterable[ContactRule]) -> None:
        passed = (self.now - one["start"]).total_seconds()
        ahead = [rule.after_s for rule in rules if rule.after_s > max(one["upto"], passed)]
        one["next"] = one["start"] + seconds(min(ahead)) if ahead and not one["out"] else None

    def go_on_if_hopeless(self) -> None:
        """Nobody whom the last step told can be expected any more, and it rang nowhere: the next one comes now."""
        if self.holder is not None or self.exhausted or not self.present():
            return
        hope = [one for one in self.present() if not one["out"] and (one["next"] or {*one["sent"]} - {*one["failed"]})]
        if not hope and not IN_HOUSE & {*self.ladder.steps[self.step - 1].targets}:
            self.due, self.again = min(self.due, self.now), 0

    def present(self) -> list[dict[str, Any]]:
        return [one for one in self.rounds if (one["step"], one["loop"]) == (self.step, self.loop)]

    def tell_one_of(self, parties: Parties, *targets: str) -> None:
        """Tell those behind the first of these targets behind whom anybody can be told."""
        behind = [[who for who in parties.get(target, ()) if who.rules] for target in targets]
        self.tell_first(next(filter(None, behind), []))

    def tell_first(self, parties: Iterable[Party | None]) -> None:
        for who in parties:
            self.said |= {way_of(rule) for rule in who.rules if rule.after_s == who.rules[0].after_s} if who else set()

    def hold(self, who: str) -> None:
        self.holder, self.until, self.reminded, self.renewals, self.due = who, self.term(), False, 0, None

    def term(self) -> datetime:
        return self.now + seconds(self.ladder.ack_s)

    def reopen(self) -> bool:
        self.holder = self.going = self.arrival_at = self.boss_at = None
        self.asked, self.rounds, self.again, self.due = False, [], 0, self.now
        return True

    def more(self) -> bool:
        return bool(self.ladder.steps) and (self.ladder.loops == FOREVER or self.loop < self.ladder.loops)


def way_of(rule: ContactRule) -> Way:
    return (rule.to.channel, rule.to.address)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
