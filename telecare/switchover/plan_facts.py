"""What is known of the homes of a council that are to be visited: register, lines, detectors, proofs, needs."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.planning.prize import LineState

# Of a home the newest installation; a visit that has a time already, or is further on, needs no plan.
_HOMES = """
    SELECT h.hub_id, h.connection, dm.radio, i.premises_id, m.postcode, m.town, m.latitude, m.longitude, p.risk_tier,
           p.lives_alone, p.phone IS NULL AS no_phone,
           ARRAY(SELECT DISTINCT l.kind FROM line l WHERE l.premises_id = i.premises_id) AS lines,
           (SELECT count(*) FROM peripheral d WHERE d.hub_id = h.hub_id) AS peripherals,
           EXISTS (SELECT FROM peripheral d WHERE d.hub_id = h.hub_id
                      AND d.kind IN ('smoke', 'heat', 'carbon_monoxide', 'gas')) AS detectors,
           (SELECT max(greatest(t.last_alarm_at, t.last_test_at)) FROM trigger_proof t
             WHERE t.hub_id = h.hub_id) AS proven_at
      FROM hub h
      JOIN device_model dm ON dm.id = h.model_id
      JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
      JOIN person p ON p.id = i.person_id
      JOIN premises m ON m.id = i.premises_id
     WHERE h.council_id = :council AND h.status = 'in_service' AND h.connection <> 'digital'
       AND p.service_ended_on IS NULL
       AND NOT EXISTS (
           SELECT FROM visit v WHERE v.old_hub_id = h.hub_id AND v.over_at IS NULL
              AND (v.starts_at IS NOT NULL OR v.new_hub_id IS NOT NULL AND v.state NOT IN ('stock_allocated')))
     ORDER BY h.hub_id
"""
VOIP = frozenset({"voip_router", "voip_ata"})


@dataclass(frozen=True)
class HomeFacts:
    """A home to be visited, as the register has it."""

    hub_id: str
    connection: str
    radio: str
    premises_id: UUID
    postcode: str
    town: str
    latitude: float | None
    longitude: float | None
    risk_tier: str
    lives_alone: bool
    no_phone: bool
    lines: list[str]
    peripherals: int
    detectors: bool
    proven_at: datetime | None

    @property
    def line(self) -> LineState:
        """Return what the unit speaks over."""
        if VOIP & set(self.lines):
            return LineState.ANALOGUE_ON_DIGITAL
        if "pstn" in self.lines:
            return LineState.ANALOGUE if self.connection == "analogue" else LineState.READY_ON_ANALOGUE
        return LineState.UNKNOWN

    def days_since_proven(self, today: date) -> int | None:
        """Return for how long nothing has proven it, None for never."""
        return None if self.proven_at is None else max(0, (today - self.proven_at.date()).days)


async def homes_of(session: AsyncSession, council: str) -> list[HomeFacts]:
    """Return the homes of a council that still have an analogue path and no visit that is booked."""
    rows = await session.execute(text(_HOMES), {"council": council})
    return [HomeFacts(**row._mapping) for row in rows]  # noqa: SLF001 - the documented name of a row's mapping
