"""The simulated programme: an office that contacts and books, engineers who visit, homes with their own ways.

Whatever anybody wants to do with a visit is asked of the real rules (`devices.switchover.visits.domain`). People here
are hasty: some try to take the old unit before the new one is accepted, and to accept before the soak is over. Days are
filled by a simple model of capacity and not by the planner, which takes seconds a day: so many slots by engineer, homes
by how long they have waited, and what a day does not reach is moved.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Protocol

from devices.switchover.forecast.history import Step
from devices.switchover.visits import domain as rules
from devices.switchover.visits.domain import (
    ENDS,
    PROVEN,
    ContactChannel,
    Effect,
    EvidenceKind,
    Facts,
    Refusal,
    Wish,
)
from devices.switchover.visits.domain import VisitState as S
from devices.switchover.visits.evidence import Silence, key_of, soak
from devices.switchover.working_days import WorkingDays
from telecare.bench.programme.oracle import ALWAYS, Body, Oracle

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BOTH_WAYS = frozenset({ContactChannel.LETTER, ContactChannel.PHONE})
SLOTS, LEAD = 6, 2
"""Visits booked by engineer and day, and how many working days before."""
BESIDE_THE_OLD = frozenset({S.SOAK, S.ACCEPTED})
"""What breaks in these has an old unit beside it still."""
BREAKS_WITHIN = 60
"""Hours from the beginning of the soak, of those that break or are silent for a while."""
OFFICE_AT, ROUND_AT, DAY_ENDS, CONFIRM_AT = time(8), time(8, 45), time(15, 30), time(15)


class Rules(Protocol):
    """The rules of visits; a test passes broken ones."""

    def objection(self, facts: Facts, wish: Wish) -> Refusal | None:
        """Say why a step is refused."""

    def effects(self, state: S, to: S) -> tuple[Effect, ...]:
        """Say what a step does to hubs."""


class RealRules:
    """Those of the service."""

    objection = staticmethod(rules.objection)
    effects = staticmethod(rules.effects)


@dataclass(frozen=True, slots=True)
class Nature:
    """How this programme is; drawn anew for each seed around what is usual. Shares, but for the pace and the days."""

    no_access: float
    refusal: float
    no_signal: float
    fault: float
    leaves_a_day: float
    speed: float
    ill: float
    late_stock: float
    storms: frozenset[date]


def draw_nature(chance: random.Random, workdays: list[date], no_access: float) -> Nature:
    """Draw one programme's nature: two storm days, the rest around what is usual."""

    def around(mean: float, weight: float = 60) -> float:
        return chance.betavariate(mean * weight, (1 - mean) * weight)

    return Nature(
        no_access=around(no_access, 150),
        refusal=around(0.05),
        no_signal=around(0.04),
        fault=around(0.035),
        leaves_a_day=0.15 / 365,
        speed=chance.lognormvariate(0, 0.08),
        ill=around(0.04),
        late_stock=around(0.15, 20),
        storms=frozenset(chance.sample(workdays, min(2, len(workdays)))),
    )


@dataclass(slots=True)
class Home:
    """One home, as the office knows it; what is true in it is its `body`."""

    number: int
    body: Body
    out: float
    no_signal: bool
    state: S = S.IDENTIFIED
    resumes: S | None = None
    due: date | None = None
    starts_at: datetime | None = None
    engineer: str | None = None
    hub: str | None = None
    reached: bool = False
    tries: int = 0
    installed_at: datetime | None = None
    received: set[str] = field(default_factory=set)
    silences: list[Silence] = field(default_factory=list)
    turn: int = 0
    log: list[Step] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Say whether nothing more comes of it."""
        return self.state in ENDS

    def silent_since(self, now: datetime) -> datetime | None:
        """Return since when the new hub is silent; None when it is not."""
        return next((one.since for one in self.silences if one.until is None or one.until > now), None)

    def missing(self, now: datetime) -> tuple[str, ...]:
        """Return the evidence that has not been received."""
        wanted = sorted(self.body.triggers)
        keys = [key for key in (*wanted, *sorted(ALWAYS)) if key not in self.received]
        soaked = self.installed_at is not None and soak(self.installed_at, self.silences, now) is not None
        return tuple(keys) if soaked else (*keys, str(EvidenceKind.SOAK))


class World:
    """A programme on its own clock. `look_at` is called at the beginning of each day, before anything happens."""

    def __init__(
        self,
        seed: int,
        homes: int,
        engineers: int,
        first: date,
        last: date,
        *,
        no_access: float = 0.15,
        law: Rules | None = None,
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation is to be repeated
        self.days = WorkingDays()
        self.first, self.last = first, last
        self.nature = draw_nature(self.chance, list(self.days.between(first, last)), no_access)
        self.law: Rules = RealRules() if law is None else law
        self.oracle = Oracle()
        self.now = datetime.combine(first, time(6), UTC)
        self.engineers = [f"engineer {number + 1}" for number in range(engineers)]
        self.stock = engineers * SLOTS * 3
        self.serial = count(1)
        self.refused: Counter[S] = Counter()
        self.steps = 0
        self.happened: Counter[str] = Counter()
        self._heap: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = count()
        self._booked: dict[date, list[Home]] = {}
        self.homes = [self._home(number) for number in range(homes)]

    def run(self, look_at: Callable[[date], None]) -> None:
        """Run from the first day to the last."""
        day = self.first
        while day <= self.last:
            self.now = datetime.combine(day, time(6), UTC)
            look_at(day)
            self._begin(day)
            self._until(datetime.combine(day + DAY, time(6), UTC))
            self.oracle.sweep(self.now, ((home.number, home.body) for home in self.homes))
            day += DAY
        self.oracle.end(self.now)

    @property
    def remaining(self) -> int:
        """Return how many homes have no accepted new hub, and somebody who needs one."""
        return sum(home.state not in PROVEN | ENDS for home in self.homes)

    def step(
        self, home: Home, to: S, by: str, why: str | None = None, due: date | None = None, owner: str | None = None
    ) -> bool:
        """Have somebody try to go on with a visit; False when the rules refuse it."""
        facts = Facts(
            state=home.state, now=self.now, today=self.now.date(), resumes=home.resumes, over=home.over,
            ways=BOTH_WAYS if home.tries else frozenset(), reached=home.reached, engineer=home.engineer is not None,
            starts_at=home.starts_at, new_hub_id=home.hub, old_here=home.body.old_works,
            new_here=home.body.new_stands, silent_since=home.silent_since(self.now), missing=home.missing(self.now),
        )  # fmt: skip
        self.steps += 1
        if self.law.objection(facts, Wish(to, why, due, owner)) is not None:
            self.refused[to] += 1
            return False
        for effect in self.law.effects(home.state, to):
            self._do(home, effect)
        home.resumes = home.state if to in {S.HOLD, S.HOSPITAL} else None
        home.state, home.due = to, due
        home.turn += 1
        home.log.append(Step(self.now.date(), to, by))
        self.oracle.look(self.now, home.number, home.body)
        return True

    def _home(self, number: int) -> Home:
        triggers = frozenset(f"p{index}" for index in range(self.chance.choice((1, 1, 2, 3, 4))))
        mean = self.nature.no_access
        home = Home(
            number,
            Body(frozenset(key_of(EvidenceKind.TRIGGER, each) for each in triggers)),
            out=self.chance.betavariate(4 * mean, 4 * (1 - mean)),
            no_signal=self.chance.random() < self.nature.no_signal,
        )
        leaves = self.chance.expovariate(self.nature.leaves_a_day)
        if leaves < (self.last - self.first).days:
            self._at(self.now + leaves * DAY, lambda: self._leaves(home))
        return home

    def _do(self, home: Home, effect: Effect) -> None:
        """Do to a home what a step asks for."""
        body = home.body
        if effect is Effect.INSTALL_NEW:
            body.new_stands, body.relied_on, body.quiet_since = True, False, self.now
            body.shown.clear()
            home.received.clear()
            home.silences.clear()
            home.installed_at = self.now
        elif effect is Effect.ACCEPT_NEW:
            body.relied_on = True
        elif effect is Effect.REMOVE_NEW:
            body.new_stands = body.relied_on = False
            home.installed_at = None
        elif effect is Effect.FREE_NEW:
            self.stock += home.hub is not None
            home.hub = home.engineer = home.starts_at = None
        elif effect is Effect.REMOVE_OLD:
            body.old_works = False

    # What the office does ------------------------------------------------------------------------------------------

    def _begin(self, day: date) -> None:
        if not self.days.works(day):
            return
        if day.weekday() == 0:
            self._delivery(day)
        self._at(datetime.combine(day, OFFICE_AT, UTC), lambda: self._office(day))
        self._at(datetime.combine(day, CONFIRM_AT, UTC), lambda: self._confirm(day))
        for name in self.engineers:
            self._at(datetime.combine(day, ROUND_AT, UTC), lambda name=name: self._round(name, day))  # type: ignore[misc]

    def _delivery(self, day: date) -> None:
        late = self.chance.randint(2, 6) if self.chance.random() < self.nature.late_stock else 0
        self.happened["deliveries of stock that were late"] += bool(late)
        if self.stock < len(self.engineers) * SLOTS * 8:
            self._at(datetime.combine(day + late * DAY, time(7), UTC), self._stock_comes)

    def _stock_comes(self) -> None:
        self.stock += len(self.engineers) * SLOTS * 5

    def _office(self, day: date) -> None:
        calls = len(self.engineers) * 9
        for home in self._waiting_longest():
            if home.due is not None and home.due > day:
                continue
            if home.state in {S.IDENTIFIED, S.DATA_VALIDATED}:
                self.step(home, S.DATA_VALIDATED, "office")
                self.step(home, S.PRIORITISED, "office")
            elif home.state in {S.PRIORITISED, S.CONTACTED, S.DECLINED, S.UNREACHABLE}:
                calls -= 1
                self._call(home, day)
            elif home.state is S.HOSPITAL and home.resumes is not None:
                self._back_from_hospital(home, day)
            elif home.state in {S.ABORTED_NO_SIGNAL, S.ROLLED_BACK}:
                home.no_signal = home.no_signal and self.chance.random() < 0.3  # noqa: PLR2004 - an aerial mostly helps
                self.step(home, S.SURVEYED, "office")
            elif home.state is S.CONSENTED:
                self._survey(home, day)
            if calls <= 0:
                break
        self._book(day)

    def _waiting_longest(self) -> list[Home]:
        return sorted((home for home in self.homes if not home.over), key=lambda home: (home.turn > 0, home.number))

    def _call(self, home: Home, day: date) -> None:
        home.tries += 1
        if home.state is S.PRIORITISED:
            self.step(home, S.CONTACTED, "office")
        home.reached = self.chance.random() < 0.6  # noqa: PLR2004 - six in ten calls are answered
        if not home.reached:
            home.due = day + DAY * self.chance.randint(1, 3)
            if home.tries % 4 == 0 and home.state is S.CONTACTED:
                self.happened["homes that could not be reached"] += 1
                due = day + DAY * self.chance.randint(7, 14)
                self.step(home, S.UNREACHABLE, "office", "no answer", due, owner="Sheila")
            return
        again = home.state is S.DECLINED
        if self.chance.random() < (0.5 if again else self.nature.refusal):
            self.happened["refusals"] += 1
            due = day + DAY * self.chance.randint(14, 35)
            if home.state is not S.DECLINED:
                self.step(home, S.DECLINED, "office", "does not want it", due, owner="Sheila")
            else:
                home.due = due
            return
        if home.state is S.UNREACHABLE:
            self.step(home, S.CONTACTED, "office")
        self.step(home, S.CONSENTED, "office")

    def _survey(self, home: Home, day: date) -> None:
        if self.step(home, S.SURVEYED, "office") and home.no_signal and self.chance.random() < 0.4:  # noqa: PLR2004 - seen on the map
            self._no_signal(home, day)

    def _back_from_hospital(self, home: Home, day: date) -> None:
        resumes = home.resumes
        if resumes is not None and not self.step(home, resumes, "office"):
            self.step(home, S.RESCHEDULED, "office", "the time has passed", day)

    def _book(self, day: date) -> None:
        on = self._workday_after(day, LEAD)
        free = len(self.engineers) * SLOTS - len(self._booked.get(on, []))
        waiting = (S.SURVEYED, S.STOCK_ALLOCATED, S.NO_ACCESS, S.RESCHEDULED)
        for home in self._waiting_longest():
            if free <= 0:
                break
            if home.state not in waiting or (home.due is not None and home.due > day):
                continue
            if home.hub is None:
                if self.stock <= 0:
                    self.happened["homes not booked for want of stock"] += 1
                    break
                self.stock -= 1
                home.hub = f"NEW-{next(self.serial):05d}"
            if home.state is S.SURVEYED:
                self.step(home, S.STOCK_ALLOCATED, "office")
            slots = self._booked.setdefault(on, [])
            home.engineer = self.engineers[len(slots) % len(self.engineers)]
            home.starts_at = datetime.combine(on, ROUND_AT, UTC)
            if self.step(home, S.BOOKED, "office"):
                slots.append(home)
                free -= 1

    def _confirm(self, day: date) -> None:
        for home in self._booked.get(self._workday_after(day, 1), []):
            if home.state is not S.BOOKED:
                continue
            roll = self.chance.random()
            if roll < 0.03:  # noqa: PLR2004 - it does not suit them after all
                self.step(home, S.RESCHEDULED, "office", "another day", day + DAY * self.chance.randint(2, 6))
            elif roll < 0.036:  # noqa: PLR2004 - few are in hospital
                self.step(home, S.HOSPITAL, "office", "in hospital", day + DAY * self.chance.randint(5, 15))
            else:
                self.step(home, S.CONFIRMED, "office")

    # What engineers do ---------------------------------------------------------------------------------------------

    def _round(self, name: str, day: date) -> None:
        mine = [home for home in self._booked.get(day, []) if home.engineer == name and home.state is S.CONFIRMED]
        storm = day in self.nature.storms
        if storm or self.chance.random() < self.nature.ill:
            self.happened["rounds lost to storms" if storm else "rounds lost to illness"] += 1
            for home in mine:
                self._move(home, day, "storm" if storm else "the engineer is ill")
            return
        self._next(name, mine, day)

    def _next(self, name: str, queue: list[Home], day: date) -> None:
        """Drive to the next home of a round, unless the day is over."""
        if not queue:
            return
        arrives = self.now + self._minutes(25)
        if arrives.time() > DAY_ENDS or arrives.date() > day:
            for home in queue:
                self._move(home, day, "the day was too short")
            return
        home, rest = queue[0], queue[1:]
        self._at(arrives, lambda: self._visit(name, home, rest, day))

    def _visit(self, name: str, home: Home, rest: list[Home], day: date) -> None:
        if home.state is not S.CONFIRMED:
            spent = 5.0
        elif self.chance.random() < home.out:
            spent = 15.0
            self.happened["visits with nobody in"] += 1
            self.step(home, S.NO_ACCESS, name, "nobody in", day + DAY * self.chance.randint(3, 10))
        else:
            spent = self._inside(name, home, day)
        self._at(self.now + self._minutes(spent), lambda: self._next(name, rest, day))

    def _inside(self, name: str, home: Home, day: date) -> float:
        """Do what is done in a home; return about how many minutes it takes."""
        self.step(home, S.ON_SITE, name)
        if self.chance.random() < self.nature.refusal / 3:
            self.happened["refusals"] += 1
            self.step(home, S.DECLINED, name, "not today", day + DAY * self.chance.randint(10, 30), owner="Sheila")
            return 12
        if home.no_signal:
            self._no_signal(home, day, name)
            return 35
        self.step(home, S.INSTALLED, name)
        at = self.now + 20 * MINUTE
        for key in (*sorted(home.body.triggers), *sorted(ALWAYS)):
            at += self.chance.uniform(2, 6) * MINUTE
            self._at(at, lambda key=key: self._shows(home, key))  # type: ignore[misc]
        turn = home.turn
        if self.chance.random() < 0.1:  # noqa: PLR2004 - one in ten is hasty
            self._at(at + MINUTE, lambda: self._hasty(home, name))
        self._at(at + 3 * MINUTE, lambda: self._leaves_home(home, name, turn))
        return (at - self.now) / MINUTE + 8

    def _shows(self, home: Home, key: str) -> None:
        """The new hub does something, and the message arrives, now or late."""
        if not home.body.new_stands:
            return
        home.body.shown.add(key)
        late = self.chance.random() < 0.05  # noqa: PLR2004 - one message in twenty takes its time
        installed = home.installed_at
        wait = self.chance.uniform(10, 40) * MINUTE if late else timedelta(seconds=2)
        self._at(self.now + wait, lambda: self._arrives(home, key, installed))

    def _arrives(self, home: Home, key: str, installed: datetime | None) -> None:
        if home.installed_at == installed:
            home.received.add(key)

    def _hasty(self, home: Home, name: str) -> None:
        self.happened["hasty tries to take the old unit"] += 1
        self.step(home, S.OLD_UNIT_DECOMMISSIONED, name)

    def _leaves_home(self, home: Home, name: str, turn: int) -> None:
        """The engineer ticks what is done and goes; what is not shown yet is waited for."""
        if home.state is S.INSTALLED and home.turn == turn:
            self.step(home, S.PERIPHERALS_PAIRED, name)
        if home.state is not S.PERIPHERALS_PAIRED:
            return
        if not self.step(home, S.E2E_TESTED, name):
            self._at(self.now + 10 * MINUTE, lambda: self._leaves_home(home, name, turn))
            return
        self.step(home, S.SOAK, name)
        broken = self.chance.random() < self.nature.fault
        if broken:
            self._at(self.now + self.chance.uniform(1, BREAKS_WITHIN) * HOUR, lambda: self._breaks(home))
        elif self.chance.random() < 0.06:  # noqa: PLR2004 - some are silent for a while
            self._at(self.now + self.chance.uniform(1, BREAKS_WITHIN) * HOUR, lambda: self._is_silent(home))
        self._at(self.now + 12 * HOUR, lambda: self.step(home, S.ACCEPTED, "office") if home.state is S.SOAK else None)
        self._at(self.now + 25 * HOUR, lambda: self._accept(home))

    def _accept(self, home: Home) -> None:
        if home.state is not S.SOAK:
            return
        if not self.step(home, S.ACCEPTED, "control room"):
            self._at(self.now + 5 * HOUR, lambda: self._accept(home))
            return
        self._at(self.now + self.chance.uniform(1, 5) * DAY, lambda: self._collect(home))

    def _collect(self, home: Home) -> None:
        if home.state is not S.ACCEPTED:
            return
        if self.step(home, S.OLD_UNIT_DECOMMISSIONED, "driver"):
            self.step(home, S.RECORD_CLOSED, "office")
        else:
            self._at(self.now + DAY, lambda: self._collect(home))

    # What befalls homes --------------------------------------------------------------------------------------------

    def _breaks(self, home: Home) -> None:
        """A new hub falls silent for good; a few hours later it is taken out of service from afar.

        One that was accepted by then has a driver on the way, who takes the old unit away if the rules let them.
        """
        if home.state not in BESIDE_THE_OLD:
            return
        self.happened[f"new hubs that broke {'in' if home.state is S.SOAK else 'after'} their soak"] += 1
        if home.state is S.ACCEPTED:
            self._at(self.now + 2 * HOUR, lambda: self._hasty(home, "driver"))
        home.body.quiet_since = None
        home.silences.append(Silence(self.now, None))
        due = self.now.date() + DAY * self.chance.randint(3, 8)
        self._at(
            self.now + 4 * HOUR,
            lambda: home.state in BESIDE_THE_OLD and self.step(home, S.ROLLED_BACK, "control room", "silent", due),
        )

    def _is_silent(self, home: Home) -> None:
        if home.state in BESIDE_THE_OLD:
            until = self.now + self.chance.uniform(0.5, 3) * HOUR
            home.silences.append(Silence(self.now, until))
            home.body.quiet_since = until

    def _leaves(self, home: Home) -> None:
        if self.step(home, S.DECEASED, "office", "died or moved away"):
            self.happened["people who died or moved away"] += 1
            home.body.served = False

    def _no_signal(self, home: Home, day: date, by: str = "office") -> None:
        self.happened["homes without signal"] += 1
        self.step(home, S.ABORTED_NO_SIGNAL, by, "no signal", day + DAY * self.chance.randint(7, 21))

    def _move(self, home: Home, day: date, why: str) -> None:
        if home.state in {S.BOOKED, S.CONFIRMED}:
            self.step(home, S.RESCHEDULED, "office", why, day + DAY)

    # The clock -----------------------------------------------------------------------------------------------------

    def _minutes(self, mean: float) -> timedelta:
        """Return a time that people take: seldom much less than usual, sometimes much more."""
        return mean * self.nature.speed * self.chance.lognormvariate(-0.045, 0.3) * MINUTE

    def _workday_after(self, day: date, number: int) -> date:
        for _ in range(number):
            day += DAY
            while not self.days.works(day):
                day += DAY
        return day

    def _at(self, when: datetime, what: Callable[[], object]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), what))

    def _until(self, when: datetime) -> None:
        while self._heap and self._heap[0][0] < when:
            self.now, _, what = heapq.heappop(self._heap)
            what()
        self.now = when
