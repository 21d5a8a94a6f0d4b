"""A programme with visits, put into the database as if it had gone on for some weeks."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.ids import new_id

_PROGRAMME = text(
    "INSERT INTO switchover_programme (id, name, cause, deadline, councils, made_by)"
    " VALUES (:id, :name, 'pstn', :deadline, :councils, 'test')"
)
_UNITS = text(
    """
    INSERT INTO switchover_unit
        (id, council_id, programme_id, hub_id, person_id, premises_id, reasons, due_on, found_at)
    SELECT gen_random_uuid(), council_id, :programme_id, hub_id, person_id, premises_id, '[]', :deadline,
           now() - interval '40 days'
      FROM installation WHERE upper_inf(period) AND council_id = ANY(:councils)
    """
)
# Every second unit has been visited; one in six of them in vain. Three a day, in the weeks before today.
_VISITS = text(
    """
    WITH chosen AS (
        SELECT u.*, row_number() OVER (ORDER BY u.hub_id) AS n FROM switchover_unit u
         WHERE u.programme_id = :programme_id
           AND NOT EXISTS (SELECT FROM visit v WHERE v.old_hub_id = u.hub_id AND v.over_at IS NULL)
    ), made AS (
        INSERT INTO visit (id, council_id, unit_id, person_id, premises_id, old_hub_id, made_by)
        SELECT gen_random_uuid(), council_id, id, person_id, premises_id, hub_id, 'test' FROM chosen WHERE n % 2 = 0
        RETURNING id, council_id, old_hub_id
    ), lines AS (
        SELECT m.id, m.council_id, now() - interval '30 days' + (c.n / 6) % 29 * interval '1 day' AS at, c.n
          FROM made m JOIN chosen c ON c.hub_id = m.old_hub_id
    )
    INSERT INTO visit_log (visit_id, seq, council_id, at, kind, actor, from_state, to_state, text)
    SELECT l.id, s.seq, l.council_id, l.at + s.after, 'state', 'Ewan', s.before, s.after_state, 'a test'
      FROM lines l
      JOIN LATERAL (VALUES
        (101, interval '-5 days', 'contacted', 'consented'),
        (102, interval '0', 'confirmed', CASE WHEN l.n % 12 = 0 THEN 'no_access' ELSE 'on_site' END),
        (103, interval '1 day', 'soak', CASE WHEN l.n % 12 = 0 THEN NULL ELSE 'accepted' END)
      ) AS s (seq, after, before, after_state) ON s.after_state IS NOT NULL
    """
)


async def programme(session: AsyncSession, *councils: str, deadline: date, name: str = "Analogue lines") -> UUID:
    """Make a programme of all units that stand with somebody in some councils; none of them has been visited."""
    values = {"programme_id": new_id(), "deadline": deadline, "councils": list(councils)}
    await session.execute(_PROGRAMME, {"id": values["programme_id"], "name": name, **values})
    await session.execute(_UNITS, values)
    return UUID(str(values["programme_id"]))


async def visited(session: AsyncSession, programme_id: UUID) -> None:
    """Have every second unit of a programme visited, in the weeks before today."""
    await session.execute(_VISITS, {"programme_id": programme_id})
