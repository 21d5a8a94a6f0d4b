"""Opens and ends test windows. Call it with the hub's lock held: it stands between the messages of the hub."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import HubStatus
from devices.registry.repository import HubRepository
from devices.testing.domain import UNIT
from devices.testing.models import HubTestWindow
from devices.testing.repository import WindowRepository
from telecare.kernel.errors import InvalidError, NotFoundError, RefusedError


class WindowService:
    """Test windows as a user of these councils may open them (empty: all), in the transaction of `session`."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.hubs = HubRepository(session, councils)
        self.windows = WindowRepository(session)

    async def open(
        self,
        hub: RowMapping,
        devices: Collection[str],
        now: datetime,
        *,
        lasts: timedelta,
        reason: str,
        by: str,
        name: str,
    ) -> HubTestWindow:
        """Put triggers of a hub under test from now on; RefusedError when a window is on already."""
        hub_id = hub["hub_id"]
        if hub["status"] == HubStatus.RETIRED:
            raise RefusedError("This hub is retired: put it back into stock first")
        last = await self.windows.latest(hub_id)
        if last is not None and last.on(now):
            raise RefusedError(f"{last.opened_name} has a test window on over this hub: end that first")
        return await self.windows.add(
            council_id=hub["council_id"], hub_id=hub_id, devices=sorted(devices), starts_at=now, ends_at=now + lasts,
            reason=reason, opened_by=by, opened_name=name,
        )  # fmt: skip

    async def end(self, hub_id: str, now: datetime, by: str) -> HubTestWindow:
        """End the window over a hub: what is taken in from now on is real."""
        if not await self.windows.end(hub_id, now, by):
            raise NotFoundError(f"No test window is on over {hub_id}")
        window = await self.windows.latest(hub_id)
        assert window is not None  # noqa: S101 - it has just been ended
        return window

    async def chosen(
        self, hub_id: str, asked: Collection[str] | None, *, unit: bool, named_only: Callable[[str], bool]
    ) -> frozenset[str]:
        """Return the triggers to put under test: those asked for, or all but what must be named, and the unit."""
        kinds = {row.device_id: row.kind for row in await self.hubs.peripherals(hub_id)}
        if asked is None:
            return frozenset({UNIT, *(device for device, kind in kinds.items() if not named_only(kind))})
        unknown = sorted(set(asked) - set(kinds))
        if unknown:
            what = f"the hub has no trigger {', '.join(unknown)}; see /api/v1/hubs/{hub_id}/peripherals"
            raise InvalidError("There is no such trigger", errors=[{"where": "body.devices", "what": what}])
        devices = frozenset({*asked, *([UNIT] if unit else [])})
        if not devices:
            errors = [{"where": "body.devices", "what": "name a trigger, or set unit, or leave devices out for all"}]
            raise InvalidError("Nothing would be under test", errors=errors)
        return devices
