"""What the alarm path asks of the register: one query a message, no objects loaded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import Connection, Home, HubContext, HubStatus, Reach, RiskTier, TriedOut, spoken_name
from devices.registry.models import Contact
from telecare.kernel.asking import Question, ask

COUNCIL_OF_HUB = "(SELECT council_id FROM hub WHERE hub_id = :hub_id)"
"""For questions that are asked together with `CONTEXT`."""

_CONTEXT = """
    SELECT h.hub_id, h.council_id, h.status, h.connection,
           i.id AS installation_id, i.period @> clock_timestamp() AS is_now,
           i.period @> CAST(:at AS timestamptz) AS is_then, upper(i.period) AS until,
           p.id AS person_id, p.given_name, p.family_name, p.preferred_name, p.risk_tier,
           m.id AS premises_id, m.address, m.town, m.postcode,
           (SELECT jsonb_object_agg(r.device_id, jsonb_build_array(r.kind, r.room))
              FROM peripheral r WHERE r.hub_id = h.hub_id) AS rooms,
           w.starts_at AS window_starts_at, w.ends_at AS window_ends_at, w.devices AS window_devices,
           w.opened_name AS window_by
      FROM hub h
      LEFT JOIN test_window w ON w.hub_id = h.hub_id AND w.ended_at IS NULL AND w.ends_at > clock_timestamp()
      LEFT JOIN installation i ON i.hub_id = h.hub_id
      LEFT JOIN person p ON p.id = i.person_id
      LEFT JOIN premises m ON m.id = i.premises_id
     WHERE h.hub_id = :hub_id
     ORDER BY lower(i.period)
"""


class _Known(NamedTuple):
    """A row of `_CONTEXT`: the hub with one of its installations, if it ever had one."""

    hub_id: str
    council_id: str
    status: str
    connection: str
    installation_id: UUID | None
    is_now: bool | None
    is_then: bool | None
    until: datetime | None
    person_id: UUID
    given_name: str
    family_name: str
    preferred_name: str | None
    risk_tier: str
    premises_id: UUID
    address: str
    town: str
    postcode: str
    rooms: dict[str, tuple[str, str | None]] | None
    window_starts_at: datetime
    window_ends_at: datetime
    window_devices: list[str]
    window_by: str | None


def _context(rows: Sequence[tuple[Any, ...]]) -> HubContext | None:
    if not rows:
        return None
    known = [_Known(*row) for row in rows]
    first = known[0]
    installed = [row for row in known if row.installation_id is not None]
    now = next((row for row in installed if row.is_now), None)
    then = next((row for row in installed if row.is_then), None)
    if then is not None and now is not None and then.installation_id == now.installation_id:
        then = None
    ended = [row for row in installed if row.until is not None and not row.is_now]
    return HubContext(
        hub_id=first.hub_id,
        council_id=first.council_id,
        status=HubStatus(first.status),
        connection=Connection(first.connection),
        now=_home(now),
        then=_home(then),
        last=_home(ended[-1]) if ended else None,
        rooms={device: (kind, room) for device, (kind, room) in (first.rooms or {}).items()},
        window=_window(first),
    )


CONTEXT: Question[HubContext | None] = Question(_CONTEXT, _context)
"""What is known of `hub_id` now and `at` (the device's time, or nothing); None when nobody knows it."""


async def hub_context(session: AsyncSession, hub_id: str, at: datetime | None) -> HubContext | None:
    """Return what is known of a hub now and at `at` (the device's time); None when nobody knows it."""
    return await ask(session, CONTEXT, {"hub_id": hub_id, "at": at})


async def person_contacts(session: AsyncSession, person_id: UUID) -> tuple[Reach, ...]:
    """Return a person's contacts in the order in which they are tried."""
    statement = (
        select(Contact.id, Contact.name, Contact.phone, Contact.email)
        .where(Contact.person_id == person_id)
        .order_by(Contact.position)
    )
    return tuple(Reach(*row) for row in await session.execute(statement))


def _window(row: _Known) -> TriedOut | None:
    if row.window_by is None:
        return None
    return TriedOut(row.window_starts_at, row.window_ends_at, frozenset(row.window_devices), row.window_by)


def _home(row: _Known | None) -> Home | None:
    if row is None:
        return None
    return Home(
        person_id=row.person_id,
        premises_id=row.premises_id,
        person_name=spoken_name(row.given_name, row.family_name, row.preferred_name),
        place=f"{row.address}, {row.town} {row.postcode}",
        risk_tier=RiskTier(row.risk_tier),
    )
