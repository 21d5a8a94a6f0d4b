"""All queries on heartbeats and on what hubs last said of themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.domain import Fold, HeartbeatRow, fold
from devices.presence.models import Heartbeat, HubLive
from telecare.kernel.among import among
from telecare.kernel.db import copy_in

_LOG_AGAIN = text(
    """
    INSERT INTO heartbeat (id, hub_id, received_at, payload)
    SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:hub_id AS text[]), CAST(:received_at AS timestamptz[]),
                         CAST(:payload AS bytea[]))
    ON CONFLICT (id, received_at) DO NOTHING
    """
)

# What a heartbeat leaves out keeps its old value. Within one boot an older `seq` changes nothing but when we heard the
# hub: it was late on its way. Rows are sorted by hub, or two batches could wait for each other. A hub is doubled when a
# boot that another had replaced comes back, be it across batches or within this one (`boot_before`). One that says a
# shorter interval than before is due sooner than by the last look at it.
# Where processes share the heartbeats, one of the boot before may be written after the first of the new boot, by
# another process: for `:late` after a reboot the boot before is taken as late on its way, and not as a second hub.
_LIVE = text(
    """
    WITH fresh AS (
        SELECT * FROM unnest(
            CAST(:hub_id AS text[]), CAST(:received_at AS timestamptz[]), CAST(:boot_id AS text[]),
            CAST(:boot_before AS text[]), CAST(:since AS timestamptz[]), CAST(:seq AS bigint[]),
            CAST(:battery_pct AS int[]), CAST(:mains AS boolean[]), CAST(:signal_dbm AS int[]), CAST(:path AS text[]),
            CAST(:firmware AS text[]), CAST(:interval_s AS int[]), CAST(:peripherals AS text[]))
        AS f(hub_id, received_at, boot_id, boot_before, since, seq, battery_pct, mains, signal_dbm, path, firmware,
             interval_s, peripherals)
    ), known AS (
        SELECT f.hub_id,
               ((f.boot_id = l.previous_boot_id AND f.boot_id <> l.boot_id)
                OR (f.boot_before = l.previous_boot_id AND f.boot_before <> l.boot_id)
                OR (f.boot_before IS NOT NULL AND f.boot_before <> l.boot_id AND f.boot_id = l.boot_id))
               AND l.boot_since > f.received_at - CAST(:late AS interval) IS NOT TRUE AS doubled,
               f.interval_s < l.interval_s OR l.interval_s IS NULL AND f.interval_s IS NOT NULL AS sooner
          FROM fresh f LEFT JOIN hub_live l USING (hub_id)
    ), written AS (
        INSERT INTO hub_live AS l (hub_id, last_seen_at, boot_id, previous_boot_id, boot_since, seq, battery_pct, mains,
                                   signal_dbm, path, firmware, interval_s, peripherals)
        SELECT hub_id, received_at, boot_id, boot_before, since, seq,
               battery_pct, mains, signal_dbm, path, firmware, interval_s, CAST(peripherals AS jsonb)
          FROM fresh ORDER BY hub_id
        ON CONFLICT (hub_id) DO UPDATE SET
            last_seen_at = greatest(l.last_seen_at, excluded.last_seen_at),
            (boot_id, previous_boot_id, boot_since, seq, battery_pct, mains, signal_dbm, path, firmware, interval_s,
             peripherals) = (
                SELECT CASE WHEN o.old THEN l.boot_id ELSE coalesce(excluded.boot_id, l.boot_id) END,
                       CASE WHEN o.old OR o.same THEN l.previous_boot_id
                            ELSE coalesce(excluded.previous_boot_id, l.boot_id) END,
                       CASE WHEN o.old OR o.same THEN l.boot_since ELSE excluded.boot_since END,
                       CASE WHEN o.old THEN l.seq
                            WHEN o.same OR l.boot_id IS NULL THEN coalesce(excluded.seq, l.seq)
                            ELSE excluded.seq END,
                       CASE WHEN o.old THEN l.battery_pct ELSE coalesce(excluded.battery_pct, l.battery_pct) END,
                       CASE WHEN o.old THEN l.mains ELSE coalesce(excluded.mains, l.mains) END,
                       CASE WHEN o.old THEN l.signal_dbm ELSE coalesce(excluded.signal_dbm, l.signal_dbm) END,
                       CASE WHEN o.old THEN l.path ELSE coalesce(excluded.path, l.path) END,
                       CASE WHEN o.old THEN l.firmware ELSE coalesce(excluded.firmware, l.firmware) END,
                       CASE WHEN o.old THEN l.interval_s ELSE coalesce(excluded.interval_s, l.interval_s) END,
                       CASE WHEN o.old THEN l.peripherals ELSE coalesce(excluded.peripherals, l.peripherals) END
                  FROM (SELECT s.same,
                               (s.same AND coalesce(excluded.boot_id = l.boot_id AND excluded.seq < l.seq, false))
                               OR (s.late AND coalesce(excluded.boot_id = l.previous_boot_id
                                                       AND excluded.boot_id <> l.boot_id, false)) AS old
                          FROM (SELECT w.late,
                                       coalesce(excluded.boot_id = l.boot_id, excluded.boot_id IS NULL)
                                       AND (excluded.previous_boot_id IS NULL OR w.late) AS same
                                  FROM (SELECT coalesce(l.boot_since > excluded.last_seen_at - CAST(:late AS interval),
                                                        false) AS late) w) s) o)
    )
    SELECT hub_id, doubled, sooner FROM known WHERE doubled OR sooner
    """
)

# In the order in which other batches lock them.
_LOOK_AGAIN = text(
    """
    UPDATE hub_presence p SET look_at = clock_timestamp()
      FROM (SELECT hub_id FROM hub_presence WHERE hub_id = ANY(:hub_ids) AND look_at > clock_timestamp()
             ORDER BY hub_id FOR UPDATE) AS due
     WHERE p.hub_id = due.hub_id
    """
)

_LOG_COLUMNS = ("id", "hub_id", "received_at", "payload")
_LIVE_COLUMNS = (
    "hub_id", "received_at", "boot_id", "seq", "battery_pct", "mains", "signal_dbm", "path", "firmware", "interval_s",
)  # fmt: skip


class PresenceRepository:
    """Reads and writes of heartbeats in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def record(
        self, rows: Sequence[HeartbeatRow], late: timedelta | None = None, *, again: bool = False
    ) -> set[str]:
        """Log all heartbeats, in the order in which they came, and keep what they mean for each hub.

        A hub that beats more often than it said before is looked at again at once, or its old deadline would count on.

        `again`: the same ones, with the same times, may be written already, as a commit may have worked whose answer
        was lost; they change nothing then. `late` is how long after a reboot heartbeats from before it may come, where
        several processes take them in.

        Returns the hubs whose boot id had been replaced by another before: two hubs that use one id.
        """
        folds = fold(rows)
        news = (await self.session.execute(_LIVE, {**_live_columns(folds), "late": late})).all()
        doubled = {row.hub_id for row in news if row.doubled}
        if sooner := [row.hub_id for row in news if row.sooner]:
            await self.session.execute(_LOOK_AGAIN, {"hub_ids": sooner})
        if again:
            await self.session.execute(_LOG_AGAIN, _columns(rows, _LOG_COLUMNS))
        else:
            records = [(row.id, row.hub_id, row.received_at, row.payload) for row in rows]
            await copy_in(self.session, "heartbeat", _LOG_COLUMNS, records)
        return doubled | {each.row.hub_id for each in folds if each.doubled}

    async def live(self, hub_id: str) -> HubLive | None:
        """Return what a hub last said of itself."""
        return await self.session.get(HubLive, hub_id)

    async def any_heard(self, hub_ids: Sequence[str], since: datetime) -> bool:
        """Say whether a heartbeat of one of these hubs has been written that came since then."""
        some = select(Heartbeat.id).where(among(Heartbeat.hub_id, hub_ids), Heartbeat.received_at >= since)
        return bool((await self.session.execute(select(some.exists()))).scalar_one())

    async def heartbeats_of(self, hub_id: str, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[Heartbeat]:
        """Return single heartbeats of a hub, the newest first."""
        statement = select(Heartbeat).where(Heartbeat.hub_id == hub_id)
        if before is not None:
            statement = statement.where(tuple_(Heartbeat.received_at, Heartbeat.id) < tuple_(*before))
        statement = statement.order_by(Heartbeat.received_at.desc(), Heartbeat.id.desc()).limit(limit)
        return (await self.session.execute(statement)).scalars().all()


def _columns(rows: Sequence[HeartbeatRow], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in names}


def _live_columns(folds: Sequence[Fold]) -> dict[str, list[Any]]:
    rows = [each.row for each in folds]
    return {
        **_columns(rows, _LIVE_COLUMNS),
        "boot_before": [each.boot_before for each in folds],
        "since": [each.since for each in folds],
        "peripherals": [
            None if row.peripherals is None else msgspec.json.encode(row.peripherals).decode() for row in rows
        ],
    }
