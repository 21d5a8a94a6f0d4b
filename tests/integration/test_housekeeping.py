"""What is swept, and that one kind that cannot be swept keeps none of the others."""

from sqlalchemy import text

from telecare.housekeeping import Housekeeping
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings


async def test_one_kind_that_fails_keeps_none_of_the_others(database: Database, settings: Settings) -> None:
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE idempotent_reply RENAME TO elsewhere"))
        for statement in (
            (
                "INSERT INTO board_change (seq, at, alarm_id) "
                "SELECT n, now() - n * interval '1 day', gen_random_uuid() FROM generate_series(1, 5) n"
            ),
            (
                "INSERT INTO heartbeat (id, hub_id, received_at, payload) "
                "SELECT gen_random_uuid(), 'h', now() - n * interval '3 days', '{}' FROM generate_series(1, 5) n"
            ),
        ):
            await session.execute(text(statement))
    await Housekeeping(settings, database).sweep()
    async with database.transaction() as session:
        left = "SELECT (SELECT count(*) FROM board_change), (SELECT count(*) FROM heartbeat)"
        assert (await session.execute(text(left))).one() == (1, 2)
