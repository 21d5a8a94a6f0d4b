"""Puts things to places so that it costs least altogether: the assignment problem, by the Hungarian method. Pure."""

from typing import Any

import numpy as np


def cheapest(costs: Any) -> list[int]:
    """Return for each row its column, each column once, with the least sum. `costs`: square, finite."""
    size = len(costs)
    rows, columns = np.zeros(size + 1), np.zeros(size + 1)
    owner = np.zeros(size + 1, dtype=int)
    table = np.zeros((size + 1, size + 1))
    table[1:, 1:] = costs
    for row in range(1, size + 1):
        # A way of least cost from this row to a column that is free; column 0 stands for the row itself.
        owner[0], at = row, 0
        least = np.full(size + 1, np.inf)
        came, seen = np.zeros(size + 1, dtype=int), np.zeros(size + 1, dtype=bool)
        while owner[at]:
            seen[at] = True
            ways = table[owner[at]] - rows[owner[at]] - columns
            nearer = ~seen & (ways < least)
            least[nearer], came[nearer] = ways[nearer], at
            best = int(np.argmin(np.where(seen, np.inf, least)[1:])) + 1
            step = least[best]
            rows[owner[seen]] += step
            columns[seen] -= step
            least[~seen] -= step
            at = best
        while at:
            owner[at] = owner[came[at]]
            at = int(came[at])
    found = [0] * size
    for column in range(1, size + 1):
        found[owner[column] - 1] = column - 1
    return found
