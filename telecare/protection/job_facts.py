"""What jobs are opened from: facts of events, calls, register, lists and proofs, each kind in one query a batch."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.jobs.patterns import CONDITIONS, NOBODY_SPOKE, NOT_MEANT, Call, Rules, Signal, Trigger, Unit

TELLING = [*CONDITIONS, "factory_reset", "duplicate_id"]
"""Types of events that patterns are made of; of all others only the clock is looked at."""

# Events are found by their ids, which are born in order; a hub whose clock was wrong is looked at until it is right.
_NEWS = text(
    """
    SELECT DISTINCT e.hub_id
      FROM event e JOIN hub h ON h.hub_id = e.hub_id
     WHERE e.id >= :since_id AND e.treatment <> 'duplicate'
       AND (e.type = ANY(:types)
            OR e.device_at > e.received_at + CAST(:future AS interval)
            OR e.device_at < e.received_at - CAST(:past AS interval)
            OR EXISTS (SELECT FROM job j WHERE j.hub_id = e.hub_id AND j.kind = 'clock_wrong'
                          AND j.state <> 'done' AND j.gone_at IS NULL))
     ORDER BY e.hub_id
    """
)
_SIGNALS = text(
    """
    SELECT e.hub_id, e.id, coalesce(e.type, ''), e.received_at, e.device_at, e.alarm_id, a.device_id
      FROM event e LEFT JOIN alarm a ON a.id = e.alarm_id
     WHERE e.hub_id = ANY(:hub_ids) AND e.received_at >= :since AND e.treatment <> 'duplicate'
       AND (e.type = ANY(:types) OR e.device_at IS NOT NULL)
    """
)
_CALLS = text(
    """
    WITH closed AS (
        SELECT a.hub_id, a.id, a.words, a.raised_at, a.outcome,
               EXISTS (SELECT FROM alarm_log g WHERE g.alarm_id = a.id AND g.kind = 'no_speech') AS open_line
          FROM alarm a JOIN hub h ON h.hub_id = a.hub_id
         WHERE a.id >= :since_id AND a.handling = 'closed' AND a.family = 'personal'
    ), told AS (
        SELECT *, count(*) OVER (PARTITION BY hub_id) AS calls
          FROM closed WHERE open_line OR outcome = ANY(:outcomes)
    )
    SELECT hub_id, id, words, raised_at, outcome, open_line FROM told WHERE calls >= :least ORDER BY hub_id, raised_at
    """
)
_UNITS = """
    SELECT h.hub_id, h.status = 'in_service' AND h.connection = 'digital' AS watched,
           h.credential_issued_at, h.certificate_expires_on, l.peripherals,
           coalesce(p.away_until > clock_timestamp(), false) AS away, r.registered, t.proven
      FROM hub h
      LEFT JOIN hub_live l ON l.hub_id = h.hub_id
      LEFT JOIN hub_presence p ON p.hub_id = h.hub_id
      LEFT JOIN LATERAL (
           SELECT jsonb_agg(jsonb_build_array(device_id, kind, room, paired_at) ORDER BY device_id) AS registered
             FROM peripheral WHERE hub_id = h.hub_id) r ON true
      LEFT JOIN LATERAL (
           SELECT jsonb_object_agg(device_id, last) AS proven
             FROM (SELECT device_id, max(greatest(last_alarm_at, last_test_at)) AS last
                     FROM trigger_proof WHERE hub_id = h.hub_id GROUP BY device_id) q) t ON true
     WHERE h.hub_id > :after {narrowed}
       AND (h.status = 'in_service'
            OR EXISTS (SELECT FROM job j WHERE j.hub_id = h.hub_id AND j.state <> 'done'))
     ORDER BY h.hub_id LIMIT :limit
"""
_ALL_UNITS = text(_UNITS.format(narrowed=""))
_UNITS_OF = text(_UNITS.format(narrowed="AND h.council_id = ANY(:councils)"))


class JobFacts:
    """Collects facts in the transaction of `session`, and only reads."""

    def __init__(self, session: AsyncSession, rules: Rules) -> None:
        self.session = session
        self.rules = rules

    async def news(self, since_id: UUID) -> list[str]:
        """Return the hubs that have sent, since an event was born, what patterns are made of."""
        values = {"since_id": since_id, "types": TELLING, "future": self.rules.future, "past": self.rules.past}
        return list((await self.session.execute(_NEWS, values)).scalars())

    async def signals(self, hub_ids: Sequence[str], since: datetime) -> dict[str, list[Signal]]:
        """Return the events of some hubs since a moment, repeats of a message left out."""
        values = {"hub_ids": list(hub_ids), "since": since, "types": TELLING}
        found: defaultdict[str, list[Signal]] = defaultdict(list)
        for hub_id, *row in await self.session.execute(_SIGNALS, values):
            found[hub_id].append(Signal(*row))
        return found

    async def calls(self, since_id: UUID) -> dict[str, list[Call]]:
        """Return the closed calls of hubs that may be too many, of those that nobody meant or nobody spoke in."""
        least = min(self.rules.night_presses, self.rules.silent_calls)
        values = {"since_id": since_id, "outcomes": sorted(NOT_MEANT | NOBODY_SPOKE), "least": least}
        found: defaultdict[str, list[Call]] = defaultdict(list)
        for hub_id, *row in await self.session.execute(_CALLS, values):
            found[hub_id].append(Call(*row))
        return found

    async def units(self, after: str, limit: int, councils: Collection[str] = ()) -> list[Unit]:
        """Return the next hubs behind one, by id, as register, list and proofs have them; no council means all."""
        values = {"after": after, "limit": limit} | ({"councils": sorted(councils)} if councils else {})
        rows = await self.session.execute(_UNITS_OF if councils else _ALL_UNITS, values)
        return [
            Unit(
                hub_id=row.hub_id,
                watched=row.watched,
                registered=[_trigger(*one) for one in row.registered or ()],
                listed=row.peripherals,
                proven={key: datetime.fromisoformat(at) for key, at in (row.proven or {}).items() if at},
                away=row.away,
                credential_issued_at=row.credential_issued_at,
                certificate_expires_on=row.certificate_expires_on,
            )
            for row in rows
        ]


def _trigger(device_id: str, kind: str, room: str | None, paired_at: str) -> Trigger:
    return Trigger(device_id, kind, room, datetime.fromisoformat(paired_at))
