"""Who lives behind the hubs of a plan, how they are reached, and what the last attempt came to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The unit that is due first: a hub may be a matter of several programmes. A home's own lines stand behind the number
# that the person is known under.
_HOUSEHOLDS = text(
    """
    SELECT i.hub_id, h.connection, i.person_id, i.premises_id, n.communication,
           concat_ws(' ', coalesce(n.preferred_name, n.given_name), n.family_name) AS person_name,
           concat(m.address, ', ', m.town, ' ', m.postcode) AS place,
           array_remove(array_prepend(n.phone, ARRAY(
               SELECT l.number FROM line l WHERE l.premises_id = i.premises_id AND l.number IS DISTINCT FROM n.phone
                ORDER BY l.number)), NULL) AS phones,
           (SELECT u.id FROM switchover_unit u JOIN switchover_programme p ON p.id = u.programme_id
             WHERE u.hub_id = i.hub_id AND u.person_id = i.person_id AND p.ended_at IS NULL AND u.done_at IS NULL
               AND u.left_at IS NULL
             ORDER BY u.due_on, u.id LIMIT 1) AS unit_id,
           last.at AS last_at, last.by AS last_by, last.outcome AS last_outcome, last.note AS last_note
      FROM installation i
      JOIN hub h ON h.hub_id = i.hub_id
      JOIN person n ON n.id = i.person_id
      JOIN premises m ON m.id = i.premises_id
      LEFT JOIN visit v ON v.old_hub_id = i.hub_id AND v.over_at IS NULL
      LEFT JOIN LATERAL (SELECT c.at, c.by, c.outcome, c.note FROM visit_contact c WHERE c.visit_id = v.id
                          ORDER BY c.at DESC, c.id DESC LIMIT 1) last ON true
     WHERE i.council_id = :council AND i.hub_id = ANY(:hub_ids) AND upper_inf(i.period)
       AND n.service_ended_on IS NULL
    """
)


@dataclass(frozen=True)
class Household:
    """Whom a hub serves now. `unit_id`: of the programme in which it is due first, None when it is in none.

    `last_…`: the last attempt to reach them about the visit that is under way.
    """

    hub_id: str
    connection: str
    person_id: UUID
    premises_id: UUID
    communication: str | None
    person_name: str
    place: str
    phones: list[str]
    unit_id: UUID | None
    last_at: datetime | None
    last_by: str | None
    last_outcome: str | None
    last_note: str | None


async def households(session: AsyncSession, council: str, hub_ids: Collection[str]) -> dict[str, Household]:
    """Return whom some hubs of a council serve now, by hub; a hub that serves nobody is left out."""
    rows = await session.execute(_HOUSEHOLDS, {"council": council, "hub_ids": sorted(hub_ids)})
    return {row.hub_id: Household(**row._mapping) for row in rows}  # noqa: SLF001 - the documented name of a row's mapping
