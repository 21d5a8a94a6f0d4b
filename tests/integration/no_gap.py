"""A home in which everybody may act at once, with open transactions; and what may never come of it, in plain SQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.domain import Subject
from devices.registry.leaving import Withdrawal
from devices.registry.service import RegistryService
from devices.switchover.programmes.service import ProgrammeService
from devices.switchover.telco.domain import NoticeKind, NoticeStatus
from devices.switchover.telco.reading import ReadNotice
from devices.switchover.telco.service import TelcoService
from devices.switchover.visits.domain import WAY, VisitState, follows
from devices.switchover.visits.schemas import ExceptionIn, StepIn
from telecare.kernel.db import database_now, write_now
from telecare.kernel.errors import ProblemError
from telecare.protection.swap_day import SwapDay
from telecare.switchover.swaps import Swaps
from tests.homes import ARGYLL, add_home
from tests.integration.alarms.world import World
from tests.integration.swap import ALL, NOBODY, S, Swap, free_from

HUBS = ("OLD", "NEW", "SPARE")

# Whoever was ever given a hub to rely on has one, or agreed to have none. This reads tables, and none of our rules.
GAPS = """
SELECT p.given_name || ' has no accepted hub' AS gap FROM person p
 WHERE p.id = ANY (:people) AND EXISTS (SELECT FROM installation WHERE person_id = p.id AND accepted_at IS NOT NULL)
   AND NOT EXISTS (SELECT FROM installation WHERE person_id = p.id AND accepted_at IS NOT NULL
                      AND upper_inf(period))
   AND NOT EXISTS (SELECT FROM installation i WHERE i.person_id = p.id AND i.withdrawn_by IS NOT NULL
                      AND i.withdrawn_with <> i.withdrawn_by
                      AND NOT EXISTS (SELECT FROM installation j WHERE j.person_id = p.id
                                         AND upper(j.period) > upper(i.period)))
UNION ALL
SELECT 'the old hub went before ' || v.state FROM visit v
 WHERE v.person_id = ANY (:people) AND v.over_at IS NULL AND v.accepted_at IS NULL
   AND NOT EXISTS (SELECT FROM installation i JOIN hub h USING (hub_id)
                    WHERE i.hub_id = v.old_hub_id AND i.person_id = v.person_id AND i.premises_id = v.premises_id
                      AND upper_inf(i.period) AND i.accepted_at IS NOT NULL AND h.status = 'in_service')
UNION ALL
SELECT 'the old hub of one visit is the new one of another' FROM visit v JOIN visit w ON w.new_hub_id = v.old_hub_id
 WHERE v.person_id = ANY (:people) AND v.over_at IS NULL AND v.accepted_at IS NULL AND w.over_at IS NULL
UNION ALL
SELECT 'accepted without ' || wanted.key FROM visit v CROSS JOIN LATERAL (
       SELECT kind AS key, kind, '' AS device_id
         FROM unnest(ARRAY['voice', 'backup_path', 'mains_fail', 'mains_restored', 'soak']) AS kind
       UNION SELECT 'trigger:' || device_id, 'trigger', device_id FROM peripheral WHERE hub_id = v.new_hub_id
       UNION SELECT 'trigger:' || listed, 'trigger', listed
         FROM hub_live CROSS JOIN jsonb_object_keys(peripherals) AS listed WHERE hub_id = v.new_hub_id) wanted
 WHERE v.person_id = ANY (:people) AND v.accepted_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM visit_evidence e JOIN installation i ON i.id = e.installation_id
                    WHERE e.visit_id = v.id AND e.kind = wanted.kind AND e.device_id = wanted.device_id
                      AND i.hub_id = v.new_hub_id AND e.kept_at <= v.accepted_at)
   AND NOT coalesce(wanted.key = ANY (v.exception_items) AND v.exception_by_id <> v.exception_second_id
                    AND v.retest_on IS NOT NULL, false)
UNION ALL
SELECT 'accepted, and never heard' FROM visit v
 WHERE v.person_id = ANY (:people) AND v.accepted_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM visit_evidence e JOIN event m ON m.id = e.event_id
                    WHERE e.visit_id = v.id AND e.kind = 'trigger' AND m.hub_id = v.new_hub_id
                      AND m.received_at <= v.accepted_at)
UNION ALL
SELECT step.taken || ' while the new hub was silent' FROM visit v
 CROSS JOIN LATERAL (SELECT 'accepted' AS taken, v.accepted_at AS at
                     UNION ALL SELECT to_state, at FROM visit_log
                                WHERE visit_id = v.id AND to_state = 'old_unit_decommissioned'
                     UNION ALL SELECT v.state, v.since WHERE v.state = 'old_unit_decommissioned'
                     UNION ALL SELECT 'taken away by another door', upper(i.period) FROM installation i
                                WHERE i.hub_id = v.old_hub_id AND i.person_id = v.person_id AND i.withdrawn_by IS NULL
                                  AND upper(i.period) BETWEEN v.accepted_at AND coalesce(v.over_at, 'infinity')) step
 WHERE v.person_id = ANY (:people) AND v.accepted_at IS NOT NULL
   AND NOT EXISTS (SELECT FROM presence_period WHERE hub_id = v.new_hub_id AND state = 'online'
                      AND started_at <= step.at AND coalesce(ended_at, 'infinity') > step.at)
UNION ALL
SELECT 'closed, and never accepted' FROM visit
 WHERE person_id = ANY (:people) AND accepted_at IS NULL
   AND state IN ('accepted', 'old_unit_decommissioned', 'record_closed')
UNION ALL
SELECT 'done, and the old hub is there' FROM switchover_unit u JOIN visit v ON v.unit_id = u.id
 WHERE v.person_id = ANY (:people) AND v.state = 'record_closed'
   AND EXISTS (SELECT FROM installation i WHERE i.hub_id = v.old_hub_id AND i.person_id = v.person_id
                  AND upper_inf(i.period) AND lower(i.period) < v.over_at)
UNION ALL
SELECT 'installed, and not in service: ' || hub_id FROM installation JOIN hub USING (hub_id)
 WHERE person_id = ANY (:people) AND upper_inf(period) AND status <> 'in_service'
UNION ALL
SELECT 'in two places: ' || hub_id FROM installation WHERE upper_inf(period) AND hub_id LIKE :hubs
 GROUP BY hub_id HAVING count(*) > 1
"""
KEPT = "SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM visit_log), (SELECT count(*) FROM visit_evidence)"
BY_HAND = {
    "ends the place": "UPDATE installation SET period = tstzrange(lower(period), clock_timestamp())"
    " WHERE hub_id = :hub AND upper_inf(period)",
    "deletes the place": "DELETE FROM installation WHERE hub_id = :hub",
    "relies on it": "UPDATE installation SET accepted_at = now(), accepted_by = 'x' WHERE hub_id = :hub",
    "relies on it no more": "UPDATE installation SET accepted_at = NULL, accepted_by = NULL WHERE hub_id = :hub",
    "carries it next door": "UPDATE installation SET person_id = :other, premises_id = :place WHERE hub_id = :hub"
    " AND upper_inf(period)",
    "names it another": "UPDATE installation SET hub_id = :spare WHERE hub_id = :hub AND upper_inf(period)",
    "retires it": "UPDATE hub SET status = 'retired' WHERE hub_id = :hub",
    "puts it in stock": "UPDATE hub SET status = 'stock' WHERE hub_id = :hub",
    "deletes the hub": "DELETE FROM hub WHERE hub_id = :hub",
    "accepts": "UPDATE visit SET state = 'accepted', accepted_at = now(), accepted_by = 'x' WHERE id = :visit",
    "takes back": "UPDATE visit SET accepted_at = NULL, accepted_by = NULL, state = 'soak' WHERE id = :visit",
    "takes away": "UPDATE visit SET state = 'old_unit_decommissioned', since = now() WHERE id = :visit",
    "closes": "UPDATE visit SET state = 'record_closed', over_at = now(), over_why = 'x' WHERE id = :visit",
    "ends": "UPDATE visit SET over_at = now(), over_why = 'x' WHERE id = :visit",
    "opens again": "UPDATE visit SET over_at = NULL, over_why = NULL WHERE id = :visit",
    "turns to another": "UPDATE visit SET new_hub_id = :hub WHERE id = :visit",
    "turns from the old": "UPDATE visit SET old_hub_id = :hub WHERE id = :visit",
    "widens the exception": "UPDATE visit SET exception_items = '{voice,backup_path,mains_fail,mains_restored,soak}'"
    " WHERE id = :visit",
    "deletes the visit": "DELETE FROM visit WHERE id = :visit",
    "deletes the proof": "DELETE FROM visit_evidence WHERE visit_id = :visit",
    "deletes the person": "DELETE FROM person WHERE id = :person",
}


class What(StrEnum):
    """What somebody does."""

    STEP = "step"
    ONWARD = "onward"
    BACK = "roll back"
    TAKE_AWAY = "take away"
    WITHDRAW = "withdraw"
    REUSE = "reuse next door"
    MOVE = "move house with it"
    ACCEPT = "accept beside the visit"
    RETIRE = "retire"
    ASK = "ask for an exception"
    CONFIRM = "confirm the exception"
    VOICE = "confirm voice"
    CANCEL = "end the visit"
    MAKE = "make a visit"
    TELCO = "the telco moves its date"
    BY_HAND = "plain SQL"


class Deed(NamedTuple):
    """One act: who does what; `hub`, `to` and `sql` where it needs them, `stale`: as somebody saw it before."""

    what: What
    who: str = "ewan"
    hub: str = "OLD"
    to: VisitState = S.HOLD
    sql: str = "closes"
    stale: bool = False


@dataclass
class Home(Swap):
    """The home of a swap, with a neighbour's; everybody's hands in it."""

    next_door: tuple[UUID, UUID] = (NOBODY, NOBODY)
    carried_out: list[Deed] = field(default_factory=list)
    refused: list[tuple[Deed, str]] = field(default_factory=list)

    async def settle(self, *, council: str = ARGYLL) -> "Home":
        await super().settle(council=council)
        async with self.database.transaction() as session:
            self.next_door = await add_home(session, council, given="Una")
        for hub in HUBS[1:]:
            # Beside the pendant that is registered for it, each new hub lists a detector that nobody has registered.
            await self.sql(
                "INSERT INTO hub_live (hub_id, last_seen_at, peripherals)"
                """ VALUES (:hub, now(), '{"d1": {"kind": "door"}}')""",
                hub=self.named(hub),
            )
        return self

    async def show_all(self, hub: str = "NEW") -> None:
        """Let the new hub show all but the soak, and each of its devices itself."""
        await self.arrives(device="d1", hub=hub)
        await super().show_all(hub)

    async def gaps(self) -> list[str]:
        """Return what must never be."""
        return [
            row.gap for row in await self.sql(GAPS, people=[self.home[0], self.next_door[0]], hubs=f"%{self.suffix}")
        ]

    async def do(self, session: AsyncSession, deed: Deed) -> UUID | None:
        """Carry out an act in the transaction of `session`; return the id of a visit that it made."""
        swaps = Swaps(session, self.people[deed.who])
        visit = await swaps.visits.require(self.visit_id)
        as_of = visit.version - deed.stale
        match deed.what:
            case What.STEP:
                await self._step(swaps, deed.to, as_of, deed.hub)
            case What.ONWARD:
                following = follows(S(visit.state), S(visit.resumes) if visit.resumes else None)
                ahead = [each for each in following if each in WAY]
                await self._step(swaps, ahead[-1] if ahead else deed.to, as_of, deed.hub)
            case What.BACK:
                await self._step(swaps, S.ROLLED_BACK, as_of, deed.hub)
            case What.MAKE:
                await ProgrammeService(session, ALL).find(self.programme_id)
                return (await swaps.make(visit.unit_id)).id
            case What.TELCO:
                await self._telco(session, swaps, as_of)
            case What.BY_HAND:
                await self._by_hand(session, deed)
            case What.ASK | What.CONFIRM | What.VOICE | What.CANCEL:
                await self._beside(swaps, deed.what, as_of)
            case _:
                await self._another_door(session, deed)
        return None

    async def _beside(self, swaps: Swaps, what: What, as_of: int) -> None:
        """What is done to a visit beside its steps."""
        match what:
            case What.ASK:
                items = sorted({"voice", "backup_path", "mains_fail", "mains_restored", "trigger:p1", "soak"})
                wish = ExceptionIn(items=items, why="no second path here", retest_on=self.later(), as_of=as_of)
                await swaps.ask_exception(self.visit_id, wish)
            case What.CONFIRM:
                await swaps.confirm_exception(self.visit_id, as_of)
            case What.VOICE:
                await swaps.voice(self.visit_id, None)
            case _:
                await swaps.cancel(self.visit_id, "they stay with their neighbour", as_of)

    async def _another_door(self, session: AsyncSession, deed: Deed) -> None:
        """What is done to a hub on its own page."""
        day, hub, label = SwapDay(session, ALL), self.named(deed.hub), self.people[deed.who].label
        match deed.what:
            case What.TAKE_AWAY:
                await day.registry.end_installation(hub, None, await day.leaving(hub, label))
            case What.WITHDRAW:
                gone = Withdrawal("moves to a care home", label, "Rory")
                await day.registry.end_installation(hub, None, await day.leaving(hub, label, gone))
            case What.REUSE:
                await day.registry.install(hub, *self.next_door, move=True, leaving=await day.leaving(hub, label))
            case What.MOVE:
                leaving = await day.leaving(hub, label)
                await day.registry.install(hub, self.home[0], self.next_door[1], move=True, leaving=leaving)
            case What.ACCEPT:
                await RegistryService(session, ALL).accept(hub, [], label)
            case _:
                await day.registry.change_hub(hub, {"status": "retired"})

    async def _step(self, swaps: Swaps, to: VisitState, as_of: int, hub: str) -> None:
        columns = {"why": "because", "next_contact_on": self.later(), "owner": "Sheila"}
        wish = StepIn(to=to, as_of=as_of, **columns)
        if to is S.STOCK_ALLOCATED:
            wish = wish.model_copy(update={"new_hub_id": self.named("NEW" if hub == "OLD" else hub)})
        if to is S.BOOKED:
            starts = await free_from(swaps.session, self.people["rory"].id, self.visit_id)
            slot = {"engineer_id": self.people["rory"].id, "starts_at": starts, "ends_at": starts + timedelta(hours=2)}
            wish = wish.model_copy(update=slot)
        await swaps.step(self.visit_id, wish)

    async def _telco(self, session: AsyncSession, swaps: Swaps, as_of: int) -> None:
        """The line goes over tomorrow: the notice is taken, units are looked for anew, and the visit is held."""
        tomorrow = await database_now(session) + timedelta(days=1)
        notice = ReadNotice("+441546600001", tomorrow, NoticeKind.NON_VOLUNTARY, NoticeStatus.PLANNED)
        await TelcoService(session, ALL).take(ARGYLL, "BT", [notice], "user:sheila")
        await ProgrammeService(session, ALL).find(self.programme_id)
        await self._step(swaps, S.HOLD, as_of, "NEW")

    async def _by_hand(self, session: AsyncSession, deed: Deed) -> None:
        known = {
            "hub": self.named(deed.hub), "spare": self.named("SPARE"), "visit": self.visit_id, "person": self.home[0],
            "other": self.next_door[0], "place": self.next_door[1],
        }  # fmt: skip
        statement = BY_HAND[deed.sql]
        await session.execute(text(statement), {name: known[name] for name in known if f":{name}" in statement})

    async def alarm_opens_and_closes(self, hub: str) -> None:
        """Somebody presses, and is answered."""
        home = Subject(council_id=ARGYLL, person_id=self.home[0], premises_id=self.home[1])
        alarm = await World(self.database).raise_alarm("pendant", self.named(hub), home)
        await self.sql(
            "UPDATE alarm SET handling = 'closed', closed_at = now(), next_due_at = NULL, outcome = 'reassured',"
            " assigned_to = NULL WHERE id = :id",
            id=alarm,
        )

    async def shows_what_it_can(self, hub: str) -> None:
        """Let a hub show all, where it stands for somebody's visit, and a day pass after it."""
        if await self._is_the_new_one(hub):
            await self.show_all(hub)
            await self.soak(hub=hub)

    async def shows_all_but_its_detector(self, hub: str) -> None:
        """Let a hub show what is registered for it, and not what it alone lists, and a day pass after it."""
        if await self._is_the_new_one(hub):
            await super().show_all(hub)
            await self.soak(hub=hub)

    async def _is_the_new_one(self, hub: str) -> bool:
        visit = await self.visit()
        return visit.new_hub_id == self.named(hub) and visit.over_at is None and await self.stands(hub)

    async def stands(self, hub: str) -> bool:
        """Say whether a hub is with the person of the visit."""
        here = "SELECT hub_id FROM installation WHERE hub_id = :hub AND person_id = :person AND upper_inf(period)"
        return bool(await self.sql(here, hub=self.named(hub), person=self.home[0]))

    async def late_message(self, hub: str) -> None:
        """Let a message have been received before the hub was installed where it is."""
        event = await self.arrives(hub=hub)
        await self.sql("UPDATE event SET received_at = received_at - interval '400 days' WHERE id = :id", id=event)

    async def was_silent(self, hub: str) -> None:
        """Let a hub have been offline for the last two hours, unless it was accepted in them, and be back now."""
        visit = await self.visit()
        if visit.accepted_at is None or visit.new_hub_id != self.named(hub):
            await self._stood(hub, "offline", since=timedelta(hours=2))
            await self.is_heard(hub)

    async def falls_silent(self, hub: str) -> None:
        """Let a hub be offline from now on."""
        await self._stood(hub, "offline")

    async def is_heard(self, hub: str) -> None:
        """Let a hub be online from now on."""
        await self._stood(hub, "online")

    async def _stood(self, hub: str, state: str, since: timedelta = timedelta(0)) -> None:
        """Let a hub have come into a state so long ago."""
        await self.sql(
            "UPDATE presence_period SET ended_at = greatest(started_at, clock_timestamp() - CAST(:since AS interval))"
            " WHERE hub_id = :hub AND ended_at IS NULL",
            hub=self.named(hub), since=since,
        )  # fmt: skip
        await self.sql(
            "INSERT INTO presence_period (hub_id, started_at, state)"
            " VALUES (:hub, clock_timestamp() - CAST(:since AS interval), :state) ON CONFLICT DO NOTHING",
            hub=self.named(hub), since=since, state=state,
        )  # fmt: skip

    async def at_once(self, deeds: Sequence[Deed], stays: Sequence[bool], order: Sequence[int]) -> None:
        """Carry acts out in transactions that are all open before the first one ends.

        Each begins when the one before has done its work, or waits for another's lock. They end in `order` as far as
        they wait for nobody: with a commit, or where `stays` is false with a roll-back.
        """
        hands = [Hand(self, deed, stay) for deed, stay in zip(deeds, stays, strict=True)]
        for hand in hands:
            hand.begin()
            await hand.rests()
        waiting = [hands[index] for index in order]
        while waiting:
            ready = next((hand for hand in waiting if hand.done.is_set()), None)
            if ready is None:
                await asyncio.wait([hand.task for hand in waiting], timeout=0.01)  # the server breaks a deadlock
                waiting = [hand for hand in waiting if not hand.task.done()]
                continue
            waiting.remove(ready)
            ready.may_end.set()
            await ready.rests(ended=True)
            for hand in waiting:
                await hand.rests()
        await asyncio.gather(*(hand.task for hand in hands))


class Hand:
    """One transaction, open until it may end."""

    def __init__(self, home: Home, deed: Deed, stays: bool) -> None:
        self.home, self.deed, self.stays = home, deed, stays
        self.done, self.may_end = asyncio.Event(), asyncio.Event()
        self.pid: int | None = None
        self.task: asyncio.Task[None]

    def begin(self) -> None:
        self.task = asyncio.create_task(self._act())

    async def _act(self) -> None:
        async with self.home.database.sessions() as session:
            try:
                self.pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                made = await self.home.do(session, self.deed)
                await write_now(session)
                self.done.set()
                await self.may_end.wait()
                if self.stays:
                    await session.commit()
                    self.home.visit_id = made or self.home.visit_id
                    self.home.carried_out.append(self.deed)
            except (ProblemError, DBAPIError) as error:
                self.home.refused.append((self.deed, str(error)))
            finally:
                await session.rollback()
                self.done.set()

    async def rests(self, *, ended: bool = False) -> None:
        """Wait until it has done its work (or, `ended`, all of it), or waits for another's lock."""
        while not self.task.done() and (ended or not self.done.is_set()):
            if self.pid is not None:
                (row,) = await self.home.sql("SELECT cardinality(pg_blocking_pids(:pid)) > 0", pid=self.pid)
                if row[0]:
                    return
            await asyncio.wait([self.task], timeout=0.002)
