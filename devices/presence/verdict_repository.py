"""All queries on where hubs stand: what is due, what was heard again, what came of it, and when we could hear."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from devices.presence.domain import Presence
from devices.presence.rules import RULE
from devices.presence.verdict import Change, Heard, Rule, Standing
from telecare.kernel.ids import new_id
from telecare.kernel.waiting import letting_in

DEAF_AFTER = timedelta(seconds=15)
"""So long without a word of its own an ingest slot could not hear; they speak every 2 s."""

# What a trigger proved is the intake's to write; here it is one sign of life more.
_ASKED = f"""
    SELECT p.hub_id, p.state, p.since, p.last_proof, p.good, p.look_at, p.away_until,
           l.last_seen_at, l.left_at,
           t.proven_at,
           {RULE.interval} AS interval_s, {RULE.grace} AS grace_s, {RULE.misses} AS miss_limit
      FROM hub_presence p
      JOIN hub h ON h.hub_id = p.hub_id
      JOIN device_model m ON m.id = h.model_id
      JOIN council c ON c.code = h.council_id
      LEFT JOIN hub_live l ON l.hub_id = p.hub_id
      LEFT JOIN LATERAL (SELECT max(greatest(last_test_at, last_alarm_at)) AS proven_at
                           FROM trigger_proof WHERE trigger_proof.hub_id = p.hub_id) t ON true
"""  # noqa: S608 - words of ours
_DUE = text(_ASKED + "WHERE p.look_at <= :until ORDER BY p.look_at LIMIT :limit FOR UPDATE OF p SKIP LOCKED")
_IS_BACK = """
    WHERE p.state <> 'online' AND p.state <> 'dormant'
      AND (l.last_seen_at > coalesce(p.last_proof, '-infinity')
           OR t.proven_at > coalesce(p.last_proof, '-infinity'))
    LIMIT :limit FOR UPDATE OF p SKIP LOCKED
"""
_HEARD_AGAIN = text(_ASKED + _IS_BACK)
_NEW = text(
    """
    INSERT INTO hub_presence (hub_id)
    SELECT l.hub_id FROM hub_live l JOIN hub h ON h.hub_id = l.hub_id
     WHERE NOT EXISTS (SELECT FROM hub_presence p WHERE p.hub_id = l.hub_id)
     ORDER BY l.hub_id LIMIT :limit
    ON CONFLICT DO NOTHING RETURNING hub_id
    """
)
_SAVE = text(
    """
    UPDATE hub_presence p
       SET state = n.state, since = n.since, last_proof = n.last_proof, good = n.good, look_at = n.look_at
      FROM unnest(CAST(:hub_ids AS text[]), CAST(:states AS text[]), CAST(:sinces AS timestamptz[]),
                  CAST(:proofs AS timestamptz[]), CAST(:goods AS int[]), CAST(:looks AS timestamptz[]))
           AS n(hub_id, state, since, last_proof, good, look_at)
     WHERE p.hub_id = n.hub_id
    """
)
_END = text(
    """
    UPDATE presence_period p SET ended_at = greatest(n.at, p.started_at)
      FROM unnest(CAST(:hub_ids AS text[]), CAST(:ats AS timestamptz[])) AS n(hub_id, at)
     WHERE p.hub_id = n.hub_id AND p.ended_at IS NULL
    """
)
_BEGIN = text(
    """
    INSERT INTO presence_period (hub_id, state, started_at, ended_at)
    SELECT * FROM unnest(CAST(:hub_ids AS text[]), CAST(:states AS text[]), CAST(:starts AS timestamptz[]),
                         CAST(:ends AS timestamptz[]))
    ON CONFLICT (hub_id, started_at) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at
    """
)
# A slot hears all that is said, and one that hears is enough. Of places that share the load each hears its part: as
# long as one of them does not, what hubs said may be waiting there.
_ALL_HEARD = """
    SELECT max(heard_at) FROM (SELECT min(heard_at) AS heard_at FROM {listening} AS l
                                GROUP BY coalesce('.' || l.share_of, l.slot)) AS whole
"""
_EAR = text(
    f"""
    SELECT clock_timestamp() AS now, ({_ALL_HEARD.format(listening="listening")}) AS heard_at,
           (SELECT max(ended_at) FROM deaf_period) AS listening_from
    """  # noqa: S608 - words of ours
)
_LEFT = text(
    """
    WITH gone AS (UPDATE hub_live SET left_at = clock_timestamp() WHERE hub_id = :hub_id RETURNING hub_id)
    UPDATE hub_presence SET look_at = clock_timestamp() WHERE hub_id IN (SELECT hub_id FROM gone) AND state = 'online'
    """
)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7012)")
_HEAR = text(
    f"""
    WITH heard AS (INSERT INTO listening AS l (slot, share_of, heard_at)
                   VALUES (:slot, :share_of, clock_timestamp() - CAST(:age AS interval))
                   ON CONFLICT (slot) DO UPDATE SET heard_at = excluded.heard_at, share_of = excluded.share_of
                   RETURNING l.slot, l.share_of, l.heard_at),
         fresh AS (SELECT slot, share_of, heard_at FROM heard
                   UNION ALL SELECT slot, share_of, heard_at FROM listening WHERE slot <> :slot),
         gap AS (SELECT ({_ALL_HEARD.format(listening="listening")}) AS began,
                        ({_ALL_HEARD.format(listening="fresh")}) AS ended),
         deaf AS (INSERT INTO deaf_period (id, slot, started_at, ended_at)
                  SELECT :id, :slot, began, clock_timestamp() FROM gap
                   WHERE began < ended - CAST(:deaf_after AS interval)
                  RETURNING started_at)
    SELECT (SELECT started_at FROM deaf)
    """  # noqa: S608 - words of ours
)
# Only what we wrote ourselves lies ahead of our clock, when that was set back. Locks are taken in the order in which
# heartbeats take them; of a state that began and ended ahead nothing is left, as its time comes once more.
_AHEAD = text(
    "SELECT clock_timestamp() AS now, coalesce(max(heard_at) > clock_timestamp(), false) AS ahead FROM listening"
)
_NO_LATER = "{0} = CASE WHEN {0} > :now THEN CAST(:now AS timestamptz) ELSE {0} END"
_SET_BACK = tuple(
    text(re.sub(r"<(\w+)>", lambda column: _NO_LATER.format(column[1]), statement))
    for statement in (
        "UPDATE listening SET <heard_at> WHERE heard_at > :now",
        "UPDATE deaf_period SET <started_at>, <ended_at> WHERE ended_at > :now",
        """
        WITH ahead AS (SELECT hub_id FROM hub_live WHERE greatest(last_seen_at, boot_since, left_at) > :now
                        ORDER BY hub_id FOR UPDATE)
        UPDATE hub_live SET <last_seen_at>, <boot_since>, <left_at> FROM ahead WHERE hub_live.hub_id = ahead.hub_id
        """,
        "UPDATE trigger_proof SET <last_alarm_at>, <last_test_at> WHERE greatest(last_alarm_at, last_test_at) > :now",
        """
        DELETE FROM presence_period q
         USING (SELECT hub_id FROM hub_presence WHERE since > :now ORDER BY hub_id FOR UPDATE) AS ahead
         WHERE q.hub_id = ahead.hub_id AND q.started_at >= :now AND q.ended_at IS NOT NULL
        """,
        """
        UPDATE presence_period q SET <started_at>, <ended_at> FROM hub_presence p
         WHERE p.since > :now AND q.hub_id = p.hub_id AND greatest(q.started_at, q.ended_at) > :now
        """,
        """
        WITH ahead AS (SELECT hub_id FROM hub_presence WHERE greatest(since, last_proof, look_at) > :now
                        ORDER BY hub_id FOR UPDATE)
        UPDATE hub_presence SET <since>, <last_proof>, <look_at> FROM ahead WHERE hub_presence.hub_id = ahead.hub_id
        """,
    )
)
_GAP = text("INSERT INTO deaf_period (id, slot, started_at, ended_at) VALUES (:id, :slot, :now, :now)")
_UNREAD = text(
    """
    SELECT slot FROM listening
     WHERE share_of = :share_of AND heard_at < clock_timestamp() - CAST(:deaf_after AS interval) ORDER BY slot
    """
)
_FORGET = text("DELETE FROM listening WHERE slot = :slot RETURNING slot")
_AT = text(
    """
    SELECT p.state, p.started_at, p.ended_at FROM presence_period p
     WHERE p.hub_id = :hub_id AND p.started_at <= :at ORDER BY p.started_at DESC LIMIT 1
    """
)
_HISTORY = text(
    """
    SELECT state, started_at, ended_at FROM presence_period
     WHERE hub_id = :hub_id AND (CAST(:before AS timestamptz) IS NULL OR started_at < :before)
     ORDER BY started_at DESC LIMIT :limit
    """
)
_PLAN_ABSENCE = text(
    """
    INSERT INTO hub_presence (hub_id, away_until, away_why, look_at) VALUES (:hub_id, :until, :why, clock_timestamp())
    ON CONFLICT (hub_id) DO UPDATE
          SET away_until = excluded.away_until, away_why = excluded.away_why, look_at = excluded.look_at
    """
)
_END_ABSENCE = text(
    """
    UPDATE hub_presence SET away_until = clock_timestamp(), look_at = clock_timestamp()
     WHERE hub_id = :hub_id AND away_until > clock_timestamp() RETURNING hub_id
    """
)
_DEAF_SINCE = text("SELECT started_at, ended_at FROM deaf_period WHERE ended_at > :since ORDER BY started_at")
_DEAF_AT = text(
    "SELECT started_at, ended_at FROM deaf_period"
    " WHERE started_at <= :at AND ended_at > :at ORDER BY started_at LIMIT 1"
)


class Asked(NamedTuple):
    """A hub to judge, its row locked."""

    hub_id: str
    was: Standing
    rule: Rule
    heard: Heard


class Judged(NamedTuple):
    """What came of it."""

    hub_id: str
    standing: Standing
    changes: Sequence[Change]


class Ear(NamedTuple):
    """The clock, when anything could be heard last, and when our last deafness ended."""

    now: datetime
    heard_at: datetime | None
    listening_from: datetime | None

    @property
    def deaf(self) -> bool:
        """Say whether silence means nothing just now, because it is ours; or because the clock was set."""
        return self.heard_at is None or abs(self.now - self.heard_at) > DEAF_AFTER

    @property
    def until(self) -> datetime:
        """Return until when all is written that was said: what comes after it may wait in the broker."""
        return min(self.now, self.heard_at or self.now)


class Period(NamedTuple):
    """A state, from and to; the end is None while it lasts."""

    state: Presence
    started_at: datetime
    ended_at: datetime | None


class VerdictRepository:
    """Reads and writes of standings in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def ear(self) -> Ear:
        """Return whether we hear."""
        return Ear(*(await self.session.execute(_EAR)).one())

    async def hear(self, slot: str, share_of: str | None = None, age: timedelta = timedelta()) -> datetime | None:
        """Say that a slot hears, or a place that shares one; return since when nobody heard all, where that is new.

        `age`: for so long the broker may have had what is not written yet. One at a time: of two that come back at
        once, one must see the other. What was heard later than now was so by a clock that has been set back since: of
        what we wrote nothing stays ahead of it, or a silence would go unnoticed for as long; and as nobody knows how
        long we have not heard, it is a gap of ours.
        """
        await self.session.execute(_ONE_AT_A_TIME)
        now, ahead = (await self.session.execute(_AHEAD)).one()
        if ahead:
            for statement in _SET_BACK:
                await self.session.execute(statement, {"now": now})
            await self.session.execute(_GAP, {"id": new_id(), "slot": slot, "now": now})
        values = {"slot": slot, "share_of": share_of, "id": new_id(), "deaf_after": DEAF_AFTER, "age": age}
        gap: datetime | None = (await self.session.execute(_HEAR, values)).scalar_one()
        return gap

    async def unread(self, share_of: str) -> list[str]:
        """Return the places of a share that nobody reads: the broker keeps their part of all heartbeats for them."""
        values = {"share_of": share_of, "deaf_after": DEAF_AFTER}
        return [row[0] for row in await self.session.execute(_UNREAD, values)]

    async def forget_slot(self, slot: str) -> bool:
        """Expect nothing of a slot any more; False when nothing was expected."""
        return bool((await self.session.execute(_FORGET, {"slot": slot})).all())

    async def due(self, ear: Ear, limit: int) -> list[Asked]:
        """Lock and return hubs whose deadline has passed unheard, the earliest first; other workers' are passed by."""
        rows = await self.session.execute(_DUE, {"until": ear.until, "limit": limit})
        return [_asked(row, ear) async for row in letting_in(rows)]

    async def heard_again(self, ear: Ear, limit: int) -> list[Asked]:
        """Lock and return hubs that are not online and have shown since that they live."""
        rows = await self.session.execute(_HEARD_AGAIN, {"limit": limit})
        return [_asked(row, ear) async for row in letting_in(rows)]

    async def take_in_new(self, limit: int) -> int:
        """Give a standing to hubs of the register that were heard for the first time; return to how many."""
        return len((await self.session.execute(_NEW, {"limit": limit})).all())

    async def save(self, judged: Sequence[Judged]) -> None:
        """Write where these hubs stand now, and through which states they came there."""
        if not judged:
            return
        standings = [each.standing for each in judged]
        await self.session.execute(
            _SAVE,
            {
                "hub_ids": [each.hub_id for each in judged],
                "states": [each.state for each in standings],
                "sinces": [each.since for each in standings],
                "proofs": [each.last_proof for each in standings],
                "goods": [each.good for each in standings],
                "looks": [each.look_at for each in standings],
            },
        )
        moved = [each for each in judged if each.changes]
        if not moved:
            return
        ends = {"hub_ids": [each.hub_id for each in moved], "ats": [each.changes[0].at for each in moved]}
        await self.session.execute(_END, ends)
        periods = [(each.hub_id, *period) for each in moved for period in _periods(each.changes)]
        hub_ids, states, starts, ended = zip(*periods, strict=True)
        values = {"hub_ids": list(hub_ids), "states": list(states), "starts": list(starts), "ends": list(ended)}
        await self.session.execute(_BEGIN, values)

    async def left(self, hub_id: str) -> None:
        """Keep that the broker has lost a hub, and let it be looked at."""
        await self.session.execute(_LEFT, {"hub_id": hub_id})

    async def at(self, hub_id: str, at: datetime) -> Period | None:
        """Return the state of a hub at an instant; None before it was first heard."""
        row = (await self.session.execute(_AT, {"hub_id": hub_id, "at": at})).one_or_none()
        return None if row is None else Period(Presence(row[0]), row[1], row[2])

    async def history(self, hub_id: str, before: datetime | None, limit: int) -> list[Period]:
        """Return the states of a hub, the newest first."""
        rows = await self.session.execute(_HISTORY, {"hub_id": hub_id, "before": before, "limit": limit})
        return [Period(Presence(row[0]), row[1], row[2]) for row in rows]

    async def plan_absence(self, hub_id: str, until: datetime, why: str) -> None:
        """Let a hub be away until then; it is looked at now."""
        await self.session.execute(_PLAN_ABSENCE, {"hub_id": hub_id, "until": until, "why": why})

    async def end_absence(self, hub_id: str) -> bool:
        """Let an absence end now; False when there is none."""
        return bool((await self.session.execute(_END_ABSENCE, {"hub_id": hub_id})).all())

    async def deaf_since(self, since: datetime) -> list[tuple[datetime, datetime]]:
        """Return our own gaps that ended after `since`, from and to."""
        return [(row[0], row[1]) for row in await self.session.execute(_DEAF_SINCE, {"since": since})]

    async def deaf_at(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Return our own gap at an instant, from and to."""
        row = (await self.session.execute(_DEAF_AT, {"at": at})).one_or_none()
        return None if row is None else (row[0], row[1])


def _asked(row: Any, ear: Ear) -> Asked:
    was = Standing(Presence(row.state), row.since, row.last_proof, row.good, row.look_at)
    rule = Rule(row.interval_s, row.grace_s, row.miss_limit)
    return Asked(
        row.hub_id, was, rule, Heard(row.last_seen_at, row.proven_at, row.left_at, ear.listening_from, row.away_until)
    )


def _periods(changes: Sequence[Change]) -> list[tuple[Presence, datetime, datetime | None]]:
    """Return the periods of these states; one that another replaced at its first instant never was."""
    kept = [one for one, after in zip(changes, [*changes[1:], None], strict=True) if after is None or one.at < after.at]
    ends = [*(change.at for change in kept[1:]), None]
    return [(change.state, change.at, end) for change, end in zip(kept, ends, strict=True)]
