"""The planner measured: time and quality as homes grow, against the nearest-neighbour plan, a re-plan, Solomon's."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

from devices.switchover.planning.changes import Since
from devices.switchover.planning.figures import Figures, figures
from devices.switchover.planning.nearest import nearest_plan
from devices.switchover.planning.problem import Plan, Problem
from devices.switchover.planning.replan import ill, replan
from devices.switchover.planning.routing import Limits
from devices.switchover.planning.solve import Effort, make_plan
from devices.switchover.planning.validate import validate
from telecare.bench.plan_town import Town, town
from telecare.bench.solomon import BEST, Gap
from telecare.bench.solomon import solve as solve_instance

Say = Callable[[str], None]
HEAD = "homes  engineers  plan        visits  harm avoided  km     km/visit  VoIP/others  seconds  faults"
"""`VoIP/others`: the mean working day on which analogue units on digital lines are visited, and all others."""
REPLAN_S = 10.0
"""An illness is planned anew in less."""


@dataclass(frozen=True)
class PlanOptions:
    """What is planned: each number of homes by itself; a search ends by `seconds` or `iterations`, whichever is first.

    `engineers` None is one for each 200 homes, and two at least: some homes need two.
    """

    homes: Sequence[int] = (100, 1000, 1200, 5000)
    engineers: int | None = None
    days: int = 45
    seconds: float = 4.0
    iterations: int = 1_000_000
    replan_seconds: float = 4.0
    instances: Sequence[str] = tuple(BEST)
    seed: int = 1

    def engineers_for(self, homes: int) -> int:
        """Return how many visit so many homes."""
        return self.engineers or max(2, math.ceil(homes / 200))


@dataclass(frozen=True)
class Row:
    """One size: the plan and the one for comparison, with how long each took and what the check found."""

    homes: int
    engineers: int
    plan: Figures
    plan_s: float
    plan_days: tuple[float, float]
    nearest: Figures
    nearest_s: float
    nearest_days: tuple[float, float]
    faults: int
    replan_s: float
    replan_faults: int
    moved: int
    orphans: int
    broken: int

    @property
    def failings(self) -> list[str]:
        """Return in words what the planner promises and does not hold here."""
        plan, nearest, first, said = self.plan, self.nearest, self.plan_days, list[str]()
        if self.faults or self.replan_faults:
            said.append(f"{self.faults + self.replan_faults} hard constraints are broken")
        if plan.harm <= nearest.harm:
            said.append(f"no more harm is avoided than by the nearest home first ({nearest.share:.1%})")
        if plan.kilometres >= nearest.kilometres:
            said.append(f"no less is driven than to the nearest home first ({nearest.kilometres:.0f} km)")
        if first[0] >= first[1]:
            said.append(f"analogue units on digital lines come no sooner (day {first[0]:.1f}) than others")
        if self.replan_s >= REPLAN_S:
            said.append(f"an illness was planned anew in {self.replan_s:.1f} s, not in less than {REPLAN_S:.0f}")
        return [f"{self.homes} homes: {each}" for each in said]

    def lines(self) -> list[str]:
        """Return the plan and the one for comparison, below `HEAD`."""
        return [
            f"{self.homes:5}  {self.engineers:9}  {name:10}  {each.visits:6}  {each.share:11.1%}"
            f"  {each.kilometres:6.0f}  {each.kilometres_a_visit:8.2f}  {days[0]:4.1f} / {days[1]:4.1f}"
            f"  {took:7.1f}  {faults:>6}".rstrip()
            for name, each, days, took, faults in (
                ("PyVRP", self.plan, self.plan_days, self.plan_s, str(self.faults)),
                ("nearest", self.nearest, self.nearest_days, self.nearest_s, ""),
            )
        ]


@dataclass
class PlanReport:
    """All sizes and all public instances."""

    rows: list[Row] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def failings(self) -> list[str]:
        """Return in words what the planner promises and does not hold; nothing when all is well."""
        return [each for row in self.rows for each in row.failings]

    def lines(self) -> list[str]:
        """Return the report for a terminal."""
        found = [HEAD, *(line for row in self.rows for line in row.lines())]
        found += ["", "homes  re-plan, one engineer ill: seconds  their visits  promises not kept  all changes  faults"]
        found += [
            f"{row.homes:5}  {row.replan_s:34.1f}  {row.orphans:12}  {row.broken:17}  {row.moved:11}"
            f"  {row.replan_faults:6}"
            for row in self.rows
        ]
        found += ["", "instance  visited  length   best known  gap"]
        found += [
            f"{gap.name:8}  {gap.visited:7}  {gap.length:7.1f}  {gap.best:10.1f}  {gap.percent:4.1f} %"
            for gap in self.gaps
        ]
        return [*found, "", *(self.failings or ["all that is promised holds"])]

    def values(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "plans": [asdict(row) for row in self.rows],
            "solomon": [asdict(gap) | {"percent": gap.percent} for gap in self.gaps],
            "failings": self.failings,
        }


def plan_run(options: PlanOptions, say: Say) -> PlanReport:
    """Plan each size, then the public instances."""
    report = PlanReport()
    effort = Effort(options.seconds, options.iterations, seed=options.seed)
    for homes in options.homes:
        engineers = options.engineers_for(homes)
        say(f"{homes} homes, {engineers} engineers, {options.days} days …")
        problem = town(Town(homes, engineers, options.days, options.seed))
        report.rows.append(_row(problem, effort, options, say))
        for line in (HEAD, *report.rows[-1].lines()):
            say(line)
    for name in options.instances:
        say(f"Solomon's {name} …")
        report.gaps.append(solve_instance(name, options.seconds, options.iterations))
    return report


def _row(problem: Problem, effort: Effort, options: PlanOptions, say: Say) -> Row:
    started = time.perf_counter()
    plan = make_plan(problem, effort, lambda done, of, words: say(f"  {done} of {of} searches: {words}"))
    made = time.perf_counter()
    say("  the nearest-neighbour plan, and an illness …")
    nearest = nearest_plan(problem)
    compared = time.perf_counter()
    promised, changed, since, orphans = _illness(problem, plan)
    again = time.perf_counter()
    done = replan(changed, promised, since, Limits(options.replan_seconds, options.iterations, options.seed))
    return Row(
        len(problem.homes), len(problem.engineers),
        figures(problem, plan), made - started, _days(problem, plan),
        figures(problem, nearest), compared - made, _days(problem, nearest),
        len(validate(problem, plan)) + len(validate(problem, nearest)), time.perf_counter() - again,
        len(validate(changed, done.plan)), len(done.moves), orphans, len(done.broken),
    )  # fmt: skip


def _days(problem: Problem, plan: Plan) -> tuple[float, float]:
    """Return the mean working day of visits to analogue units on digital lines, and of all others."""
    at = {day: number for number, day in enumerate(problem.days, 1)}
    on = {each.home_id: at[each.day] for each in plan.appointments}
    first = [on[home.id] for home in problem.homes if home.exposed and home.id in on]
    others = [on[home.id] for home in problem.homes if not home.exposed and home.id in on]
    return (fmean(first) if first else 0.0, fmean(others) if others else float(len(problem.days) + 1))


def _illness(problem: Problem, plan: Plan) -> tuple[Plan, Problem, Since, int]:
    """Return the plan with two weeks promised to households, and the first engineer ill on its third day."""
    day, until = problem.days[2], problem.days[min(10, len(problem.days)) - 1]
    promised = replace(
        plan, appointments=tuple(replace(each, confirmed=each.day <= until) for each in plan.appointments)
    )
    who = problem.engineers[0].id
    since = Since(day)
    orphans = sum(each.day == day and who in each.crew for each in plan.appointments)
    return promised, ill(problem, who, since, day), since, orphans
