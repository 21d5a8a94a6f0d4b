"""The loop of every task that looks at intervals: whatever fails, the next look finds the same, and it goes on.

So that a task which only fails is not overlooked, each writes down when it last got through a whole round: the row is
what the watchdog and `/metrics` read. Whichever copy of the service got through counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from telecare.kernel.db import Base, Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("looking")

SAYS_EVERY_S = 15.0
"""A round may come each second; it is written down less often."""


class Watcher(Base):
    """A task that looks at intervals: when it last looked, and when it last got through without a failure."""

    __tablename__ = "watcher"

    name: Mapped[str] = mapped_column(primary_key=True)
    every_s: Mapped[float] = mapped_column(comment="between two rounds")
    looked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    succeeded_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(), comment="at first: when it was begun"
    )


@dataclass
class _Round:
    failed: bool = False


_round: ContextVar[_Round | None] = ContextVar("round", default=None)


async def look_each(
    every_s: float, stop: asyncio.Event, *looks: Callable[[], Awaitable[object]], name: str, database: Database
) -> None:
    """Look until `stop` is set, `every_s` seconds apart; one look that fails keeps no other from its turn.

    `name` is whose look it is, for the log and for who watches it. Nobody else has the job, so nothing ends the loop
    but `stop`.
    """
    said_at, got_through = float("-inf"), False
    while not stop.is_set():
        this = _Round()
        _round.set(this)
        for look in looks:
            try:
                await look()
            except Exception as error:
                this.failed = True
                if is_transient(error):
                    log.warning("look_waits_for_database", look=name, error=repr(error)[:200])
                else:
                    log.exception("look_failed", look=name)
        got_through = got_through or not this.failed
        if monotonic() - said_at >= SAYS_EVERY_S and await _say(database, name, every_s, succeeded=got_through):
            said_at, got_through = monotonic(), False
        await first_of(stop, timeout_s=every_s)


async def by_itself(work: Awaitable[object], event: str, **whose: object) -> bool:
    """Let one on which we fail keep no other from its turn, and say whether it worked; `event` and `whose` are logged.

    It is tried again with the next look, and the round of this one counts as failed. What passes by itself is raised.
    """
    try:
        await work
    except Exception as error:
        if is_transient(error):
            raise
        log.exception(event, **whose)
        if (this := _round.get()) is not None:
            this.failed = True
        return False
    return True


async def _say(database: Database, name: str, every_s: float, *, succeeded: bool) -> bool:
    """Write down that a round was made; without a database nobody could read it either."""
    row = insert(Watcher).values(name=name, every_s=every_s)
    changes = {"every_s": every_s, "looked_at": func.clock_timestamp()}
    changes |= {"succeeded_at": func.clock_timestamp()} if succeeded else {}
    try:
        async with database.transaction() as session:
            await session.execute(row.on_conflict_do_update(index_elements=[Watcher.name], set_=changes))
    except Exception as error:
        if not is_transient(error):
            log.exception("watcher_not_written", watcher=name)
        return False
    return True
