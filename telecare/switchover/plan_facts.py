"""What is known of the homes of a council that are to be visited: register, lines, notices, calls, proofs, battery."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.repository import ModelRepository
from devices.switchover.planning.prize import LineState
from devices.switchover.planning.problem import Appointment
from devices.switchover.visits.domain import PROVEN, STANDS

LOOK_BACK = 90
"""Calls, reports, tests and absences of so many days tell how well a unit and a model get through."""
ENOUGH_CALLS, ENOUGH_HOURS = 50, 24 * 100
"""Below so many calls, or hours of heartbeats, of a model in a council nothing is said about the model."""

# What a unit sent. `attempt` is its own count: from the second one on, a call before it did not get through. What was
# repeated since we could not hear ourselves is not held against it. The payload need be neither UTF-8 nor JSON.
_CALLS = r"""
    SELECT count(*) AS made, coalesce(sum(least(greatest(tried::int - 1, 0), 30)), 0)::int AS failed
      FROM (SELECT substring(encode(e.payload, 'escape') FROM '"attempt"\s*:\s*([0-9]{{1,6}})') AS tried
              FROM event e
             WHERE e.hub_id = h.hub_id AND e.received_at > clock_timestamp() - interval '{days} days'
               AND e.lane IN ('alarm', 'event') AND e.dedup_key IS NOT NULL
               AND NOT EXISTS (SELECT FROM deaf_period d
                                WHERE e.received_at BETWEEN d.started_at AND d.ended_at + interval '10 minutes')) told
"""
# The first migration of a line of the home that a provider still plans. A hold puts it off until the hold's last day is
# over; one without an end puts it off for good.
_NOTICE = """
    SELECT n.provider, n.planned_at, hold.until AS held_until
      FROM line l
      JOIN telco_notice n ON n.council_id = l.council_id AND n.number = l.number AND n.status = 'planned'
      LEFT JOIN LATERAL (
           SELECT coalesce(x.until, 'infinity'::date) AS until FROM telco_hold x
            WHERE x.council_id = l.council_id AND x.number = l.number AND x.lifted_at IS NULL) hold ON true
     WHERE l.premises_id = i.premises_id AND coalesce(hold.until, '-infinity'::date) < 'infinity'::date
     ORDER BY greatest(n.planned_at, hold.until + interval '1 day') LIMIT 1
"""
# The first day on which a programme of another cause than the line must have replaced a unit.
_DUE = """
    SELECT g.name, u.due_on
      FROM switchover_unit u
      JOIN switchover_programme g ON g.id = u.programme_id AND g.ended_at IS NULL AND g.cause <> 'pstn'
     WHERE u.hub_id = h.hub_id AND u.done_at IS NULL AND u.left_at IS NULL
     ORDER BY u.due_on, g.id LIMIT 1
"""
# Of a home the newest installation. What is booked and not over yet is kept as it is. Where somebody is at work, or a
# new hub stands already, also behind a visit that stands aside, nothing is to be planned.
_HOMES = """
    SELECT h.hub_id, h.connection, dm.radio, i.premises_id, m.postcode, m.town, m.latitude, m.longitude, p.risk_tier,
           p.lives_alone, p.phone IS NULL AS no_phone,
           ARRAY(SELECT DISTINCT l.kind FROM line l WHERE l.premises_id = i.premises_id) AS lines,
           (SELECT count(*) FROM peripheral d WHERE d.hub_id = h.hub_id) AS peripherals,
           EXISTS (SELECT FROM peripheral d WHERE d.hub_id = h.hub_id
                      AND d.kind IN ('smoke', 'heat', 'carbon_monoxide', 'gas')) AS detectors,
           (SELECT max(greatest(t.last_alarm_at, t.last_test_at)) FROM trigger_proof t
             WHERE t.hub_id = h.hub_id) AS proven_at,
           h.model_id, calls.failed + checks.failed AS failed_calls,
           CASE WHEN h.connection <> 'digital' AND h.handshakes_until > current_date - {days}
                THEN h.failed_handshakes ELSE 0 END AS failed_handshakes, h.handshakes_until,
           (SELECT min(lower(x.period)) FROM installation x WHERE x.hub_id = h.hub_id) AS fitted_at,
           (SELECT max(a.raised_at) FROM alarm a WHERE a.hub_id = h.hub_id AND a.type = 'hub_battery_low'
               AND a.raised_at > clock_timestamp() - interval '{days} days') AS battery_low_at,
           b.starts_at AS booked_from, b.ends_at AS booked_until, b.engineer_id AS booked_with,
           b.second_engineer_id AS booked_second,
           v.state AS visit_state, v.starts_at AS visit_from, v.next_contact_on,
           notice.provider AS notice_by, notice.planned_at AS notice_at, notice.held_until,
           due.name AS due_by, due.due_on
      FROM hub h
      JOIN device_model dm ON dm.id = h.model_id
      JOIN installation i ON i.hub_id = h.hub_id AND i.period @> clock_timestamp()
      JOIN person p ON p.id = i.person_id
      JOIN premises m ON m.id = i.premises_id
     CROSS JOIN LATERAL ({calls}) calls
     CROSS JOIN LATERAL (
         SELECT count(*) AS failed FROM telco_check c WHERE c.hub_id = h.hub_id AND c.state = 'no_answer'
            AND c.ended_at > clock_timestamp() - interval '{days} days') checks
      LEFT JOIN LATERAL ({notice}) notice ON true
      LEFT JOIN LATERAL ({due}) due ON true
      LEFT JOIN visit v ON v.old_hub_id = h.hub_id AND v.over_at IS NULL
      LEFT JOIN visit b ON b.id = v.id AND b.state IN ('booked', 'confirmed') AND b.ends_at > clock_timestamp()
     WHERE h.council_id = :council AND h.status = 'in_service' AND (h.connection <> 'digital' OR due.due_on IS NOT NULL)
       AND p.service_ended_on IS NULL
       AND (v.id IS NULL OR v.state <> 'on_site' AND coalesce(v.resumes, v.state) <> ALL(:there))
     ORDER BY h.hub_id
"""
_MODELS = """
    SELECT h.model_id, sum(calls.made)::int AS calls, sum(calls.failed)::int AS failed,
           coalesce(sum(there.hours), 0)::float AS hours, coalesce(sum(there.away), 0)::float AS away
      FROM hub h
     CROSS JOIN LATERAL ({calls}) calls
     CROSS JOIN LATERAL (
         SELECT sum(span) AS hours, sum(span) FILTER (WHERE state IN ('offline', 'lost')) AS away
           FROM (SELECT p.state, extract(epoch FROM coalesce(p.ended_at, clock_timestamp())
                        - greatest(p.started_at, clock_timestamp() - interval '{days} days')) / 3600 AS span
                   FROM presence_period p
                  WHERE p.hub_id = h.hub_id AND p.state NOT IN ('never_seen', 'dormant')
                    AND coalesce(p.ended_at, 'infinity') > clock_timestamp() - interval '{days} days') s) there
     WHERE h.council_id = :council AND h.status = 'in_service'
     GROUP BY h.model_id
"""
LONDON = ZoneInfo("Europe/London")
VOIP = frozenset({"voip_router", "voip_ata"})
THERE = sorted(STANDS | PROVEN)
"""States of a visit whose new hub is in the home."""


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
    model_id: UUID
    failed_calls: int
    failed_handshakes: int
    handshakes_until: date | None
    fitted_at: datetime | None
    battery_low_at: datetime | None
    booked_from: datetime | None
    booked_until: datetime | None
    booked_with: UUID | None
    booked_second: UUID | None
    visit_state: str | None
    visit_from: datetime | None
    next_contact_on: date | None
    notice_by: str | None
    notice_at: datetime | None
    held_until: date | None
    due_by: str | None
    due_on: date | None

    @property
    def line(self) -> LineState:
        """Return what the unit speaks over."""
        if self.connection == "digital":
            return LineState.DIGITAL
        if VOIP & set(self.lines):
            return LineState.ANALOGUE_ON_DIGITAL
        if "pstn" in self.lines:
            return LineState.ANALOGUE if self.connection == "analogue" else LineState.READY_ON_ANALOGUE
        return LineState.UNKNOWN

    def days_since_proven(self, today: date) -> int | None:
        """Return for how long nothing has proven it, None for never."""
        return None if self.proven_at is None else max(0, (today - self.proven_at.date()).days)

    def battery_years(self, today: date) -> float | None:
        """Return for how many years the unit has been in homes: nobody writes down when a battery was changed."""
        return None if self.fitted_at is None else max(0, (today - self.fitted_at.date()).days) / 365.25

    @property
    def booking(self) -> Appointment | None:
        """Return the visit that a household was told of and that is not over yet, with who goes there; None without."""
        if self.booked_from is None or self.booked_until is None or self.booked_with is None:
            return None
        start, end = self.booked_from.astimezone(LONDON), self.booked_until.astimezone(LONDON)
        at = start.hour * 60 + start.minute
        lasts = math.ceil((end - start) / timedelta(minutes=1))
        crew = tuple(str(each) for each in (self.booked_with, self.booked_second) if each is not None)
        return Appointment(self.hub_id, start.date(), at, at + lasts, crew, confirmed=True)

    @property
    def notified(self) -> date | None:
        """Return the day on which a provider moves the line: as notified, or once the line's hold has ended."""
        if self.notice_at is None:
            return None
        on = self.notice_at.astimezone(LONDON).date()
        return on if self.held_until is None else max(on, self.held_until + timedelta(days=1))


async def homes_of(session: AsyncSession, council: str) -> list[HomeFacts]:
    """Return the homes of a council whose unit is to be replaced, with the visit that is booked, if any.

    They are those that still have an analogue path, and what programmes of other causes have not replaced yet.
    """
    parts = {"days": LOOK_BACK, "calls": _CALLS.format(days=LOOK_BACK), "notice": _NOTICE, "due": _DUE}
    rows = await session.execute(text(_HOMES.format(**parts)), {"council": council, "there": THERE})
    return [HomeFacts(**row._mapping) for row in rows]  # noqa: SLF001 - the documented name of a row's mapping


async def failure_rates(session: AsyncSession, council: str, said: Mapping[str, float]) -> Mapping[UUID, float]:
    """Return the chance that a call of a model fails, by model id, as its units of this council have shown lately.

    It fails when it has to be tried again, or when the unit is out of reach. Of a model of which too little was seen
    it is what is `said`, by make and name; of one that nobody says anything of, nothing is known.
    """
    parts = {"days": LOOK_BACK, "calls": _CALLS.format(days=LOOK_BACK)}
    rows = await session.execute(text(_MODELS.format(**parts)), {"council": council})
    models = {each.id: f"{each.make} {each.name}".lower() for each in await ModelRepository(session).models()}
    told = {name.lower(): chance for name, chance in said.items()}
    found = {model_id: told[name] for model_id, name in models.items() if name in told}
    for row in rows:
        seen = []
        if row.calls >= ENOUGH_CALLS:
            seen.append(row.failed / (row.calls + row.failed))
        if row.hours >= ENOUGH_HOURS:
            seen.append(row.away / row.hours)
        if seen:
            found[row.model_id] = 1 - math.prod(1 - chance for chance in seen)
    return found
