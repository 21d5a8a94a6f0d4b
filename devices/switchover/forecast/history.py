"""From the log of visits to what the forecast is made from: what happened so far, and where each home is now. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from statistics import median_low

from devices.switchover.forecast.domain import Flow, History, Outcome, Pool, Wait, Worked
from devices.switchover.visits.domain import VisitState as S
from devices.switchover.working_days import WorkingDays


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a log: on which day, by whom, and into which state."""

    day: date
    to: S
    by: str


class _Phase(Enum):
    PREPARING = auto()
    READY = auto()
    THERE = auto()
    WAITING = auto()
    DONE = auto()
    LEFT = auto()


_PHASES: Mapping[S, _Phase] = {
    **dict.fromkeys((S.IDENTIFIED, S.DATA_VALIDATED, S.PRIORITISED, S.CONTACTED), _Phase.PREPARING),
    **dict.fromkeys((S.CONSENTED, S.SURVEYED, S.STOCK_ALLOCATED, S.BOOKED, S.CONFIRMED), _Phase.READY),
    **dict.fromkeys((S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED, S.E2E_TESTED, S.SOAK), _Phase.THERE),
    **dict.fromkeys((S.ACCEPTED, S.OLD_UNIT_DECOMMISSIONED, S.RECORD_CLOSED), _Phase.DONE),
    **dict.fromkeys((S.DECEASED, S.MOVED), _Phase.LEFT),
}
_WAITS: Mapping[S, Wait] = {
    S.NO_ACCESS: Wait.NO_ACCESS,
    S.DECLINED: Wait.REFUSED,
    S.UNREACHABLE: Wait.REFUSED,
    S.ABORTED_NO_SIGNAL: Wait.NO_SIGNAL,
    S.ROLLED_BACK: Wait.FAULT,
    S.RESCHEDULED: Wait.PAUSED,
    S.HOSPITAL: Wait.PAUSED,
    S.HOLD: Wait.PAUSED,
}
"""Every state is in one of the two; a test holds them together."""
ENOUGH_TO_ASK = 0.1
"""As long as such a share of homes has not been asked, the office and not the homes tells how fast it goes."""
ON_THE_DAY = 0.5
"""What happens within a day has waited half of one, in the middle."""


@dataclass
class _Home:
    """One home as the log is read."""

    since: date
    phase: _Phase = _Phase.PREPARING
    wait: Wait | None = None
    again: bool = False


@dataclass
class Reader:
    """Reads the logs of homes, one home after another, each in the order of its lines."""

    today: date
    working_days: WorkingDays
    homes: Counter[str] = field(default_factory=Counter)
    waiting: Counter[Wait] = field(default_factory=Counter)
    first: Counter[Outcome] = field(default_factory=Counter)
    again: Counter[Outcome] = field(default_factory=Counter)
    back: Counter[Wait] = field(default_factory=Counter)
    waited: defaultdict[Wait, float] = field(default_factory=lambda: defaultdict(float))
    turned_down: int = 0
    asked: Counter[date] = field(default_factory=Counter)
    preparing: Counter[date] = field(default_factory=Counter)
    left: int = 0
    home_days: float = 0.0
    visits: Counter[date] = field(default_factory=Counter)
    out: defaultdict[date, set[str]] = field(default_factory=lambda: defaultdict(set))
    ready: Counter[date] = field(default_factory=Counter)

    def read(self, steps: Iterable[Step], *, found_on: date, done: bool = False) -> None:
        """Read one home: since when it is a matter of the programme, its log, whether it is done whatever that says."""
        home = _Home(found_on)
        self.preparing[found_on] += 1
        ended = self.today
        for step in steps:
            if home.phase in {_Phase.DONE, _Phase.LEFT}:
                break
            self._step(home, step)
            if home.phase in {_Phase.DONE, _Phase.LEFT}:
                ended = step.day
        self.home_days += (ended - found_on).days
        if done and home.phase is not _Phase.LEFT:
            home.phase = _Phase.DONE
        self._settle(home)

    def pool(self) -> Pool:
        """Return where the homes are that were read."""
        return Pool(
            preparing=self.homes["preparing"],
            ready=self.homes["ready"],
            again=self.homes["again"],
            waiting=dict(self.waiting),
            soaking=self.homes["soaking"],
            done=self.homes["done"],
        )

    def history(self) -> History:
        """Return what has happened to them until yesterday; today is not over."""
        return History(
            days=self._days(),
            first=dict(self.first),
            again=dict(self.again),
            back={wait: Flow(self.back[wait], self.waited[wait]) for wait in Wait if self.waited[wait]},
            prepared=self._office(),
            turned_down=self.turned_down,
            left=Flow(self.left, self.home_days),
        )

    def _step(self, home: _Home, step: Step) -> None:
        wait = _WAITS.get(step.to)
        phase = _Phase.WAITING if wait else _PHASES[step.to]
        if phase is _Phase.PREPARING and home.phase is _Phase.WAITING:
            return  # somebody has them in hand again, and still there is nothing to visit
        if (phase, wait) == (home.phase, home.wait):
            return
        visited = home.phase is _Phase.READY and (phase is _Phase.THERE or wait is Wait.NO_ACCESS)
        if visited:
            self.visits[step.day] += 1
            self.out[step.day].add(step.by)
        if visited or home.phase is _Phase.THERE:
            outcome = Outcome.DONE if phase is _Phase.DONE else Outcome(wait) if wait in _OF_VISITS else None
            if outcome is not None:
                (self.again if home.again else self.first)[outcome] += 1
        self._leave(home, step.day, phase)
        home.phase, home.wait, home.since = phase, wait, step.day
        home.again = home.again or wait is not None
        if phase is _Phase.READY:
            self.ready[step.day] += 1
        elif phase is _Phase.LEFT:
            self.left += 1

    def _leave(self, home: _Home, day: date, phase: _Phase) -> None:
        """Count what a home has waited for as it leaves a phase."""
        days = max(ON_THE_DAY, (day - home.since).days - ON_THE_DAY)
        if home.phase is _Phase.PREPARING:
            self.preparing[day] -= 1
            if phase is not _Phase.LEFT:
                self.asked[day] += 1
                self.turned_down += phase is _Phase.WAITING
        elif home.phase is _Phase.WAITING and home.wait is not None:
            self.waited[home.wait] += days
            self.back[home.wait] += phase in {_Phase.READY, _Phase.THERE}
        elif home.phase is _Phase.READY:
            self.ready[day] -= 1

    def _settle(self, home: _Home) -> None:
        """Count a home where it is now."""
        days = (self.today - home.since).days
        if home.phase is _Phase.PREPARING:
            self.homes["preparing"] += 1
        elif home.phase is _Phase.READY:
            self.homes["again" if home.again else "ready"] += 1
        elif home.phase is _Phase.THERE:
            self.homes["soaking"] += 1
        elif home.phase is _Phase.WAITING and home.wait is not None:
            self.waited[home.wait] += days
            self.waiting[home.wait] += 1
        else:
            self.homes["done" if home.phase is _Phase.DONE else "left"] += 1

    def _office(self) -> Flow:
        """Return how many homes the office asked, over the working days on which there were enough to ask."""
        begun = min(self.asked, default=self.today)
        enough = ENOUGH_TO_ASK * sum(count for count in self.preparing.values() if count > 0)
        asked, days, waiting, at = 0, 0, 0, min(self.preparing, default=self.today)
        while at < self.today:
            waiting += self.preparing[at]
            if at >= begun and self.working_days.works(at) and waiting + self.asked[at] >= enough:
                asked, days = asked + self.asked[at], days + 1
            at += timedelta(days=1)
        return Flow(asked, days)

    def _days(self) -> tuple[Worked, ...]:
        """Return the days since the first visit that were worked, or should have been: a storm leaves no line."""
        days = sorted(day for day in self.visits if day < self.today)
        if not days:
            return ()
        usual = median_low(len(self.out[day]) for day in days)
        found, ready, at = list[Worked](), 0, min(self.ready)
        while at < self.today:
            if at >= days[0] and (at in self.visits or self.working_days.works(at)):
                found.append(Worked(at, len(self.out[at]) or usual, self.visits[at], ready))
            ready += self.ready[at]
            at += timedelta(days=1)
        return tuple(found)


_OF_VISITS = frozenset(Wait) - {Wait.PAUSED}
