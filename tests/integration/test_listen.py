"""Notices of the database wake whoever waits, and not more often than they can come to it."""

import asyncio

from sqlalchemy import text

from telecare.kernel.db import Database
from telecare.kernel.listen import Listener

LIMIT_S = 20.0


async def test_notices_that_come_together_wake_once_and_the_next_wakes_again(database: Database) -> None:
    stop, listening, woken = asyncio.Event(), asyncio.Event(), asyncio.Queue[None]()
    listener = Listener(database.url)
    listener.on_notice("a_channel", lambda: woken.put_nowait(None))
    listener.on_notice("the_last_channel", listening.set)
    running = asyncio.create_task(listener.run(stop))
    await asyncio.wait_for(listening.wait(), LIMIT_S)
    woken.get_nowait()  # as it begins to listen
    for _ in range(2):
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_notify('a_channel', n::text) FROM generate_series(1, 100) AS n"))
        await asyncio.wait_for(woken.get(), LIMIT_S)
    assert woken.qsize() < 10, "two hundred were said"
    stop.set()
    await asyncio.wait_for(running, LIMIT_S)
