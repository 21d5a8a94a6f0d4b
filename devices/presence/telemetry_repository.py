"""All queries on what hubs told over time: single heartbeats while they are kept, and by the hour for longer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.telemetry import HOUR, LENGTHS, Beat, Point, Step, beat_points, fold_beats, fold_points
from telecare.wire.payloads import MAX_DBM, MIN_DBM, Heartbeat, read_heartbeat

MOST_BEATS = 20_000
"""Of one hub in one answer: two days at one each 10 s."""

_PROGRESS = text("SELECT through, after_hub, clock_timestamp() FROM telemetry_progress FOR UPDATE SKIP LOCKED")
_NEXT_HOUR = text(
    """
    SELECT h FROM generate_series(CAST(:since AS timestamptz), CAST(:last AS timestamptz), interval '1 hour') h
     WHERE EXISTS (SELECT FROM heartbeat WHERE received_at >= h AND received_at < h + interval '1 hour')
     ORDER BY h LIMIT 1
    """
)
_HUBS = text(
    """
    SELECT hub_id FROM hub_live
     WHERE hub_id > :after AND last_seen_at >= :since ORDER BY hub_id LIMIT :limit
    """
)
_BEATS_OF = text(
    """
    SELECT hub_id, received_at, payload FROM heartbeat
     WHERE hub_id = ANY(:hub_ids) AND received_at >= :since AND received_at < :until
     ORDER BY hub_id, received_at, id LIMIT :limit
    """
)
_HOURS_OF = text(
    """
    SELECT hour, hour + interval '1 hour', heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path,
           other_path, firmware, seeded
      FROM telemetry_hour WHERE hub_id = :hub_id AND hour >= :since AND hour < :until ORDER BY hour
    """
)
_SAVE = text(
    """
    INSERT INTO telemetry_hour AS t (hub_id, hour, heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path,
                                     other_path, firmware)
    SELECT hub_id, :hour, heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path, other_path, firmware
      FROM unnest(CAST(:hub_ids AS text[]), CAST(:heartbeats AS int[]), CAST(:battery_min AS int[]),
                  CAST(:battery_max AS int[]), CAST(:signal_avg AS int[]), CAST(:mains_off_s AS int[]),
                  CAST(:path AS text[]), CAST(:other_path AS text[]), CAST(:firmware AS text[]))
        AS f(hub_id, heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path, other_path, firmware)
    ON CONFLICT (hub_id, hour) DO UPDATE SET
       (heartbeats, battery_min, battery_max, signal_avg, mains_off_s, path, other_path, firmware, seeded) =
       (excluded.heartbeats, excluded.battery_min, excluded.battery_max, excluded.signal_avg, excluded.mains_off_s,
        excluded.path, excluded.other_path, excluded.firmware, false)
    """
)
_GO_ON = text("UPDATE telemetry_progress SET through = :through, after_hub = :after_hub")
_COLUMNS = (
    "heartbeats", "battery_min", "battery_max", "signal_avg", "mains_off_s", "path", "other_path", "firmware",
)  # fmt: skip
MOST_IN_AN_HOUR = 32_767

_Word = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,64}\Z")]


class Progress(NamedTuple):
    """Up to which hour all is told, up to which hub of that hour, and the clock."""

    through: datetime | None
    after_hub: str | None
    now: datetime


class TelemetryRepository:
    """Reads and writes of telemetry in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def progress(self) -> Progress | None:
        """Lock how far the hours are told and return it; None when another process is at it."""
        row = (await self.session.execute(_PROGRESS)).one_or_none()
        return None if row is None else Progress(*row)

    async def next_hour(self, since: datetime, last: datetime) -> datetime | None:
        """Return the first hour from `since` to `last` in which there are heartbeats."""
        hour: datetime | None = (
            await self.session.execute(_NEXT_HOUR, {"since": since, "last": last})
        ).scalar_one_or_none()
        return hour

    async def hubs_heard(self, since: datetime, after: str, limit: int) -> list[str]:
        """Return hubs, by id, that were heard at `since` or later."""
        values = {"since": since, "after": after, "limit": limit}
        return list((await self.session.execute(_HUBS, values)).scalars())

    async def raw(self, hub_ids: Sequence[str], since: datetime, until: datetime, limit: int) -> Sequence[Any]:
        """Return heartbeats of these hubs as they came: hub id, time, payload; by hub and time."""
        values = {"hub_ids": list(hub_ids), "since": since, "until": until, "limit": limit}
        return (await self.session.execute(_BEATS_OF, values)).all()

    async def save(self, hour: datetime, points: dict[str, Point]) -> None:
        """Write what hubs told in an hour; again is the same."""
        values: dict[str, Any] = {name: [getattr(point, name) for point in points.values()] for name in _COLUMNS}
        values["heartbeats"] = [min(count, MOST_IN_AN_HOUR) for count in values["heartbeats"]]
        await self.session.execute(_SAVE, {"hour": hour, "hub_ids": list(points), **values})

    async def go_on(self, through: datetime, after_hub: str | None) -> None:
        """Write how far the hours are told."""
        await self.session.execute(_GO_ON, {"through": through, "after_hub": after_hub})

    async def history(self, hub_id: str, since: datetime, until: datetime, step: Step) -> list[Point]:
        """Return what a hub told from `since` until `until`: by heartbeats where they are kept, else by the hour."""
        hours = await self._hours(hub_id, since, until)
        start = since
        if step in {Step.HOUR, Step.DAY}:  # of what is told by the hour, single heartbeats would say the same again
            start = max([since, *(point.until for point in hours if not point.seeded)])
        beats = [read_beat(at, payload) for _, at, payload in await self.raw([hub_id], start, until, MOST_BEATS)]
        length = LENGTHS[step] if step is Step.TEN_MINUTES else HOUR
        fresh = beat_points(beats, until) if step is Step.BEAT else fold_beats(beats, length)
        points = [*(point for point in hours if not fresh or point.until <= fresh[0].at), *fresh]
        return fold_points(points, LENGTHS[step]) if step is Step.DAY else points

    async def _hours(self, hub_id: str, since: datetime, until: datetime) -> list[Point]:
        values = {"hub_id": hub_id, "since": since - HOUR, "until": until}
        found = [Point(*row) for row in await self.session.execute(_HOURS_OF, values)]
        return [point for point in found if point.until > since]


class _Plain(msgspec.Struct):
    """A heartbeat as nearly all are: each field of its kind and within its limits, or left out."""

    battery_pct: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    mains: bool | None = None
    signal_dbm: Annotated[int, msgspec.Meta(ge=MIN_DBM, le=MAX_DBM)] | None = None
    path: _Word | None = None
    firmware: _Word | None = None


_plain = msgspec.json.Decoder(_Plain)


def read_beat(at: datetime, payload: bytes) -> Beat:
    """Return what a heartbeat told: a plain one fast, any other as it was read when it came."""
    told: _Plain | Heartbeat | None
    try:
        told = _plain.decode(payload)
    except ValueError:
        told = read_heartbeat(payload)
    if told is None:
        return Beat(at)
    return Beat(at, told.battery_pct, told.mains, told.signal_dbm, told.path, told.firmware)
