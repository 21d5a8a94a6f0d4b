"""From the clock on the wall to the moment it means, at both changes of the clocks. Pure, standard library only.

In spring an hour of the wall clock does not exist, in autumn one comes twice. A shift begins at the first moment at
which the clock shows its start or has passed it, and ends at the last: so two shifts that meet on the wall clock may
overlap in autumn, and never leave a gap. `fold` alone would: in the missing hour `fold=0` is the *later* moment and
`fold=1` the earlier, so “first is fold 0, last is fold 1” leaves an hour with nobody on call each March.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name, such as Europe/London."""
    return ZoneInfo(name)


@lru_cache(maxsize=65536)
def first_moment(local: datetime, zone: tzinfo) -> datetime:
    """Return the first moment (UTC) at which the wall clock of the zone shows `local`, or has just passed over it."""
    earlier, later = _both(local, zone)
    if earlier > later:
        return _change_between(later, earlier, zone)
    return earlier


@lru_cache(maxsize=65536)
def last_moment(local: datetime, zone: tzinfo) -> datetime:
    """Return the last moment (UTC) at which the wall clock of the zone shows `local`, or has just passed over it."""
    earlier, later = _both(local, zone)
    if earlier > later:
        return _change_between(later, earlier, zone)
    return later


def wall_clock(at: datetime, zone: tzinfo) -> datetime:
    """Return what the wall clock of the zone shows at a moment, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _both(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the moments of both folds: mostly equal, in order when `local` comes twice, crossed when it never does."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the moment of the change of clocks in (before, after]: whole seconds, as all zones change."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
