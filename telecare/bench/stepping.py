"""A process of the escalation bench with some workers, which go through due alarms by the engine or by bare SQL.

`python -m telecare.bench.stepping engine|bare URL WORKERS`. Each line on standard input is a round: they step until
nothing is due, and the process answers with one line, how many alarms they took. The bare ones write the same rows and
decide nothing; the board's number comes from the database's trigger for both. Event loop and collector are
the service's.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import asyncpg
import uvloop

from alarms.handling.engine import Engine
from telecare.contacts import contacts_by
from telecare.kernel.collector import settle
from telecare.kernel.db import Database, asyncpg_dsn
from telecare.kernel.ids import new_id
from telecare.kernel.logging import configure_logging
from telecare.kernel.settings import Settings

Drive = Callable[[], Awaitable[int]]
"""Takes due alarms one after the other until there is none; returns how many."""

_CLAIM = """
    SELECT id, council_id, rank, state, log_seq FROM alarm
     WHERE id = (SELECT id FROM alarm WHERE handling <> 'closed' AND next_due_at <= statement_timestamp()
                  ORDER BY rank, next_due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       FOR UPDATE
"""
_ALARM = """
    UPDATE alarm SET state = $2, version = version + 1, log_seq = $3, rank = $4, next_step = $5,
           next_due_at = clock_timestamp() + interval '1 hour'
     WHERE id = $1
"""
_LOG = """
    INSERT INTO alarm_log (alarm_id, seq, council_id, at, kind, actor, text, input)
    VALUES ($1, $2, $3, clock_timestamp(), 'step', 'system', $4, $5)
"""
_OUTBOX = """
    INSERT INTO outbox (id, effect_key, subject_id, council_id, rank, target, channel, address, message)
    VALUES ($1, $2, $3, $4, $5, 'supervisor', 'webhook', 'http://127.0.0.1:9/', $6)
"""
_INVITATION = """
    INSERT INTO invitation (id, alarm_id, council_id, effect_key, target, party_id, party_name, channel, address,
                            token_hash)
    VALUES ($1, $2, $3, $4, 'supervisor', $1, 'Bench', 'webhook', 'http://127.0.0.1:9/', sha256($5))
"""


async def bare(connection: "asyncpg.Connection", rows: dict[str, str]) -> int:
    """Take due alarms by bare SQL, each in a transaction of its own."""
    taken = 0
    while await _bare_step(connection, rows):
        taken += 1
    return taken


async def _bare_step(connection: "asyncpg.Connection", rows: dict[str, str]) -> bool:
    """Take one due alarm by bare SQL and write `rows`, the texts that the engine would have made."""
    async with connection.transaction():
        alarm = await connection.fetchrow(_CLAIM)
        if alarm is None:
            return False
        alarm_id, council, seq = alarm["id"], alarm["council_id"], alarm["log_seq"] + 1
        await connection.execute(_ALARM, alarm_id, alarm["state"], seq, alarm["rank"], rows["next_step"])
        await connection.execute(_LOG, alarm_id, seq, council, rows["text"], rows["input"])
        key = f"{alarm_id}:bare:{new_id()}"
        await connection.execute(_INVITATION, new_id(), alarm_id, council, key, key.encode())
        await connection.execute(_OUTBOX, new_id(), key, alarm_id, council, alarm["rank"], rows["message"])
    return True


async def rounds(workers: Sequence[Drive]) -> None:
    """Say that we are ready, then have these workers do a round for each line that comes."""
    loop = asyncio.get_running_loop()
    print("ready", flush=True)  # noqa: T201 - the answer to the parent
    while await loop.run_in_executor(None, sys.stdin.readline):
        taken = sum(await asyncio.gather(*(drive() for drive in workers)))
        print(taken, flush=True)  # noqa: T201 - the same


async def main(kind: str, url: str, workers: int) -> None:
    """Run until standard input ends."""
    settings = Settings.model_validate({"database_url": url, "log_level": "WARNING"})
    configure_logging(settings)
    settle()
    if kind == "engine":
        database = Database(settings)
        await rounds([Engine(database, contacts_by(settings)).drive for _ in range(workers)])
        await database.dispose()
        return
    connections = [await asyncpg.connect(asyncpg_dsn(url)) for _ in range(workers)]
    # What a step of the engine wrote, word for word.
    line = await connections[0].fetchrow("SELECT text, input FROM alarm_log WHERE kind = 'step' LIMIT 1")
    message = await connections[0].fetchval("SELECT message FROM outbox LIMIT 1")
    rows = {"text": line["text"], "input": line["input"], "message": message, "next_step": json.dumps("told")}
    await rounds([partial(bare, connection, rows) for connection in connections])
    for connection in connections:
        await connection.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
