"""The live feed of the board: one reader of the change log a process, one rendering a change, any number of streams.

The change log is gapless and in commit order, so a stream that gives every change after a number misses none. NOTIFY is
the hint, a poll each second finds what it missed. A stream that cannot keep up is ended and resumes where it was.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from alarms.cover.models import Cover
from alarms.cover.repository import CoverRepository
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.schemas import AlarmOut
from telecare.access.domain import Actor
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.waiting import first_of

log = get_logger("feed")

POLL_S = 1.0
KEPT = 2000
QUEUE = 1000
PAGE = 500
READ_TIMEOUT_S = 5.0

Renderer = Callable[[Alarm, datetime], str]


@dataclass(frozen=True)
class Change:
    """One change as sent: `kind` is `alarm`, or `gone` when the alarm has left the board: closed, or in an incident.

    `held_by` has it, `left` had it before and has it no longer.
    """

    seq: int
    kind: str
    alarm_id: str
    council_id: str | None
    held_by: UUID | None
    left: UUID | None
    data: dict[str, Any]
    html: dict[str, str]


class FeedEndedError(Exception):
    """The stream ends here: we stop, or it could not keep up. Its client resumes where it was."""


class Following:
    """One stream's place in the feed. `resumed`: all changes after its number come; otherwise load the board anew."""

    def __init__(self, backlog: list[Change] | None) -> None:
        self.resumed = backlog is not None
        self._backlog = deque(backlog or ())
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE)

    async def next(self, within_s: float) -> Change | None:
        """Return the next change, None when none came in time; FeedEndedError at the end."""
        if self._backlog:
            return self._backlog.popleft()
        try:
            async with asyncio.timeout(within_s):
                change = await self._queue.get()
        except TimeoutError:
            return None
        if change is None:
            raise FeedEndedError
        return change

    def put(self, change: Change) -> bool:
        """Hand over a change; false when the stream cannot keep up, which ends it."""
        if self._queue.full():
            self.end()
            return False
        self._queue.put_nowait(change)
        return True

    def end(self) -> None:
        """Let the stream end, whatever waits in it: its client resumes and gets that again."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class BoardFeed:
    """Reads the change log and hands each change to all streams of this process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seq = 0
        self.looks = 0
        """How often the change log was read so far: a beat that is told without a look would be a lie."""
        self.woken = asyncio.Event()
        self.ended = asyncio.Event()
        self._covers: tuple[Cover, ...] = ()
        self._covers_seq = -1
        self._holders: dict[UUID, UUID] = {}
        self._renderers: dict[str, Renderer] = {}
        self._kept: OrderedDict[int, Change] = OrderedDict()
        self._streams: set[Following] = set()

    def register_renderer(self, form: str, renderer: Renderer) -> None:
        """Let changes be rendered in a form too; once for all viewers, so nothing in it may depend on who looks."""
        self._renderers[form] = renderer

    def covers_of(self, actor: Actor) -> frozenset[UUID]:
        """Return the covers that are on and of which an actor must know, as of the last look."""
        ours = actor.councils
        return frozenset(one.id for one in self._covers if not ours or ours & {one.council_id, one.partner_id})

    def covered_by(self, actor: Actor) -> frozenset[str]:
        """Return the councils that an actor's own cover, as of the last look."""
        return frozenset(one.council_id for one in self._covers if one.partner_id in actor.councils)

    def wake(self) -> None:
        """Look for changes now."""
        self.woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Read changes until `stop` is set, then end every stream, or a restart would wait for them."""
        started = False
        while not stop.is_set():
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    if not started:
                        await self._start()
                        started = True
                    await self._read()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("feed_waits_for_database", error=repr(error)[:200])
            await first_of(stop, self.woken, timeout_s=POLL_S)
            self.woken.clear()
        self.ended.set()
        self._end_streams()

    @contextmanager
    def follow(self, after: int | None) -> Iterator["Following"]:
        """Follow the changes after a number while the block lasts."""
        following = Following(self._since(after))
        self._streams.add(following)
        if self.ended.is_set():
            following.end()
        try:
            yield following
        finally:
            self._streams.discard(following)

    def _since(self, after: int | None) -> list[Change] | None:
        """Return the kept changes after a number, None when some of them are no longer kept."""
        if after is None or after > self.seq or after <= self._covers_seq:
            return None
        oldest = next(iter(self._kept), self.seq + 1)
        if after + 1 < oldest:
            return None
        return [change for seq, change in self._kept.items() if seq > after]

    def _take_covers(self, covers: tuple[Cover, ...]) -> None:
        """Note which covers are on. Whoever resumes from before that has another picture, and loads the board anew."""
        if {one.id for one in covers} != {one.id for one in self._covers}:
            self._covers_seq = self.seq
        self._covers = covers

    def _begin(self, head: int) -> None:
        """Stand at the end of the change log; whoever follows from elsewhere loads the board anew."""
        self.seq = head
        self._kept.clear()
        self._end_streams()

    def _end_streams(self) -> None:
        for following in self._streams:
            following.end()

    async def _start(self) -> None:
        async with self.database.transaction() as session:
            alarms = AlarmRepository(session)
            self._begin(await alarms.board_seq())
            self._holders = await alarms.holders()

    async def _read(self) -> None:
        async with self.database.transaction() as session:
            alarms = AlarmRepository(session)
            self._take_covers(tuple(await CoverRepository(session).running()))
            rows = await alarms.changes_after(self.seq, PAGE)
            self.looks += 1
            if not rows:
                head = await alarms.board_seq()
                if head < self.seq:  # a backup was restored, or a standby took over that had less
                    log.warning("feed_begins_anew", seq=self.seq, head=head)
                    self._begin(head)
                return
            now = await database_now(session)
            present = {alarm.id: alarm for alarm in await alarms.by_ids(list({row.alarm_id for row in rows}))}
        for row in rows:
            self._send(self._render(row.seq, present[row.alarm_id], now))
        if len(rows) == PAGE:
            self.wake()

    def _render(self, seq: int, alarm: Alarm, now: datetime) -> Change:
        gone = alarm.handling == "closed" or (alarm.incident_id is not None and alarm.handling == "raised")
        before = self._holders.pop(alarm.id, None)
        if alarm.assigned_to is not None:
            self._holders[alarm.id] = alarm.assigned_to
        return Change(
            seq=seq,
            kind="gone" if gone else "alarm",
            alarm_id=str(alarm.id),
            council_id=alarm.council_id,
            held_by=alarm.assigned_to,
            left=before if before != alarm.assigned_to else None,
            data=AlarmOut.model_validate(alarm).model_dump(mode="json", by_alias=True),
            html={} if gone else {form: render(alarm, now) for form, render in self._renderers.items()},
        )

    def _send(self, change: Change) -> None:
        self.seq = change.seq
        self._kept[change.seq] = change
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        for following in list(self._streams):
            if not following.put(change):
                self._streams.discard(following)
