"""One block of days as a vehicle routing problem, solved by PyVRP: each engineer-day is a vehicle.

Homes are optional clients with prizes. One that can only be visited at some times is a group of clients, of which at
most one is visited. Who may visit whom (skills, two people, islands) is a routing profile in which the way to everybody
else takes for ever. Work must end some time before the day does: the place where a day ends lies nearer by that time.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from pyvrp import Client, ClientGroup, Depot, Location, ProblemData, Route, Solution, SolveParams, VehicleType, solve
from pyvrp import IteratedLocalSearchParams as SearchParams
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.search import NeighbourhoodParams
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, StoppingCriterion

from devices.switchover.planning.days import may_visit
from devices.switchover.planning.problem import EngineerDay, Home, Place, Travel

DAY = 24 * 60
NEIGHBOURS = 80
"""Moves are tried among so many clients: more than usual, since a home is several clients at one place."""
FAR = 10_000_000
"""Longer than any horizon: nobody gets there."""


@dataclass(frozen=True)
class Choice:
    """A time within which a visit may lie on a day, and what it is worth then, in metres of driving."""

    day: date
    start: int
    end: int
    worth: int


@dataclass(frozen=True)
class Stop:
    """A home with the times at which it could be visited; `must` be visited in this block, and by `crew` if it says."""

    home: Home
    choices: tuple[Choice, ...]
    must: bool = False
    crew: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """When the search ends, whichever comes first; `day` is how many minutes there are between two days."""

    seconds: float = 10.0
    iterations: int = 1_000_000
    seed: int = 1
    day: int = DAY


@dataclass(frozen=True)
class Visit:
    """A stop in a route: when it begins on that day."""

    home: Home
    start: int


@dataclass
class _Clients:
    """The clients of the problem, and whose they are."""

    clients: list[Client] = field(default_factory=list)
    groups: list[ClientGroup] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    choices: list[tuple[Choice, ...]] = field(default_factory=list)


def route(
    stops: Sequence[Stop],
    days: Sequence[EngineerDay],
    travel: Travel,
    limits: Limits,
    known: Mapping[int, Sequence[tuple[str, int]]] | None = None,
) -> list[list[Visit]]:
    """Return the visits of each engineer-day in their order.

    `known` gives routes to begin the search with: by the index of the day, home ids with when the visit begins.
    """
    if not days:
        return []
    if not any(stop.choices for stop in stops):
        return [[] for _ in days]
    order = {day: index for index, day in enumerate(sorted({each.day for each in days}))}
    clients = _clients(stops, days, order, limits.day)
    data = _data(stops, days, travel, clients, order, limits.day)
    stop_when: StoppingCriterion = MultipleCriteria([MaxRuntime(limits.seconds), MaxIterations(limits.iterations)])
    initial = _initial(data, stops, clients, known, order, days) if known else None
    near = NeighbourhoodParams(num_neighbours=NEIGHBOURS)
    params = SolveParams(ils=SearchParams(num_iters_no_improvement=20_000), neighbourhood=near)
    with warnings.catch_warnings():
        # That some homes are out of reach for some is how the problem is told, and no fault of it.
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        found = solve(data, stop_when, limits.seed, collect_stats=False, params=params, initial_solution=initial).best
    routes: list[list[Visit]] = [[] for _ in days]
    if not found.is_feasible() and initial is not None and initial.is_feasible():
        found = initial
    for each in found.routes():
        if not each.is_feasible():
            continue
        index = each.vehicle_type()
        shift = order[days[index].day] * limits.day
        routes[index] = [
            Visit(stops[clients.stops[activity.idx]].home, activity.start_time - shift)
            for activity in each.schedule()
            if activity.is_client()
        ]
    return routes


def _clients(stops: Sequence[Stop], days: Sequence[EngineerDay], order: Mapping[date, int], length: int) -> _Clients:
    """Make a client of each choice, and one of choices on days that follow each other when it makes no difference."""
    made = _Clients()
    earliest = {day: min(each.start for each in days if each.day == day) for day in order}
    latest = {day: max(each.work_ends for each in days if each.day == day) for day in order}
    items = sorted({item for each in days for item in each.van})
    for index, stop in enumerate(stops):
        usable = [choice for choice in stop.choices if choice.day in order]
        merged = _merged(usable, order, earliest, latest, length)
        if not merged:
            continue
        group = None
        if len(merged) > 1:
            group = len(made.groups)
            first = len(made.clients)
            made.groups.append(ClientGroup(list(range(first, first + len(merged))), required=stop.must))
        for start, end, choices in merged:
            made.stops.append(index)
            made.choices.append(choices)
            made.clients.append(
                Client(
                    location=index,
                    delivery=[stop.home.needs.get(item, 0) for item in items],
                    service_duration=stop.home.minutes,
                    tw_early=start,
                    tw_late=end - stop.home.minutes,
                    prize=choices[0].worth,
                    required=stop.must and group is None,
                    group=group,
                )
            )
    return made


def _merged(
    choices: Sequence[Choice], order: Mapping[date, int], earliest: Mapping[date, int], latest: Mapping[date, int],
    length: int,
) -> list[tuple[int, int, tuple[Choice, ...]]]:  # fmt: skip
    """Return times since the first day's midnight; where one reaches over the night nobody works, they are one."""
    merged: list[tuple[int, int, tuple[Choice, ...]]] = []
    for choice in sorted(choices, key=lambda choice: (choice.day, choice.start)):
        at = order[choice.day] * length
        if merged and choice.start <= earliest[choice.day]:
            start, _, before = merged[-1]
            last = before[-1]
            whole = last.end >= latest[last.day] and order[last.day] + 1 == order[choice.day]
            if whole and last.worth == choice.worth:
                merged[-1] = (start, at + choice.end, (*before, choice))
                continue
        merged.append((at + choice.start, at + choice.end, (choice,)))
    return merged


def _data(
    stops: Sequence[Stop], days: Sequence[EngineerDay], travel: Travel, clients: _Clients, order: Mapping[date, int],
    length: int,
) -> ProblemData:  # fmt: skip
    places: list[tuple[Place, int]] = [(stop.home.place, 0) for stop in stops]
    depots: dict[tuple[Place, int], int] = {}
    items = sorted({item for each in days for item in each.van})
    profiles: dict[tuple[bool, ...], int] = {}
    vehicles = []
    for number, each in enumerate(days):
        allowed = tuple(may_visit(each, stop.home) and stop.crew in {(), each.crew} for stop in stops)
        nearer = each.end - each.work_ends
        begins = depots.setdefault((each.begins, -1), len(depots))
        ends = depots.setdefault((each.ends, nearer), len(depots))
        shift = order[each.day] * length
        vehicles.append(
            VehicleType(
                num_available=1,
                capacity=[each.van.get(item, 0) for item in items],
                start_depot=begins,
                end_depot=ends,
                fixed_cost=each.extra_metres,
                tw_early=shift + each.start,
                tw_late=shift + each.work_ends,
                profile=profiles.setdefault(allowed, len(profiles)),
                name=str(number),
            )
        )
    places += [(place, max(0, nearer)) for place, nearer in depots]
    distances, durations = _matrices(places, travel)
    far = [_far(allowed, len(places)) for allowed in profiles]
    ways: list[Any] = [np.where(mask, FAR, distances) for mask in far]
    times: list[Any] = [np.where(mask, FAR, durations) for mask in far]
    return ProblemData(
        [Location(place.east, place.north) for place, _ in places],
        clients.clients,
        [Depot(location=len(stops) + index) for index in range(len(depots))],
        vehicles,
        ways,
        times,
        clients.groups,
    )


def _matrices(places: Sequence[tuple[Place, int]], travel: Travel) -> tuple[Any, Any]:
    """Return metres and minutes between all places; to one that lies nearer, less so many minutes."""
    east = np.array([place.east for place, _ in places])
    north = np.array([place.north for place, _ in places])
    way = np.hypot(east[:, None] - east[None, :], north[:, None] - north[None, :]) * travel.winding
    rounded: Callable[[Any], Any] = np.ceil if travel.round_up else np.floor
    distances = rounded(way).astype(np.int64)
    durations = rounded(distances / travel.metres_a_minute).astype(np.int64) + travel.to_park
    durations[distances == 0] = 0
    nearer = np.array([minutes for _, minutes in places])
    durations = np.maximum(0, durations - nearer[None, :])
    np.fill_diagonal(durations, 0)
    return distances, durations


def _far(allowed: Sequence[bool], size: int) -> Any:
    """Return which ways do not exist for a profile: those to whom it may not visit."""
    mask = np.zeros((size, size), dtype=bool)
    shut = [index for index, may in enumerate(allowed) if not may]
    mask[:, shut] = True
    np.fill_diagonal(mask, val=False)
    return mask


def _initial(
    data: ProblemData, stops: Sequence[Stop], clients: _Clients, known: Mapping[int, Sequence[tuple[str, int]]],
    order: Mapping[date, int], days: Sequence[EngineerDay],
) -> Solution | None:  # fmt: skip
    """Return the routes that are known as a solution, without what has no client at its time."""
    by_home: dict[str, list[int]] = {}
    for client, stop in enumerate(clients.stops):
        by_home.setdefault(stops[stop].home.id, []).append(client)
    routes = []
    for index, visits in known.items():
        day = days[index].day
        chosen = []
        for home_id, start in visits:
            for client in by_home.get(home_id, ()):
                fits = (c.day == day and c.start <= start <= c.end for c in clients.choices[client])
                if any(fits):
                    chosen.append(client)
                    break
        if chosen:
            routes.append(Route(data, chosen, index))
    del order
    return Solution(data, routes)
