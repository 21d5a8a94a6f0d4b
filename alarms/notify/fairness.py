"""Which council's technical messages go next: each in its turn, however many one of them has waiting. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID


def in_turn(
    waiting: Iterable[tuple[str | None, UUID]], served: Mapping[str | None, int], limit: int
) -> list[tuple[str | None, UUID]]:
    """Return up to `limit` of what waits (council, message; oldest first), one of each council after the other.

    `served` is a number that grows with each serving: who was served longest ago comes first, and who never was before
    all. A fleet of 500 flat batteries in one council leaves the next message of another no later than the next turn.
    """
    queues: defaultdict[str | None, list[UUID]] = defaultdict(list)
    for council, message in waiting:
        queues[council].append(message)
    order = sorted(queues, key=lambda council: (served.get(council, -1), council or ""))
    chosen: list[tuple[str | None, UUID]] = []
    while len(chosen) < limit and any(queues.values()):
        for council in order:
            if queues[council] and len(chosen) < limit:
                chosen.append((council, queues[council].pop(0)))
    return chosen
