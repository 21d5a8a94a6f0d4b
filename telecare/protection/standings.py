"""All queries that join what is wrong at homes with who lives there: what an incident is made of, and its members."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.incidents.domain import SCALE, UNKNOWN_WEIGHT, WEIGHTS, Group, GroupKind, Standing
from telecare.kernel.pure.sight import Sight
from telecare.kernel.waiting import letting_in

_NAME = "concat_ws(' ', coalesce(n.preferred_name, n.given_name), n.family_name)"
_KEYS: Mapping[GroupKind, str] = {
    GroupKind.POSTCODE_SECTOR: "left(place.postcode, -2)",
    GroupKind.EXCHANGE: "place.exchange",
    GroupKind.MOBILE_NETWORK: "h.mobile_network",
    GroupKind.FIRMWARE: "d.make || ' ' || d.name || ' ' || l.firmware",
    GroupKind.COUNCIL: "h.council_id",
}
_HOME = """
      JOIN device_model d ON d.id = h.model_id
      JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
      JOIN person n ON n.id = i.person_id
      JOIN premises place ON place.id = i.premises_id
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
"""

# New ones: what began lately, and silences of which nobody was told however old they are. Members: whatever lasts; one
# whose alarm a human has closed is on battery for as long as its unit says so.
_STANDING = text(
    f"""
    WITH wrong AS (
        SELECT p.hub_id, 'offline' AS what,
               CASE p.state WHEN 'offline' THEN p.since
                    ELSE coalesce((SELECT started_at FROM presence_period q WHERE q.hub_id = p.hub_id
                                      AND q.state = 'offline' ORDER BY started_at DESC LIMIT 1), p.since) END AS since,
               p.told_alarm_id IS NULL AS untold
          FROM hub_presence p WHERE p.state IN ('offline', 'lost')
        UNION ALL
        SELECT a.hub_id, a.type, a.raised_at, false FROM alarm a
         WHERE a.handling <> 'closed' AND a.condition = 'active' AND a.type IN ('mains_fail', 'path_lost')
        UNION ALL
        SELECT m.hub_id, 'mains_fail', m.mains_lost_at, false
          FROM incident_member m JOIN hub_live l ON l.hub_id = m.hub_id
         WHERE m.state = 'joined' AND m.mains_lost_at IS NOT NULL AND l.mains IS FALSE
    ), hit AS (
        SELECT w.hub_id, max(since) AS since, bool_or(untold) AS untold,
               min(since) FILTER (WHERE what = 'offline') AS offline_since,
               min(since) FILTER (WHERE what = 'mains_fail') AS mains_lost_at,
               min(since) FILTER (WHERE what = 'path_lost') AS path_lost_at
          FROM wrong w GROUP BY w.hub_id
    )
    SELECT h.hub_id, h.council_id, n.id AS person_id, place.id AS premises_id, {_NAME} AS person_name, n.risk_tier,
           hit.offline_since, hit.mains_lost_at, hit.path_lost_at,
           d.battery_hours, l.battery_pct, l.last_seen_at AS battery_at,
           {", ".join(f"{key} AS {kind}" for kind, key in _KEYS.items())}
      FROM hit JOIN hub h ON h.hub_id = hit.hub_id {_HOME}
      LEFT JOIN incident_member m ON m.hub_id = h.hub_id AND m.state = 'joined'
     WHERE h.connection = 'digital'
       AND (m.hub_id IS NOT NULL OR hit.untold OR hit.since > clock_timestamp() - CAST(:within AS interval))
    """  # noqa: S608 - names of columns
)
_SIZES = text(
    f"""
    SELECT g.kind, g.key, count(*)
      FROM hub h {_HOME}
     CROSS JOIN LATERAL (VALUES {", ".join(f"('{kind}', {key})" for kind, key in _KEYS.items())}) AS g(kind, key)
     WHERE h.connection = 'digital' AND g.key IS NOT NULL
     GROUP BY g.kind, g.key
    """  # noqa: S608 - names of columns
)

# `urgency` of the domain, for as many as there are: a test holds the two together.
_WEIGHTS = " ".join(f"WHEN '{tier}' THEN {weight}" for tier, weight in WEIGHTS.items())
_LASTS_UNTIL = (
    "CASE WHEN m.offline_since IS NULL AND m.mains_lost_at IS NOT NULL"
    " THEN coalesce(m.battery_until, m.mains_lost_at) ELSE m.offline_since END"
)
_URGENCY = (
    f"CASE WHEN {_LASTS_UNTIL} IS NULL THEN 0 ELSE"
    f" trunc({SCALE} * coalesce(CASE n.risk_tier {_WEIGHTS} END, {UNKNOWN_WEIGHT})"
    f" / (1 + greatest(0, extract(epoch FROM {_LASTS_UNTIL} - CAST(:at AS timestamptz))) / 3600))::bigint END"
)
_STATE = "CASE m.state WHEN 'joined' THEN 0 WHEN 'stayed' THEN 1 ELSE 2 END"
_MEMBERS = text(
    f"""
    SELECT * FROM (
        SELECT m.hub_id, m.council_id, m.state, m.joined_at, m.returned_at, m.offline_since, m.mains_lost_at,
               m.path_lost_at, m.battery_until, m.overdue_told_at, m.person_id, m.premises_id, n.risk_tier,
               {_NAME} AS person_name, n.phone,
               concat(place.address, ', ', place.town, ' ', place.postcode) AS place,
               left(place.postcode, -2) AS sector, {_LASTS_UNTIL} AS lasts_until,
               {_STATE} AS turn, {_URGENCY} AS urgency,
               (SELECT a.id FROM alarm a WHERE a.incident_id = m.incident_id AND a.hub_id = m.hub_id
                 ORDER BY a.raised_at DESC LIMIT 1) AS alarm_id
          FROM incident_member m
          LEFT JOIN person n ON n.id = m.person_id
          LEFT JOIN premises place ON place.id = m.premises_id
         WHERE m.incident_id = :incident_id
           AND (CAST(:state AS text) IS NULL OR m.state = :state)
           AND (:all_councils OR m.council_id = ANY(CAST(:councils AS text[])))
    ) AS ranked
     WHERE CAST(:turn AS int) IS NULL OR (turn, -urgency, hub_id) > (:turn, -CAST(:urgency AS bigint), :hub_id)
     ORDER BY turn, urgency DESC, hub_id
     LIMIT :limit
    """  # noqa: S608 - names of columns
)


class Place(NamedTuple):
    """Where a page of members ends: the moment at which they were ranked, and the last one."""

    at: datetime
    turn: int
    urgency: int
    hub_id: str


class Standings:
    """Reads of them in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def now(self, within: timedelta) -> list[Standing]:
        """Return the homes that are hit: new ones, and all members of open incidents."""
        rows = (await self.session.execute(_STANDING, {"within": within})).mappings()
        return [_standing(row) async for row in letting_in(rows)]

    async def sizes(self) -> dict[Group, int]:
        """Return how many homes there are of each group: all of the register is read."""
        rows = await self.session.execute(_SIZES)
        return {Group(GroupKind(kind), key): count for kind, key, count in rows}

    async def members(
        self, incident_id: UUID, sight: Sight, at: datetime, state: str | None, after: Place | None, limit: int
    ) -> list[dict[str, Any]]:
        """Return members, those hit first, by risk and by how long their units last."""
        values: dict[str, Any] = {
            "incident_id": incident_id,
            "at": after.at if after else at,
            "state": state,
            "all_councils": not sight.councils,
            "councils": sorted(sight.councils),
            "turn": after.turn if after else None,
            "urgency": after.urgency if after else None,
            "hub_id": after.hub_id if after else None,
            "limit": limit,
        }
        return [dict(row) for row in (await self.session.execute(_MEMBERS, values)).mappings()]


def _standing(row: RowMapping) -> Standing:
    groups = frozenset(Group(kind, row[kind]) for kind in GroupKind if row[kind] is not None)
    return Standing(
        hub_id=row["hub_id"],
        council_id=row["council_id"],
        person_id=row["person_id"],
        premises_id=row["premises_id"],
        person_name=row["person_name"],
        tier=row["risk_tier"],
        offline_since=row["offline_since"],
        mains_lost_at=row["mains_lost_at"],
        path_lost_at=row["path_lost_at"],
        battery_hours=row["battery_hours"],
        battery_pct=row["battery_pct"],
        battery_at=row["battery_at"],
        groups=groups,
    )
