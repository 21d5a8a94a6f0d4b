"""Delays as the few numbers that people compare. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """How long something took, `n` times; all in milliseconds."""

    n: int
    p50: float
    p99: float
    longest: float

    def __str__(self) -> str:
        """Return them as a cell of a table."""
        return f"{self.p50:8.1f} {self.p99:8.1f} {self.longest:8.1f}   {self.n}"


def figures(seconds: Sequence[float]) -> Figures | None:
    """Return the figures of delays in seconds; None when there are none. The p99 is one that was measured."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Figures(
        n=len(ordered),
        p50=_rank(ordered, 0.50) * 1000,
        p99=_rank(ordered, 0.99) * 1000,
        longest=ordered[-1] * 1000,
    )


def _rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of all values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
