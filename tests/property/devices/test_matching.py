"""The cheapest assignment is as cheap as the best of all orders."""

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.switchover.planning.matching import cheapest

prices = st.sampled_from([0, 1, 2, 5, 10**9])
costs = st.integers(0, 5).flatmap(
    lambda size: st.lists(st.lists(prices, min_size=size, max_size=size), min_size=size, max_size=size)
)


@given(costs)
def test_each_row_has_a_column_of_its_own_at_the_least_cost_altogether(table: list[list[int]]) -> None:
    found = cheapest(np.array(table, dtype=float).reshape(len(table), len(table)))
    size = range(len(table))
    assert sorted(found) == list(size)
    best = min(sum(table[row][column] for row, column in enumerate(order)) for order in permutations(size))
    assert sum(table[row][found[row]] for row in size) == best
