"""Has a human keep what visits have promised: a test that an exception left out, a day to take somebody up again.

Each is a job of its hub; one that is not done in time is told as every overdue job is. Any number of copies.
"""

import asyncio
from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from devices.jobs.domain import LIFE_SAFETY_REST, Finding, Item, JobKind, Look
from devices.jobs.service import JobService
from devices.switchover.visits.domain import EvidenceKind
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.looking import look_each

EVERY_S = 300.0
AHEAD = timedelta(days=7)
"""A test is asked for so long before its day."""
LONDON = ZoneInfo("Europe/London")


class PromiseWatch:
    """One worker that looks."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        await look_each(EVERY_S, stop, self.look, name="promises", database=self.database)

    async def look(self) -> None:
        """Open a job for each promise whose day is near or past; what a human has closed since stays closed."""
        async with self.database.transaction() as session:
            jobs, visits = JobService(session), VisitRepository(session)
            await jobs.jobs.lock_looks(wait=True)
            now = await database_now(session)
            today = now.astimezone(LONDON).date()
            looks = [
                *[retest(each, await visits.unheard(each), now) for each in await visits.retests(today + AHEAD)],
                *(_waits(visit) for visit in await visits.waiting(today)),
                *(_untold(visit) for visit in await visits.untold()),
            ]
            closed = await jobs.jobs.closed({look.hub_id for look, _ in looks})
            await jobs.follow(unseen(looks, closed), now)


def retest(visit: Visit, unheard: Collection[str], now: datetime) -> tuple[Look, datetime]:
    """Return the job that an exception promised, and since when it is a promise.

    A trigger that was left out shows itself by a message: as long as it is `unheard`, words close the job for a day.
    """
    if visit.retest_on is None or visit.accepted_at is None or visit.new_hub_id is None:
        raise ValueError(f"The visit {visit.id} has promised no test")
    missing = [item for item in visit.exception_items if item in unheard]
    kept = [item for item in visit.exception_items if item in missing or not item.startswith(EvidenceKind.TRIGGER)]
    if not kept:
        return Look(
            visit.new_hub_id, JobKind.RETEST, gone="All that was left out has been heard, or is not there any more"
        ), visit.accepted_at
    words = f"Left out when it was accepted: {', '.join(kept)}; to be tested by {visit.retest_on}"
    item = Item(f"{visit.id}:{visit.retest_on}", words, visit.accepted_at)
    finding = Finding(JobKind.RETEST, (item,), before=_begins(visit.retest_on + timedelta(days=1)))
    since = again(visit.accepted_at, now) if missing else visit.accepted_at
    return Look(visit.new_hub_id, JobKind.RETEST, finding), since


def _waits(visit: Visit) -> tuple[Look, datetime]:
    """Return the job of a visit whose day to be taken up again has come, and since when."""
    if visit.next_contact_on is None:
        raise ValueError(f"The visit {visit.id} waits for no day")
    since = _begins(visit.next_contact_on)
    whose = f", by {visit.owner}" if visit.owner else ""
    state = visit.state.replace("_", " ")
    item = Item(
        f"{visit.id}:{since}", f"Its visit ({state}) was to be taken up again on {since:%-d %B %Y}{whose}", since
    )
    return Look(visit.old_hub_id, JobKind.VISIT_WAITS, Finding(JobKind.VISIT_WAITS, (item,))), since


def _untold(visit: Visit) -> tuple[Look, datetime]:
    """Return the job of telling a household that its promised time was moved, and since when."""
    if visit.starts_at is None:
        raise ValueError(f"The visit {visit.id} is booked for no time")
    words = f"Its promised time was moved to {visit.starts_at.astimezone(LONDON):%-d %B %Y, %H:%M}: tell the household"
    item = Item(f"{visit.id}:moved:{visit.starts_at.isoformat()}", words, visit.since)
    return Look(visit.old_hub_id, JobKind.VISIT_WAITS, Finding(JobKind.VISIT_WAITS, (item,))), visit.since


def unseen(looks: Iterable[tuple[Look, datetime]], closed: dict[str, dict[JobKind, datetime]]) -> list[Look]:
    """Leave out what a human has closed a job about; that a thing is gone is always said."""
    found = []
    for look, since in looks:
        seen = closed.get(look.hub_id, {}).get(look.kind)
        if look.finding is None or seen is None or seen < since:
            found.append(look)
    return found


def again(since: datetime, now: datetime) -> datetime:
    """Return since when a thing stands of which words close a job for a day only."""
    return max(since, now - LIFE_SAFETY_REST)


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON)
