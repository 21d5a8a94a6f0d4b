"""The live feed of the board: one reader of the change log a process, one rendering a change, any number of streams.

The change log is gapless and in commit order, so a stream that gives every change after a number misses none. NOTIFY is
the hint, a poll each second finds what it missed. A stream that cannot keep up is ended and resumes where it was.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.schemas import AlarmOut
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.waiting import first_of

log = get_logger("feed")

POLL_S = 1.0
KEPT = 2000
QUEUE = 1000
PAGE = 500

Renderer = Callable[[Alarm, datetime], str]


@dataclass(frozen=True)
class Change:
    """One change as sent: `kind` is `alarm`, or `gone` when the alarm has left the board."""

    seq: int
    kind: str
    alarm_id: str
    council_id: str | None
    data: dict[str, Any]
    html: dict[str, str]


class BoardFeed:
    """Reads the change log and hands each change to all streams of this process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seq = 0
        self.woken = asyncio.Event()
        self.ended = asyncio.Event()
        self._renderers: dict[str, Renderer] = {}
        self._kept: OrderedDict[int, Change] = OrderedDict()
        self._streams: set[asyncio.Queue[Change | None]] = set()

    def register_renderer(self, form: str, renderer: Renderer) -> None:
        """Let changes be rendered in a form too; once for all viewers, so nothing in it may depend on who looks."""
        self._renderers[form] = renderer

    def wake(self) -> None:
        """Look for changes now."""
        self.woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Read changes until `stop` is set, then end every stream, or a restart would wait for them."""
        started = False
        while not stop.is_set():
            try:
                if not started:
                    self.seq, started = await self._head(), True
                await self._read()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("feed_waits_for_database", error=repr(error)[:200])
            await first_of(stop, self.woken, timeout_s=POLL_S)
            self.woken.clear()
        self.ended.set()
        for queue in self._streams:
            _put(queue, None)

    async def changes(self, after: int | None) -> AsyncGenerator[Change | None, None]:
        """Yield changes after a number as they come; None first when that number cannot be resumed from."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE)
        backlog = self._since(after)
        self._streams.add(queue)
        try:
            if backlog is None:
                yield None
            for kept in backlog or ():
                yield kept
            while not self.ended.is_set():
                change = await queue.get()
                if change is None:
                    return
                yield change
        finally:
            self._streams.discard(queue)

    def _since(self, after: int | None) -> list[Change] | None:
        """Return the kept changes after a number, None when some of them are no longer kept."""
        if after is None or after > self.seq:
            return None
        oldest = next(iter(self._kept), self.seq + 1)
        if after + 1 < oldest:
            return None
        return [change for seq, change in self._kept.items() if seq > after]

    async def _head(self) -> int:
        async with self.database.transaction() as session:
            return await AlarmRepository(session).board_seq()

    async def _read(self) -> None:
        async with self.database.transaction() as session:
            alarms = AlarmRepository(session)
            rows = await alarms.changes_after(self.seq, PAGE)
            if not rows:
                return
            now = await database_now(session)
            present = {alarm.id: alarm for alarm in await alarms.by_ids(list({row.alarm_id for row in rows}))}
        for row in rows:
            self._send(self._render(row.seq, present[row.alarm_id], now))
        if len(rows) == PAGE:
            self.wake()

    def _render(self, seq: int, alarm: Alarm, now: datetime) -> Change:
        gone = alarm.handling == "closed"
        return Change(
            seq=seq,
            kind="gone" if gone else "alarm",
            alarm_id=str(alarm.id),
            council_id=alarm.council_id,
            data=AlarmOut.model_validate(alarm).model_dump(mode="json", by_alias=True),
            html={} if gone else {form: render(alarm, now) for form, render in self._renderers.items()},
        )

    def _send(self, change: Change) -> None:
        self.seq = change.seq
        self._kept[change.seq] = change
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        for queue in list(self._streams):
            if not _put(queue, change):
                self._streams.discard(queue)


def _put(queue: asyncio.Queue[Change | None], change: Change | None) -> bool:
    """Hand a change to a stream; a full one is emptied and told to end, and False is returned."""
    try:
        queue.put_nowait(change)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
        return False
    return True
