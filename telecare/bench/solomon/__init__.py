"""Public routing problems through the planner's own interface, and how far it stays behind the best known routes.

The instances are Solomon's, stored here as they are: M. M. Solomon, Algorithms for the vehicle routing and scheduling
problems with time window constraints, Operations Research 35 (1987) 254-265; published, among others, at
https://www.sintef.no/projectweb/top/vrptw/solomon-benchmark/100-customers/.

The best known lengths are the proven optima for ways cut to one decimal and any number of vehicles, as exact methods
are compared in the literature. SINTEF's own list is of another question (fewest vehicles first, ways not cut: C101
828.94 with 10, R101 1650.80 with 19), so its values are not these.
"""

import time
from dataclasses import dataclass
from datetime import date
from importlib.resources import as_file, files
from itertools import pairwise

import vrplib

from devices.switchover.planning.days import metres
from devices.switchover.planning.prize import Harm
from devices.switchover.planning.problem import EngineerDay, Home, Place, Travel, Window
from devices.switchover.planning.routing import Choice, Limits, Stop, Visit, route

BEST = {"C101": 827.3, "R101": 1637.7, "RC101": 1619.8}
"""The best known length of all routes together, by instance."""
TENTHS = 10
"""Ways and times are told in tenths, as whole numbers."""
TRAVEL = Travel(winding=1.0, metres_a_minute=1.0, to_park=0, round_up=False)
DAY = date(2026, 11, 23)
LOAD = "load"
WORTH = 1_000_000


@dataclass(frozen=True)
class Gap:
    """What came out for an instance; `visited` of 100 customers."""

    name: str
    visited: int
    length: float
    best: float
    seconds: float

    @property
    def percent(self) -> float:
        """Return by how much the routes are longer than the best known ones."""
        return (self.length / self.best - 1) * 100


def solve(name: str, seconds: float, iterations: int = 1_000_000) -> Gap:
    """Plan an instance as if its customers were homes and its vehicles engineers."""
    with as_file(files(__package__) / f"{name}.txt") as path:
        known = vrplib.read_instance(path, instance_format="solomon", compute_edge_weights=False)
    places = [Place(TENTHS * float(x), TENTHS * float(y)) for x, y in known["node_coord"]]
    spans = [(TENTHS * int(start), TENTHS * int(end)) for start, end in known["time_window"]]
    took = [TENTHS * int(each) for each in known["service_time"]]
    homes = [
        Home(
            str(n), places[n], took[n], Harm(1.0), needs={LOAD: int(known["demand"][n])},
            open=(Window(spans[n][0], spans[n][1] + took[n]),),
        )
        for n in range(1, len(places))
    ]  # fmt: skip
    stops = [Stop(home, (Choice(DAY, home.open[0].start, home.open[0].end, WORTH),), must=True) for home in homes]
    depot, (opens, closes) = places[0], spans[0]
    vehicles = [
        EngineerDay(
            (str(n),), DAY, opens, closes, closes, depot, depot, frozenset(), {LOAD: int(known["capacity"])}
        )
        for n in range(int(known["vehicles"]))
    ]  # fmt: skip
    started = time.perf_counter()
    routes = route(stops, vehicles, TRAVEL, Limits(seconds, iterations))
    took_s = time.perf_counter() - started
    length = sum(_length(depot, visits) for visits in routes) / TENTHS
    return Gap(name, sum(len(visits) for visits in routes), length, BEST[name], took_s)


def _length(depot: Place, visits: list[Visit]) -> int:
    way = [depot, *(visit.home.place for visit in visits), depot]
    return sum(metres(TRAVEL, here, there) for here, there in pairwise(way))
