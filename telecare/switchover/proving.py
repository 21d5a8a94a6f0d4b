"""Keeps what new hubs show as it comes, whether or not somebody looks, and says what is next. Any number of copies.

A hub that has shown everything waits for somebody to accept it; one whose soak was broken is looked after; an old hub
that is relied on again after a roll-back has to call once more. Each is a job, so each is told when it is late.
"""

import asyncio
from datetime import datetime
from uuid import UUID

from devices.jobs.domain import Finding, Item, JobKind, Look
from devices.jobs.service import JobService
from devices.switchover.visits.domain import VisitState
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import BackOnTheOld, VisitRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.kernel.transient import is_transient
from telecare.switchover.evidence import Evidence, Proofs
from telecare.switchover.promises import again, unseen

log = get_logger("proving")

EVERY_S = 15.0
BATCH = 200
Since = tuple[Look, datetime]
"""What was found, and since when it is so: what a human has closed a job about after that stays closed."""


class ProvingWatch:
    """One worker that looks."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.look, name="proving", database=self.database)

    async def look(self) -> None:
        """Keep the evidence of every visit whose new hub is to show something, and open the jobs that follow."""
        found: list[Since] = []
        after: UUID | None = None
        while True:
            async with self.database.transaction() as session:
                batch = await VisitRepository(session).proving(after, BATCH)
            if not batch:
                break
            after = batch[-1]
            for visit_id in batch:
                found += await self._keep(visit_id)
        await self._follow(found)

    async def _keep(self, visit_id: UUID) -> list[Since]:
        """Keep what one new hub has shown; a visit that somebody works on has its turn with the next look."""
        try:
            async with self.database.transaction() as session:
                visit = await VisitRepository(session).lock_free(visit_id)
                if visit is None:
                    return []
                return _of_soak(visit, await Evidence(session).collect(visit))
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("evidence_not_kept", visit=str(visit_id))
            return []

    async def _follow(self, found: list[Since]) -> None:
        async with self.database.transaction() as session:
            jobs, back = JobService(session), await VisitRepository(session).back_on_the_old()
            await jobs.jobs.lock_looks(wait=True)
            now = await database_now(session)
            looks = [*found, *(_of_old(each, now) for each in back)]
            closed = await jobs.jobs.closed({look.hub_id for look, _ in looks})
            await jobs.follow(unseen(looks, closed), now)


def _of_soak(visit: Visit, proofs: Proofs) -> list[Since]:
    """Return what a soak asks a human for: to accept its hub, or to see why that fell silent."""
    if visit.state != VisitState.SOAK or visit.new_hub_id is None:
        return []
    left_out = visit.exception_items if visit.exception_confirmed_at is not None else []
    if not set(proofs.missing) - set(left_out):
        if proofs.silent_since is not None:
            return []  # nobody may accept it now, and its silence has an alarm of its own
        words = f"{visit.new_hub_id} has shown everything: accept it on the page of its visit"
        at = max([visit.since, *(item.shown.at for item in proofs.items if item.shown is not None)])
        return [_look(visit.old_hub_id, JobKind.VISIT_WAITS, f"{visit.id}:shown", words, at)]
    if proofs.broken_at is None:
        return []
    at = proofs.broken_at
    words = f"It was silent for longer than it may be, from {at:%Y-%m-%d %H:%M} UTC: the 24 hours begin anew"
    return [_look(visit.new_hub_id, JobKind.SOAK_BROKEN, f"{visit.id}:{at.isoformat()}", words, at)]


def _of_old(back: BackOnTheOld, now: datetime) -> Since:
    """Return that an old hub has to call once more, or that it has; until it has, words close that for a day."""
    if back.proven_at is not None and back.proven_at >= back.since:
        words = f"A trigger of it was heard at {back.proven_at:%Y-%m-%d %H:%M} UTC"
        return Look(back.hub_id, JobKind.OLD_UNIT_UNPROVEN, gone=words), back.since
    words = f"The new unit was taken out again at {back.since:%Y-%m-%d %H:%M} UTC"
    look, since = _look(back.hub_id, JobKind.OLD_UNIT_UNPROVEN, back.since.isoformat(), words, back.since)
    return look, again(since, now)


def _look(hub_id: str, kind: JobKind, key: str, words: str, at: datetime) -> Since:
    return Look(hub_id, kind, Finding(kind, (Item(key, words, at),))), at
