"""Test windows over hubs: opened by an engineer, ended by hand or by themselves, and what has come in them."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.repository import AlarmRepository
from alarms.intake.repository import IntakeRepository
from alarms.intake.trial import GRAVE, is_named_only
from devices.registry.repository import HubRepository
from devices.testing.models import HubTestWindow
from devices.testing.repository import WindowRepository
from devices.testing.schemas import WindowIn, WindowOut, show_window
from devices.testing.service import WindowService
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.endpoints.hubs import Editor, HubId, Viewer
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError, RefusedError

router = api_router("/hubs/{hub_id}/test-window", "hubs")
windows = api_router("/test-windows", "hubs")

Operator = Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))]


@router.get("")
async def get_test_window(hub_id: HubId, session: Transaction, actor: Viewer) -> WindowOut:
    """Show the last test window over a hub, with each trigger and when its test arrived; `on` says whether it is on."""
    await HubRepository(session, actor.councils).require(hub_id)
    window = await WindowRepository(session).latest(hub_id)
    if window is None:
        raise NotFoundError(f"Nobody has opened a test window over {hub_id} yet")
    return await shown(session, window, await database_now(session))


@router.post("", status_code=201)
async def open_test_window(hub_id: HubId, body: WindowIn, session: Transaction, actor: Editor) -> WindowOut:
    """Open a test window: what its triggers send until its end is a test, answered `test` and told to nobody.

    What comes from another trigger, or in doubt, is real. 409 while an alarm of the hub is open or a window is on.
    """
    service = WindowService(session, actor.councils)
    hub = await service.hubs.require(hub_id)
    devices = await service.chosen(hub_id, body.devices, unit=body.unit, named_only=is_named_only)
    now = await IntakeRepository(session).lock_hub(hub_id)
    if any(alarm.class_ in GRAVE for alarm in await AlarmRepository(session).open_of_hub(hub_id)):
        raise RefusedError("An alarm of this hub is open: have the control room close it before you test")
    window = await service.open(
        hub, devices, now, lasts=timedelta(minutes=body.minutes), reason=body.reason, by=actor.label, name=actor.name
    )
    details = {"ends_at": window.ends_at.isoformat(), "devices": list(window.devices), "reason": window.reason}
    await AuditRepository(session).add(actor, "test_window_opened", "hub", hub_id, window.council_id, details=details)
    return await shown(session, window, now)


@router.post("/end")
async def end_test_window(hub_id: HubId, session: Transaction, actor: Editor) -> WindowOut:
    """End the test window over a hub now: from the answer on, every press is real."""
    service = WindowService(session, actor.councils)
    await service.hubs.require(hub_id)
    now = await IntakeRepository(session).lock_hub(hub_id)
    window = await service.end(hub_id, now, actor.label)
    await AuditRepository(session).add(actor, "test_window_ended", "hub", hub_id, window.council_id)
    return await shown(session, window, now)


@windows.get("")
async def list_test_windows(
    session: Transaction, actor: Operator, limit: Limit = 50, cursor: Cursor = None
) -> Page[WindowOut]:
    """List the test windows that are on, the oldest first, each with what has come in it."""
    now = await database_now(session)
    after = decode_cursor(cursor, UUID)
    rows = await WindowRepository(session).on(actor.councils, now, after[0] if after else None, limit + 1)
    pages = {row.id: await shown(session, row, now) for row in rows[:limit]}
    return page_of(rows, limit, lambda row: pages[row.id], lambda row: (row.id,))


async def shown(session: AsyncSession, window: HubTestWindow, now: datetime) -> WindowOut:
    """Return a window with what has come in it."""
    paired = await HubRepository(session, frozenset()).peripherals(window.hub_id)
    proofs = await IntakeRepository(session).proofs_of(window.hub_id)
    tests = [(row.device_id, row.last_test_at, row.event_id) for row in proofs if row.last_test_at is not None]
    return show_window(window, paired, tests, now)
