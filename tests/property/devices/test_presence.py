"""A batch of heartbeats means what they mean one by one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from devices.presence.domain import TOLD, HeartbeatRow, fold
from devices.presence.models import HubLive
from devices.presence.repository import PresenceRepository
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from tests.property.examples import examples

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

Said = tuple[str, int, int, frozenset[str]]
"""Boot, number, what it tells, and what it leaves out."""

boots, tells = st.sampled_from(["a", "b"]), st.integers(0, 100)
in_any_order = st.lists(st.tuples(boots, st.integers(0, 6), tells, st.just(frozenset[str]())), min_size=1, max_size=8)
# Late ones tell everything: of one that is older than what the row has, a batch keeps what a newer one leaves out.
in_order = st.lists(
    st.tuples(boots, tells, st.frozensets(st.sampled_from([*TOLD, "boot_id", "seq"]))), min_size=1, max_size=8
).map(lambda said: [(boot, number, told, left_out) for number, (boot, told, left_out) in enumerate(said)])
beats = in_any_order | in_order


def heartbeat(place: int, beat: Said) -> HeartbeatRow:
    boot, seq, told, left_out = beat
    at = NOW + timedelta(seconds=place)
    row = HeartbeatRow(new_id(), "h", at, b"{}", boot, seq, told, told > 50, -told, str(told), str(told), told + 1, {})
    # As the lane reads it: a number without its boot orders nothing.
    return replace(row, **dict.fromkeys(left_out | ({"seq"} if "boot_id" in left_out else set())))


async def state(database: Database, batches: list[list[HeartbeatRow]]) -> tuple[Any, bool]:
    doubled = False
    async with database.transaction() as session:
        for batch in batches:
            doubled |= bool(await PresenceRepository(session).record(batch))
        live = (await session.execute(select(*HubLive.__table__.columns))).one()
        await session.rollback()
    return tuple(live), doubled


@settings(examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(beats=beats, cut=st.integers(0, 8))
async def test_a_batch_means_what_its_heartbeats_mean_one_by_one(
    database: Database, beats: list[Said], cut: int
) -> None:
    rows = [heartbeat(place, beat) for place, beat in enumerate(beats)]
    alone = await state(database, [[row] for row in rows])
    batches = [batch for batch in (rows[:cut], rows[cut:]) if batch]
    assert await state(database, batches) == alone


@given(beats=beats)
def test_a_fold_keeps_each_hub_once_and_in_order(beats: list[Said]) -> None:
    rows = [heartbeat(place, beat) for place, beat in enumerate(beats)]
    others = [HeartbeatRow(new_id(), hub_id, NOW, b"") for hub_id in ("z", "a")]
    assert [each.row.hub_id for each in fold([*others, *rows])] == ["a", "h", "z"]
