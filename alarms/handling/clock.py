"""Whether the database's clock, by which all deadlines count, has jumped. Pure."""

from datetime import datetime

TOLERANCE_S = 10.0
"""A clock that is set right by small steps jumps by less; a slow answer is no jump, whatever it took."""


class ClockWatch:
    """Holds the database's clock against a steady one, from look to look."""

    def __init__(self) -> None:
        self._offset: tuple[float, float] | None = None

    def jump(self, before: float, told: datetime, after: float) -> float | None:
        """Return by how many seconds the clock has jumped since the last look, None when it has not.

        `before` and `after` are the steady clock, in seconds, around the question to which the answer was `told`.
        """
        seconds = told.timestamp()
        least, most = seconds - after, seconds - before
        earlier, self._offset = self._offset, (least, most)
        if earlier is None:
            return None
        forward, backward = least - earlier[1], earlier[0] - most
        if forward > TOLERANCE_S:
            return forward
        return -backward if backward > TOLERANCE_S else None
