"""Hubs: the fleet, one with what it last said, every message received from it, its pairings, places and credential."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Path, Query

from alarms.intake.models import Event
from alarms.intake.repository import IntakeRepository
from devices.presence.models import Heartbeat
from devices.presence.repository import PresenceRepository
from devices.registry.leaving import Withdrawal
from devices.registry.models import Installation
from devices.registry.repository import HubRepository
from devices.registry.schemas import (
    CredentialOut,
    EventOut,
    HandshakesIn,
    HubIn,
    HubOut,
    HubPatch,
    InstallationEnd,
    InstallationIn,
    InstallationOut,
    PeripheralIn,
    PeripheralOut,
)
from devices.registry.service import RegistryService
from devices.switchover.programmes.domain import reasons
from devices.switchover.programmes.repository import ProgrammeRepository
from devices.switchover.programmes.schemas import DueOut, ReasonOut, RetirementOut
from telecare.access.domain import Actor, Permission
from telecare.access.repository import AuditRepository
from telecare.api.deps import Needs, Transaction
from telecare.api.filters import Hubs
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router, never_replayed
from telecare.kernel.errors import InvalidError, NotFoundError
from telecare.protection.swap_day import SwapDay

router = api_router("/hubs", "hubs")

Viewer = Annotated[Actor, Depends(Needs(Permission.SEE_FLEET))]
Editor = Annotated[Actor, Depends(Needs(Permission.EDIT_FLEET))]
HubId = Annotated[str, Path(max_length=200)]
Lane = Literal["alarm", "event", "heartbeat", "status", "result"]


@router.get("")
async def list_hubs(
    session: Transaction,
    actor: Viewer,
    wanted: Hubs,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HubOut]:
    """List hubs by id. `q` looks in ids, serials, names and addresses; replaced council codes are understood."""
    after = decode_cursor(cursor, str)
    rows = await HubRepository(session, actor.councils).page(wanted, after[0] if after else None, limit + 1)
    return page_of(rows, limit, HubOut.model_validate, lambda row: (row["hub_id"],))


@router.post("", status_code=201)
async def register_hub(body: HubIn, session: Transaction, actor: Editor) -> HubOut:
    """Register a hub; it is in stock until it is installed. It may connect no better than its model can."""
    await RegistryService(session, actor.councils).register(**body.model_dump())
    await AuditRepository(session).add(actor, "hub_registered", "hub", body.hub_id, body.council_id)
    return HubOut.model_validate(await HubRepository(session, actor.councils).require(body.hub_id))


@router.get("/{hub_id}")
async def get_hub(hub_id: HubId, session: Transaction, actor: Viewer) -> HubOut:
    """Show one hub with what it last said of itself; one that serves somebody shows them too, which is audited."""
    hub = await HubRepository(session, actor.councils).require(hub_id)
    if hub["person_id"] is not None:
        await AuditRepository(session).add(
            actor, "hub_viewed", "hub", hub_id, hub["council_id"], details={"person_id": str(hub["person_id"])}
        )
    return HubOut.model_validate(hub)


@router.patch("/{hub_id}")
async def change_hub(hub_id: HubId, body: HubPatch, session: Transaction, actor: Editor) -> HubOut:
    """Change a hub; what is left out stays."""
    changes = body.model_dump(exclude_unset=True)
    hub = await RegistryService(session, actor.councils).change_hub(hub_id, changes)
    await AuditRepository(session).add(
        actor, "hub_changed", "hub", hub_id, hub.council_id, details=body.model_dump(mode="json", exclude_unset=True)
    )
    return HubOut.model_validate(await HubRepository(session, actor.councils).require(hub_id))


@router.put("/{hub_id}/failed-handshakes")
async def tell_failed_handshakes(hub_id: HubId, body: HandshakesIn, session: Transaction, actor: Editor) -> HubOut:
    """Write down how many calls of an analogue unit failed on its tones, from a report of its receiving centre.

    What was said before is replaced. Plans count it for 90 days. 409 for a digital unit.
    """
    hub = await RegistryService(session, actor.councils).tell_handshakes(hub_id, body.count, body.until, actor.label)
    await AuditRepository(session).add(
        actor, "failed_handshakes_told", "hub", hub_id, hub.council_id, details=body.model_dump(mode="json")
    )
    return HubOut.model_validate(await HubRepository(session, actor.councils).require(hub_id))


@router.get("/{hub_id}/retirement")
async def get_retirement(hub_id: HubId, session: Transaction, actor: Viewer) -> RetirementOut:
    """Show why a unit must go some day, with the day of each reason as far as one is known, and its programmes."""
    await HubRepository(session, actor.councils).require(hub_id)
    programmes = ProgrammeRepository(session, actor.councils)
    standing = await programmes.standing_of(hub_id)
    known = reasons(standing.facts) if standing else ()
    return RetirementOut(
        hub_id=hub_id,
        reasons=[ReasonOut.model_validate(each) for each in known],
        programmes=[DueOut.model_validate(row) for row in await programmes.programmes_of(hub_id)],
    )


@router.get("/{hub_id}/events")
async def list_events(
    hub_id: HubId,
    session: Transaction,
    actor: Viewer,
    limit: Limit = 50,
    cursor: Cursor = None,
    lane: Annotated[list[Lane] | None, Query(max_length=5, description="only these; all when there is none")] = None,
) -> Page[EventOut]:
    """List every message received from a hub, newest first: heartbeats and unreadable ones too.

    They tell of somebody's days and nights, so looking at them is written to the audit.
    """
    before = decode_cursor(cursor, datetime, UUID)
    events, heartbeats = IntakeRepository(session), PresenceRepository(session)
    council_id = None
    try:
        council_id = (await HubRepository(session, actor.councils).require(hub_id))["council_id"]
    except NotFoundError:
        # A hub that nobody knows has messages too; they belong to no council, so only who sees all councils sees them.
        if actor.councils or not (await events.events_of(hub_id, None, 1) or await heartbeats.live(hub_id)):
            raise
    await AuditRepository(session).add(actor, "messages_viewed", "hub", hub_id, council_id)
    messages = await events.events_of(hub_id, before, limit + 1, lane or ())
    beats = await heartbeats.heartbeats_of(hub_id, before, limit + 1) if not lane or "heartbeat" in lane else []
    rows: Sequence[Event | Heartbeat] = sorted(
        [*messages, *beats], key=lambda row: (row.received_at, row.id), reverse=True
    )
    return page_of(rows[: limit + 1], limit, show_event, lambda row: (row.received_at, row.id))


@router.get("/{hub_id}/peripherals")
async def list_peripherals(hub_id: HubId, session: Transaction, actor: Viewer) -> Page[PeripheralOut]:
    """List what is paired to a hub."""
    hubs = HubRepository(session, actor.councils)
    await hubs.require(hub_id)
    paired = await hubs.peripherals(hub_id)
    return Page(items=[PeripheralOut.model_validate(row) for row in paired], next=None)


@router.post("/{hub_id}/peripherals", status_code=201)
async def pair(hub_id: HubId, body: PeripheralIn, session: Transaction, actor: Editor) -> PeripheralOut:
    """Pair a peripheral; one with this id already gets the new kind and room."""
    hubs = HubRepository(session, actor.councils)
    hub = await hubs.row(hub_id)
    peripheral = await hubs.pair(hub, **body.model_dump())
    await AuditRepository(session).add(
        actor, "peripheral_paired", "hub", hub_id, hub.council_id, details={"device_id": body.device_id}
    )
    return PeripheralOut.model_validate(peripheral)


@router.delete("/{hub_id}/peripherals/{device_id}", status_code=204)
async def unpair(hub_id: HubId, device_id: HubId, session: Transaction, actor: Editor) -> None:
    """Remove a peripheral from a hub's register."""
    hubs = HubRepository(session, actor.councils)
    hub = await hubs.row(hub_id)
    if not await hubs.unpair(hub_id, device_id):
        raise NotFoundError(f"{hub_id} has no peripheral {device_id}")
    await AuditRepository(session).add(
        actor, "peripheral_unpaired", "hub", hub_id, hub.council_id, details={"device_id": device_id}
    )


@router.get("/{hub_id}/installations")
async def list_installations(hub_id: HubId, session: Transaction, actor: Viewer) -> Page[InstallationOut]:
    """List where a hub was and is, the latest first."""
    hubs = HubRepository(session, actor.councils)
    await hubs.require(hub_id)
    return Page(items=[show_installation(row) for row in await hubs.installations(hub_id)], next=None)


@router.post("/{hub_id}/installations", status_code=201)
async def install(hub_id: HubId, body: InstallationIn, session: Transaction, actor: Editor) -> InstallationOut:
    """Install a hub for a person at premises; 409 says where it is when it is somewhere already, unless `move`."""
    swap = SwapDay(session, actor.councils)
    leaving = await swap.leaving(hub_id, actor.label)
    installation = await swap.registry.install(
        hub_id, body.person_id, body.premises_id, body.since, move=body.move, leaving=leaving
    )
    await AuditRepository(session).add(actor, "hub_installed", "hub", hub_id, installation.council_id)
    return show_installation(installation)


@router.post("/{hub_id}/installations/end")
async def end_installation(
    hub_id: HubId, body: InstallationEnd, session: Transaction, actor: Editor
) -> InstallationOut:
    """End where a hub is; it goes back to stock.

    409 says why it must stay: an alarm of this home is open, or the person would be left without an accepted hub. With
    a `withdrawal` of the service the last one goes too.
    """
    swap = SwapDay(session, actor.councils)
    leaving = await swap.leaving(hub_id, actor.label, _withdrawal(body, actor))
    installation = await swap.registry.end_installation(hub_id, body.until, leaving)
    details = body.withdrawal.model_dump() if body.withdrawal else None
    action = "service_withdrawn" if body.withdrawal else "installation_ended"
    await AuditRepository(session).add(actor, action, "hub", hub_id, installation.council_id, details=details)
    return show_installation(installation)


def _withdrawal(body: InstallationEnd, actor: Actor) -> Withdrawal | None:
    """Return the withdrawal that somebody asks for; InvalidError when the second name is their own."""
    asked = body.withdrawal
    if asked is None:
        return None
    if asked.agreed_with.casefold() in {actor.name.casefold(), (actor.username or "").casefold(), actor.label}:
        errors = [{"where": "body.withdrawal.agreed_with", "what": "this is your own name: two must agree"}]
        raise InvalidError("A withdrawal needs a second name", errors=errors)
    return Withdrawal(asked.reason, actor.label, asked.agreed_with)


@router.post("/{hub_id}/credential", status_code=201)
@never_replayed
async def issue_credential(hub_id: HubId, session: Transaction, actor: Editor) -> CredentialOut:
    """Give a hub a fresh password for the broker; it is shown this once and the old one ends."""
    registry = RegistryService(session, actor.councils)
    password = await registry.issue_credential(hub_id)
    hub = await registry.hubs.row(hub_id)
    await AuditRepository(session).add(actor, "credential_issued", "hub", hub_id, hub.council_id)
    return CredentialOut(username=hub_id, password=password)


def show_event(row: Event | Heartbeat) -> EventOut:
    """Return a message of either lane as programs see it."""
    if isinstance(row, Heartbeat):
        return EventOut(
            id=row.id, received_at=row.received_at, lane="heartbeat", event_id=None, type=None, treatment="heartbeat",
            alarm_id=None, device_at=None, payload=readable(row.payload), payload_size=len(row.payload), notes=[],
        )  # fmt: skip
    return EventOut(
        id=row.id, received_at=row.received_at, lane=row.lane, event_id=row.event_id, type=row.type,
        treatment=row.treatment, alarm_id=row.alarm_id, device_at=row.device_at, payload=readable(row.payload),
        payload_size=row.payload_size, notes=list(row.notes),
    )  # fmt: skip


def readable(raw: bytes) -> dict[str, Any]:
    """Return a payload as the JSON object that it is, else as text, else in base64."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
    try:
        value = json.loads(text)
        # What cannot be written as JSON again (lone surrogates, numbers without a value) is shown as it came.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}


def show_installation(row: Installation) -> InstallationOut:
    """Return an installation as programs see it."""
    return InstallationOut.model_validate(row)
