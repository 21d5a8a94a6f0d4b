"""Which rule holds for a hub: its own, else its model's, else its council's, else the usual one. As SQL, and here only.

Verdicts, lists and sums of a fleet and what pages say are all made of these expressions. The interval is the shorter of
what was agreed and what the hub itself says: a hub cannot talk itself out of being watched.
"""

from enum import StrEnum
from typing import NamedTuple

from devices.presence.domain import SHORTEST_INTERVAL_S

USUAL_INTERVAL_S = 300
USUAL_MISS_LIMIT = 3
USUAL_GRACE = 4
"""A quarter of the interval."""


class Level(StrEnum):
    """Of whom a part of a rule is, the closest first; `announced`: the hub itself says that it beats more often."""

    HUB = "hub"
    MODEL = "model"
    COUNCIL = "council"
    USUAL = "usual"
    ANNOUNCED = "announced"


class RuleSql(NamedTuple):
    """The parts of a hub's rule, and where each comes from; `agreed` is the interval before the hub was asked."""

    agreed: str
    agreed_of: str
    interval: str
    interval_of: str
    grace: str
    grace_of: str
    misses: str
    misses_of: str


def rule_sql(hub: str, model: str, council: str, live: str) -> RuleSql:
    """Return it for a statement that calls these tables so; each but `hub` may be joined from the left."""
    levels = {Level.HUB: hub, Level.MODEL: model, Level.COUNCIL: council}

    def first(column: str, usual: str | int) -> tuple[str, str]:
        named = [(level, f"{table}.{column}") for level, table in levels.items()]
        whens = " ".join(f"WHEN {each} IS NOT NULL THEN '{level}'" for level, each in named)
        return f"coalesce({', '.join(each for _, each in named)}, {usual})", f"CASE {whens} ELSE '{Level.USUAL}' END"

    agreed, agreed_of = first("heartbeat_interval_s", USUAL_INTERVAL_S)
    interval = f"greatest({SHORTEST_INTERVAL_S}, least({agreed}, {live}.interval_s))"
    interval_of = f"CASE WHEN {live}.interval_s < {agreed} THEN '{Level.ANNOUNCED}' ELSE {agreed_of} END"
    return RuleSql(
        agreed,
        agreed_of,
        interval,
        interval_of,
        *first("heartbeat_grace_s", f"{interval} / {USUAL_GRACE}"),
        *first("miss_limit", USUAL_MISS_LIMIT),
    )


RULE = rule_sql("h", "m", "c", "l")
"""For statements that call hub, model, council and what the hub last said `h`, `m`, `c` and `l`."""
