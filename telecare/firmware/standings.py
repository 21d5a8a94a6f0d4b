"""How hubs stand to an update: what the register, their presence, alarms, planned work and other updates say."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.firmware.domain import Standing
from devices.presence.domain import Presence

_ON_ITS_WAY = """
    (EXISTS (SELECT FROM hub_command c WHERE c.hub_id = {hub} AND c.command = 'update_firmware'
                AND c.state IN ('queued', 'sent'))
     OR EXISTS (SELECT FROM firmware_hub f WHERE f.hub_id = {hub} AND f.state IN ('asked', 'updating')))
"""
_STANDING = f"""
    SELECT h.hub_id, h.council_id, CAST(h.model_id AS text) AS model_id, h.connection, h.status,
           coalesce(p.state, 'never_seen') AS presence,
           l.firmware, l.mains, n.risk_tier AS tier, CAST(i.premises_id AS text) AS home,
           coalesce(p.away_until > clock_timestamp(), false) AS away,
           EXISTS (SELECT FROM alarm a WHERE a.hub_id = h.hub_id AND a.class = 'L' AND a.handling <> 'closed')
             OR EXISTS (SELECT FROM alarm a WHERE a.person_id = i.person_id AND a.class = 'L'
                           AND a.handling <> 'closed') AS life_safety,
           EXISTS (SELECT FROM planned_work w
                    WHERE w.ended_at IS NULL AND w.starts_at <= clock_timestamp() AND w.ends_at > clock_timestamp()
                      AND (w.council_id IS NULL OR w.council_id = h.council_id)
                      AND (w.hub_id IS NULL OR w.hub_id = h.hub_id)) AS work,
           {_ON_ITS_WAY.format(hub="h.hub_id")}
             OR EXISTS (SELECT FROM installation o
                         WHERE o.premises_id = i.premises_id AND o.period @> clock_timestamp()
                           AND {_ON_ITS_WAY.format(hub="o.hub_id")}) AS busy
      FROM hub h
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
      LEFT JOIN person n ON n.id = i.person_id
"""  # noqa: S608 - our own words
_OF_HUBS = text(f"{_STANDING} WHERE h.hub_id = ANY(:hub_ids)")
_OF_MODEL = text(
    f"""{_STANDING}
     WHERE h.model_id = :model_id AND h.status <> 'retired' AND h.connection = 'digital'
       AND (CAST(:council_id AS text) IS NULL OR h.council_id = :council_id)
     ORDER BY h.hub_id
    """
)


async def standings(session: AsyncSession, hub_ids: Collection[str]) -> dict[str, Standing]:
    """Return how each of these hubs stands now."""
    rows = await session.execute(_OF_HUBS, {"hub_ids": list(hub_ids)})
    return {row["hub_id"]: _standing(dict(row)) for row in rows.mappings()}


async def standings_of_model(session: AsyncSession, model_id: UUID, council_id: str | None) -> Sequence[Standing]:
    """Return how the digital hubs of a model stand, in a council or in all."""
    rows = await session.execute(_OF_MODEL, {"model_id": model_id, "council_id": council_id})
    return [_standing(dict(row)) for row in rows.mappings()]


def _standing(row: dict[str, object]) -> Standing:
    return Standing(**{**row, "presence": Presence(str(row["presence"]))})  # type: ignore[arg-type]
