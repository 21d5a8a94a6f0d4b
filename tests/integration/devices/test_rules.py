"""Which rule holds for a hub: every case of what is set where, against the words of the documentation."""

from itertools import product

from sqlalchemy import text

from devices.presence.domain import SHORTEST_INTERVAL_S
from devices.presence.rules import RULE
from telecare.kernel.db import Database

Part = int | None
SETS: tuple[tuple[Part, Part, Part], ...] = ((None, None, None), (60, None, 5), (600, 90, None), (None, 0, 1))
"""Interval, grace and miss limit at one place."""
ANNOUNCED: tuple[Part, ...] = (None, 5, 120, 900)
CASES = list(product(SETS, SETS, SETS, ANNOUNCED))


def first(hub: Part, model: Part, council: Part, usual: int) -> tuple[int, str]:
    named = (("hub", hub), ("model", model), ("council", council), ("usual", usual))
    return next((value, level) for level, value in named if value is not None)


async def test_the_closest_counts_and_the_hub_may_beat_more_often(database: Database) -> None:
    columns = [list(column) for column in zip(*((*h, *m, *c, said) for h, m, c, said in CASES), strict=True)]
    names = [f"{table}_{part}" for table in "hmc" for part in ("interval", "grace", "limit")] + ["said"]
    arrays = ", ".join(f"CAST(:{name} AS int[])" for name in names)
    tables = ", ".join(
        f"LATERAL (SELECT {t}_interval AS heartbeat_interval_s, {t}_grace AS heartbeat_grace_s,"
        f" {t}_limit AS miss_limit) {t}"
        for t in "hmc"
    )
    statement = text(
        f"SELECT {', '.join(RULE)} FROM unnest({arrays}) WITH ORDINALITY AS given ({', '.join(names)}, n),"  # noqa: S608 - ours
        f" {tables}, LATERAL (SELECT said AS interval_s) l ORDER BY n"
    )
    async with database.transaction() as session:
        found = (await session.execute(statement, dict(zip(names, columns, strict=True)))).all()
    for (hub, model, council, said), row in zip(CASES, found, strict=True):
        agreed, agreed_of = first(hub[0], model[0], council[0], 300)
        closer = said is not None and said < agreed
        interval = max(SHORTEST_INTERVAL_S, said if closer and said is not None else agreed)
        expected = (
            *(agreed, agreed_of),
            *(interval, "announced" if closer else agreed_of),
            *first(hub[1], model[1], council[1], interval // 4),
            *first(hub[2], model[2], council[2], 3),
        )
        assert tuple(row) == expected, (hub, model, council, said)
