"""What a plan comes to: visits, harm avoided, ways. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from devices.switchover.planning.days import metres
from devices.switchover.planning.problem import Appointment, Engineer, Home, Place, Plan, Problem


@dataclass(frozen=True)
class Figures:
    """A plan in numbers. `harm` in weighted failed calls for a thousand days, times days; `share` of all there is."""

    visits: int
    left_out: int
    harm: float
    share: float
    kilometres: float
    engineer_days: int

    @property
    def kilometres_a_visit(self) -> float:
        """Return how far is driven for a visit."""
        return self.kilometres / self.visits if self.visits else 0.0


def figures(problem: Problem, plan: Plan) -> Figures:
    """Count a plan up."""
    homes = {home.id: home for home in problem.homes}
    engineers = {engineer.id: engineer for engineer in problem.engineers}
    rounds: defaultdict[tuple[date, tuple[str, ...]], list[Appointment]] = defaultdict(list)
    for each in plan.appointments:
        rounds[each.day, each.crew].append(each)
    way = sum(_way(problem, homes, engineers[crew[0]], visits) for (_, crew), visits in rounds.items())
    harm = sum(homes[each.home_id].harm.avoided(each.day, problem.until) for each in plan.appointments)
    most = sum(home.harm.avoided(problem.days[0], problem.until) for home in problem.homes) if problem.days else 0.0
    return Figures(
        len(plan.appointments), len(plan.unplanned), harm, harm / most if most else 0.0, way / 1000,
        sum(len(crew) for _, crew in rounds),
    )  # fmt: skip


def _way(problem: Problem, homes: dict[str, Home], lead: Engineer, visits: Sequence[Appointment]) -> int:
    """Return how far a round is, to the ferry and back included."""
    stops = [homes[each.home_id].place for each in sorted(visits, key=lambda each: each.start)]
    ends, extra = lead.base, 0
    ferry = next((ferry for ferry in problem.ferries if ferry.island == stops[0].island), None)
    if ferry is not None:
        ends, extra = ferry.landing, 2 * metres(problem.travel, lead.base, ferry.port)
    way: list[Place] = [ends, *stops, ends]
    return extra + sum(metres(problem.travel, here, there) for here, there in pairwise(way))
