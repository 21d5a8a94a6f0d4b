"""The loop of every task that looks at intervals: whatever fails, the next look finds the same, and it goes on."""

import asyncio
from collections.abc import Awaitable, Callable

from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.kernel.waiting import first_of

log = get_logger("looking")


async def look_each(every_s: float, stop: asyncio.Event, *looks: Callable[[], Awaitable[object]], name: str) -> None:
    """Look until `stop` is set, `every_s` seconds apart; one look that fails keeps no other from its turn.

    `name` is whose look it is, for the log. Nobody else has the job, so nothing ends the loop but `stop`.
    """
    while not stop.is_set():
        for look in looks:
            try:
                await look()
            except Exception as error:
                if is_transient(error):
                    log.warning("look_waits_for_database", look=name, error=repr(error)[:200])
                else:
                    log.exception("look_failed", look=name)
        await first_of(stop, timeout_s=every_s)
