"""Some days of made-up telemetry for the demo's fleet: its charts have a past. Each row is marked as made up."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.models import TELEMETRY
from telecare.kernel.db import database_now
from telecare.kernel.partitions import PartitionKeeper

DAYS, LONG_DAYS = 7, 90
LONG_EACH = 20
"""One hub in so many has a past of three months."""

# Chance follows from the hub and the hour: batteries sink while the mains are off and fill up again, some homes are on
# the mobile network, firmware came in two waves. Hubs that told something themselves have no made-up hour at that time.
_FILL = text(
    """
    INSERT INTO telemetry_hour (hub_id, hour, heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path,
                                other_path, firmware, seeded)
    SELECT hub_id, hour, 60,
           greatest(5, 100 - worn - CASE WHEN off THEN 30 ELSE 0 END - (wave % 3)),
           greatest(6, 100 - worn - CASE WHEN off THEN 8 ELSE 0 END),
           -62 - kind % 40 - wave % 6,
           CASE WHEN off THEN 600 + wave * 20 ELSE 0 END,
           CASE WHEN kind % 4 = 0 THEN 'lte' ELSE 'ethernet' END,
           CASE WHEN kind % 4 > 0 AND wave % 61 = 0 THEN 'lte' END,
           CASE WHEN hour < now() - make_interval(days => 2 + kind % 5) THEN 'sim-0.9' ELSE 'sim-1.0' END,
           true
      FROM (SELECT h.hub_id, hour, abs(hashtext(h.hub_id)) % 97 AS kind,
                   abs(hashtext(h.hub_id || hour)) % 100 AS wave,
                   abs(hashtext(h.hub_id || 'worn')) % 12 AS worn,
                   abs(hashtext(h.hub_id || CAST(hour AS date) || 'off')) % 40 = extract(hour FROM hour) AS off
              FROM hub h
              JOIN generate_series(date_trunc('hour', now()) - make_interval(days => :long),
                                   date_trunc('hour', now()) - interval '1 hour', interval '1 hour') AS hour
                ON hour >= now() - make_interval(days => :days)
                OR abs(hashtext(h.hub_id)) % :each = 0
             WHERE h.connection = 'digital') AS made
    ON CONFLICT (hub_id, hour) DO NOTHING
    """
)
_ANY = text("SELECT EXISTS (SELECT FROM telemetry_hour WHERE seeded)")


async def seed_telemetry(session: AsyncSession) -> None:
    """Put it in, once; the same fleet has the same past."""
    if not (await session.execute(_ANY)).scalar_one():
        keeper, earliest = PartitionKeeper(session, TELEMETRY), await database_now(session) - timedelta(days=LONG_DAYS)
        while await keeper.make_next(earliest):
            pass
        await session.execute(_FILL, {"days": DAYS, "long": LONG_DAYS, "each": LONG_EACH})
