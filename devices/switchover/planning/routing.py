"""Some days of engineers as a vehicle routing problem, solved by PyVRP: each engineer-day is a vehicle.

All days are told as one day: a vehicle has no date, and whom it may not visit (skills, two people, islands, a deadline,
a freeze, the household's weekdays) lies for ever away in its routing profile. So a home is one client, however many
days it could be visited on, and the days of an engineer on which the same homes can be visited are vehicles of one
kind. Homes are optional clients with prizes. One that has several times of day is a group of clients, of which one is
visited. Work must end some time before the day does: the place where a day ends lies nearer by that time.
"""

import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from pyvrp import Client, ClientGroup, Depot, Location, ProblemData, Route, Solution, SolveParams, VehicleType, solve
from pyvrp import IteratedLocalSearchParams as SearchParams
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.search import NeighbourhoodParams, PerturbationParams
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, NoImprovement, StoppingCriterion

from devices.switchover.planning.days import may_visit
from devices.switchover.planning.problem import EngineerDay, Home, Place, Travel

NEIGHBOURS = 40
"""Moves are tried among so many clients."""
AT_ONCE, MEMORY = 10, 50
"""An iteration shakes so many visits at most, and is compared with what was so many before: the usual 25 and 300 are
for searches of many more iterations than a few seconds have."""
IDLE = 3_000
"""A search ends when so many iterations brought nothing: a few homes are through in no time."""
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
    """When the search ends, whichever comes first."""

    seconds: float = 10.0
    iterations: int = 1_000_000
    seed: int = 1


@dataclass(frozen=True)
class Visit:
    """A stop in a route: when it begins on that day."""

    home: Home
    start: int


@dataclass(frozen=True)
class _Client:
    """A stop at one of its times of day, and the days that have it; `group` when the stop has others."""

    stop: Stop
    start: int
    end: int
    worth: int
    days: frozenset[date]
    group: int | None

    def taken_by(self, day: EngineerDay) -> bool:
        """Say whether somebody could come on that day."""
        return day.day in self.days and may_visit(day, self.stop.home) and self.stop.crew in {(), day.crew}


@dataclass
class _Kind:
    """Days that are alike but for their date, by their index; `able` says which clients they may visit."""

    day: EngineerDay
    able: tuple[bool, ...]
    indices: list[int] = field(default_factory=list)


def route(
    stops: Sequence[Stop],
    days: Sequence[EngineerDay],
    travel: Travel,
    limits: Limits,
    known: Mapping[int, Sequence[tuple[str, int]]] | None = None,
    a_day: int = 0,
) -> list[list[Visit]]:
    """Return the visits of each engineer-day in their order.

    `known` gives routes to begin the search with: by the index of the day, home ids with when the visit begins. `a_day`
    is what a day costs on which somebody drives at all, in metres, beside the way.
    """
    clients = _clients(stops, {each.day for each in days})
    if not clients:
        return [[] for _ in days]
    kinds = _kinds(days, clients)
    data = _data(clients, kinds, travel, a_day)
    stop_when: StoppingCriterion = MultipleCriteria(
        [MaxRuntime(limits.seconds), MaxIterations(limits.iterations), NoImprovement(IDLE)]
    )
    initial = _initial(data, clients, kinds, days, known) if known else None
    near = NeighbourhoodParams(num_neighbours=NEIGHBOURS)
    params = SolveParams(
        SearchParams(num_iters_no_improvement=20_000, history_length=MEMORY),
        neighbourhood=near,
        perturbation=PerturbationParams(max_perturbations=AT_ONCE),
    )
    with warnings.catch_warnings():
        # That some homes are out of reach for some is how the problem is told, and no fault of it.
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        found = solve(data, stop_when, limits.seed, collect_stats=False, params=params, initial_solution=initial).best
    if not found.is_feasible() and initial is not None and initial.is_feasible():
        found = initial
    driven: list[list[list[Visit]]] = [[] for _ in kinds]
    for each in found.routes():
        if each.is_feasible():
            driven[each.vehicle_type()].append(
                [Visit(clients[stop.idx].stop.home, stop.start_time) for stop in each.schedule() if stop.is_client()]
            )
    routes: list[list[Visit]] = [[] for _ in days]
    for kind, there in zip(kinds, driven, strict=True):
        for index, visits in _dated(kind.indices, there, known or {}):
            routes[index] = visits
    return routes


def _clients(stops: Sequence[Stop], days: Collection[date]) -> list[_Client]:
    """Make a client of each time of day of a stop, however many days have it."""
    made: list[_Client] = []
    groups = 0
    for stop in stops:
        times: dict[tuple[int, int, int], set[date]] = {}
        for choice in stop.choices:
            if choice.day in days:
                times.setdefault((choice.start, choice.end, choice.worth), set()).add(choice.day)
        group = groups if len(times) > 1 else None
        groups += group is not None
        made += [_Client(stop, *time, frozenset(on), group) for time, on in times.items()]
    return made


def _kinds(days: Sequence[EngineerDay], clients: Sequence[_Client]) -> list[_Kind]:
    """Return which days are alike."""
    found: dict[Hashable, _Kind] = {}
    for index, day in enumerate(days):
        able = tuple(client.taken_by(day) for client in clients)
        hours, way = (day.start, day.work_ends, day.end), (day.begins, day.ends, day.extra_metres)
        alike = (day.crew, hours, way, tuple(sorted(day.van.items())), able)
        found.setdefault(alike, _Kind(day, able)).indices.append(index)
    return list(found.values())


def _data(clients: Sequence[_Client], kinds: Sequence[_Kind], travel: Travel, a_day: int) -> ProblemData:
    depots: dict[tuple[Place, int], int] = {}
    items = sorted({item for kind in kinds for item in kind.day.van})
    profiles: dict[tuple[bool, ...], int] = {}
    vehicles = []
    for kind in kinds:
        day = kind.day
        nearer = day.end - day.work_ends
        vehicles.append(
            VehicleType(
                num_available=len(kind.indices),
                capacity=[day.van.get(item, 0) for item in items],
                start_depot=depots.setdefault((day.begins, -1), len(depots)),
                end_depot=depots.setdefault((day.ends, nearer), len(depots)),
                fixed_cost=day.extra_metres + a_day,
                tw_early=day.start,
                tw_late=day.work_ends,
                profile=profiles.setdefault(kind.able, len(profiles)),
            )
        )
    places = [(client.stop.home.place, 0) for client in clients]
    places += [(place, max(0, nearer)) for place, nearer in depots]
    distances, durations = _matrices(places, travel)
    far = [_far(able, len(places)) for able in profiles]
    ways: list[Any] = [np.where(mask, FAR, distances) for mask in far]
    times: list[Any] = [np.where(mask, FAR, durations) for mask in far]
    return ProblemData(
        [Location(place.east, place.north) for place, _ in places],
        [
            Client(
                location=index,
                delivery=[client.stop.home.needs.get(item, 0) for item in items],
                service_duration=client.stop.home.minutes,
                tw_early=client.start,
                tw_late=client.end - client.stop.home.minutes,
                prize=client.worth,
                required=client.stop.must and client.group is None,
                group=client.group,
            )
            for index, client in enumerate(clients)
        ],
        [Depot(location=len(clients) + index) for index in range(len(depots))],
        vehicles,
        ways,
        times,
        _groups(clients),
    )


def _groups(clients: Sequence[_Client]) -> list[ClientGroup]:
    members: dict[int, list[int]] = {}
    for index, client in enumerate(clients):
        if client.group is not None:
            members.setdefault(client.group, []).append(index)
    return [ClientGroup(group, required=clients[group[0]].stop.must) for group in members.values()]


def _matrices(places: Sequence[tuple[Place, int]], travel: Travel) -> tuple[Any, Any]:
    """Return metres and minutes between all places; to one that lies nearer, less so many minutes."""
    east = np.array([place.east for place, _ in places])
    north = np.array([place.north for place, _ in places])
    way = np.hypot(east[:, None] - east[None, :], north[:, None] - north[None, :]) * travel.winding
    rounded: Callable[[Any], Any] = np.ceil if travel.round_up else np.floor
    distances = rounded(way).astype(np.int32)
    durations = rounded(distances / travel.metres_a_minute).astype(np.int32) + travel.to_park
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
    data: ProblemData, clients: Sequence[_Client], kinds: Sequence[_Kind], days: Sequence[EngineerDay],
    known: Mapping[int, Sequence[tuple[str, int]]],
) -> Solution:  # fmt: skip
    """Return the routes that are known as a solution, without what has no client at its time."""
    by_home: dict[str, list[int]] = {}
    for index, client in enumerate(clients):
        by_home.setdefault(client.stop.home.id, []).append(index)
    routes = []
    for number, kind in enumerate(kinds):
        for index in kind.indices:
            chosen = []
            for home_id, start in known.get(index, ()):
                there = [clients[at] for at in by_home.get(home_id, ())]
                fits = (c.taken_by(days[index]) and c.start <= start <= c.end - c.stop.home.minutes for c in there)
                chosen += [at for at, fit in zip(by_home.get(home_id, ()), fits, strict=True) if fit][:1]
            if chosen:
                routes.append(Route(data, chosen, number))
    return Solution(data, routes)


def _dated(
    indices: Sequence[int], routes: Sequence[list[Visit]], known: Mapping[int, Sequence[tuple[str, int]]]
) -> Iterator[tuple[int, list[Visit]]]:
    """Yield which of the days that are alike has which route: the one that had most of its homes before."""
    homes = [{visit.home.id for visit in visits} for visits in routes]
    before = {index: {home_id for home_id, _ in known.get(index, ())} for index in indices}
    free, left = list(indices), set(range(len(routes)))
    for _, index, number in sorted(
        (-len(before[index] & homes[number]), index, number) for index in indices for number in left
    ):
        if index in free and number in left:
            free.remove(index)
            left.remove(number)
            yield index, routes[number]
