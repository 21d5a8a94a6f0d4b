"""What heartbeats leave behind: the last word of each hub, and a log of them all."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devices.presence.domain import HeartbeatRow
from devices.presence.models import HubLive
from devices.presence.repository import PresenceRepository
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def beat(second: int, hub_id: str = "h", **told: Any) -> HeartbeatRow:
    return HeartbeatRow(new_id(), hub_id, NOW + timedelta(seconds=second), b"{}", **told)


async def record(
    database: Database, *rows: HeartbeatRow, late: timedelta | None = None, again: bool = False
) -> set[str]:
    async with database.transaction() as session:
        return await PresenceRepository(session).record(rows, late, again=again)


async def live(database: Database, hub_id: str = "h") -> HubLive:
    async with database.transaction() as session:
        found = await PresenceRepository(session).live(hub_id)
        assert found is not None
        return found


async def test_what_a_heartbeat_leaves_out_stays(database: Database) -> None:
    await record(database, beat(0, boot_id="a", seq=1, battery_pct=80, peripherals={"p1": {"kind": "pendant"}}))
    await record(database, beat(60, seq=2, mains=False))
    await record(database, beat(120, firmware="1.2"), beat(130, path="lte"))
    hub = await live(database)
    assert (hub.last_seen_at, hub.boot_id, hub.seq) == (NOW + timedelta(seconds=130), "a", 2)
    assert (hub.battery_pct, hub.mains, hub.firmware, hub.path) == (80, False, "1.2", "lte")
    assert hub.peripherals == {"p1": {"kind": "pendant"}}


async def test_one_that_was_late_on_its_way_proves_life_and_nothing_else(database: Database) -> None:
    await record(database, beat(0, boot_id="a", seq=5, battery_pct=80))
    await record(database, beat(60, boot_id="a", seq=3, battery_pct=90))
    hub = await live(database)
    assert (hub.last_seen_at, hub.seq, hub.battery_pct) == (NOW + timedelta(seconds=60), 5, 80)


async def test_after_a_reboot_numbers_begin_again(database: Database) -> None:
    await record(database, beat(0, boot_id="a", seq=500))
    assert await record(database, beat(60, boot_id="b")) == set()
    assert await record(database, beat(120, boot_id="b", seq=1, battery_pct=70)) == set()
    hub = await live(database)
    assert (hub.boot_id, hub.previous_boot_id, hub.seq, hub.battery_pct) == ("b", "a", 1, 70)


async def test_two_hubs_with_one_id_give_themselves_away(database: Database) -> None:
    await record(database, beat(0, boot_id="a"), beat(0, "other", boot_id="a"))
    assert await record(database, beat(60, boot_id="b"), beat(60, "other", boot_id="a")) == set()
    assert await record(database, beat(120, boot_id="a"), beat(120, "other", boot_id="b")) == {"h"}


async def test_they_do_so_within_one_batch_and_across_batches(database: Database) -> None:
    assert await record(database, beat(0, boot_id="a"), beat(1, boot_id="b"), beat(2, boot_id="a")) == {"h"}
    assert await record(database, beat(3, "g", boot_id="a")) == set()
    assert await record(database, beat(4, "g", boot_id="b"), beat(5, "g", boot_id="a")) == {"g"}


async def test_where_processes_share_them_one_that_was_overtaken_is_no_second_hub(
    database: Database,
) -> None:
    late = timedelta(seconds=60)
    await record(database, beat(0, boot_id="a", seq=8, battery_pct=80), late=late)
    await record(database, beat(10, boot_id="b", seq=1, battery_pct=70), late=late)  # by one process
    assert await record(database, beat(12, boot_id="a", seq=9, battery_pct=79), late=late) == set()  # by the other
    hub = await live(database)
    assert (hub.last_seen_at, hub.boot_id, hub.seq, hub.battery_pct) == (NOW + timedelta(seconds=12), "b", 1, 70)
    assert await record(database, beat(14, boot_id="a", seq=10), beat(20, boot_id="b", seq=2), late=late) == set()
    hub = await live(database)
    assert (hub.boot_id, hub.previous_boot_id, hub.seq) == ("b", "a", 2)
    assert await record(database, beat(71, boot_id="a", seq=11), late=late) == {"h"}, "so late none comes: two speak"


async def test_the_same_heartbeats_again_change_nothing(database: Database) -> None:
    """The commit worked whose answer was lost."""
    rows = [beat(0, boot_id="a", seq=1), beat(0, "other", boot_id="a")]
    for again in (False, True):
        assert await record(database, *rows, again=again) == set()
    async with database.transaction() as session:
        assert len(await PresenceRepository(session).heartbeats_of("h", None, 10)) == 1


async def test_the_log_keeps_every_one_and_is_paged_newest_first(database: Database) -> None:
    rows = [beat(second) for second in range(5)]
    await record(database, *rows, beat(9, "other"))
    async with database.transaction() as session:
        log = PresenceRepository(session)
        first = await log.heartbeats_of("h", None, 3)
        rest = await log.heartbeats_of("h", (first[-1].received_at, first[-1].id), 10)
    assert [row.id for row in (*first, *rest)] == [row.id for row in reversed(rows)]
