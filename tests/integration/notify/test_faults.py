"""A sender that is killed, and a database that goes away."""

import asyncio
import signal
import sys

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from simulators.provider.sink import WebhookSink
from tests.integration.notify.world import Outbox, Start, Told, until

DIES_BEFORE_ITS_NOTE = """
import asyncio
from alarms.notify.sender import Sender
from alarms.notify.channels.webhook import WebhookChannel
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings

async def on_result(*_):
    print("the provider has taken it", flush=True)
    await asyncio.Event().wait()

async def main():
    settings = Settings()
    async with WebhookChannel(settings) as webhook:
        sender = Sender(Database(settings), {"webhook": webhook}, on_result, timeout_s=1, margin_s=0.5)
        await sender.run(asyncio.Event(), asyncio.Event())

asyncio.run(main())
"""


async def test_killed_between_the_providers_answer_and_its_own_note(
    outbox: Outbox, start: Start, told: Told, hook: WebhookSink, database_url: str
):
    """R04: sent again under the same key; never none."""
    (message_id,) = await outbox.add("webhook", hook.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_BEFORE_ITS_NOTE,
        env={"TELECARE_DATABASE_URL": database_url, "PYTHONPATH": "."},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"the provider has taken it\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await start()
    message = await outbox.done(message_id)
    assert (message.state, message.attempts) == ("sent", 2)
    assert told.results == [(message_id, True, "HTTP 200 OK")]
    first, second = hook.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == message.effect_key


async def test_a_lost_database_is_waited_for(
    outbox: Outbox, start: Start, hook: WebhookSink, postgres_url: str, database_url: str
):
    await start()
    (before,) = await outbox.add("webhook", hook.url)
    await outbox.done(before)
    name = make_url(database_url).database
    admin = create_async_engine(postgres_url, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        cut = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        )
        await connection.execute(cut, {"name": name})
        outbox.wake.set()

        async def tried_in_vain() -> bool:
            return any(entry["event"] == "sender_waits_for_database" for entry in logs)

        with capture_logs() as logs:
            await until(tried_in_vain)
        await connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    await admin.dispose()
    (after,) = await outbox.add("webhook", hook.url)
    assert (await outbox.done(after)).state == "sent"
