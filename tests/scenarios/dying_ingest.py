"""An ingest that is killed without warning at its next alarm: `python -m tests.scenarios.dying_ingest "before commit"`.

All of it is the product's, and the signal is real: nothing of the process is left to tidy up.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.service import Taken
from telecare.ingest.letters import Letter
from telecare.ingest.messages import MessageLane
from telecare.ingest.service import Ingest
from telecare.kernel.db import Database
from telecare.kernel.logging import configure_logging
from telecare.kernel.settings import Settings

BEFORE, AFTER = "before commit", "after commit"
READY = "ready"
_ALARM = "has taken in an alarm"


class MortalDatabase(Database):
    """Ends the process at a point of the transaction that takes in an alarm."""

    point = BEFORE

    @asynccontextmanager
    async def hurried(self) -> AsyncIterator[AsyncSession]:
        async with super().hurried() as session:
            yield session
            taken = session.info.get(_ALARM, False)
            if taken and self.point == BEFORE:
                _die()
        if taken:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _take_in(lane: MessageLane, session: AsyncSession, letter: Letter) -> Taken:
    session.info[_ALARM] = letter.address.lane == "alarm"
    return await _TAKE_IN(lane, session, letter)


_TAKE_IN = MessageLane._take_in


async def main(point: str) -> None:
    settings = Settings(log_level="WARNING")
    configure_logging(settings)
    database = MortalDatabase(settings)
    database.point = point
    ingest = Ingest(settings, database)
    running = asyncio.create_task(ingest.run(asyncio.Event()))
    while await ingest.problem() or not ingest.slot.held:  # noqa: ASYNC110 - the lanes' own threads
        await asyncio.sleep(0.02)
    print(READY, flush=True)  # noqa: T201 - to who has started us
    await running


if __name__ == "__main__":
    MessageLane._take_in = _take_in  # type: ignore[method-assign] # it marks the transaction, and does what it did
    asyncio.run(main(sys.argv[1]))
