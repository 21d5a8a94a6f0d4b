"""The whole way of a message: alarm, sender, a provider's own client, the simulated provider, and its callbacks."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uvicorn
from sqlalchemy import select, text

from alarms.escalation.domain import Address, Notify
from alarms.handling.domain import Subject
from alarms.handling.models import AlarmLog
from alarms.handling.reported import Reported
from alarms.handling.service import AlarmService, Origin, record_delivery
from alarms.intake.domain import opening
from alarms.intake.types import TYPES
from alarms.invitations.repository import InvitationRepository
from alarms.notify.callbacks import HeldReports
from alarms.notify.channels import channels
from alarms.notify.models import DeliveryReport
from alarms.notify.sender import Check, Sender
from simulators.provider.simulator import ProviderSimulator
from telecare.api.deps import Services
from telecare.app import create_app
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage, OutboxRepository
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from tests.integration.notify.world import Outbox, until

NUMBER = "+447700900123"
"""Ofcom keeps these numbers for drama."""
ANOTHER = "+447700900456"

FIONA = "01900000-0000-7000-8000-0000000000f1"


@dataclass
class Desk:
    """What the tests do: raise alarms, write messages about them, and look at what became of both."""

    database: Database
    outbox: Outbox
    provider: ProviderSimulator
    settings: Settings

    async def raise_alarm(self, kind: str = "pendant", council_id: str | None = None) -> UUID:
        row = TYPES[kind]
        async with self.database.transaction() as session:
            now = await database_now(session)
            subject = Subject(council_id=council_id, person_name="Ùna MacLeod", place="1 Hàrbour Street")
            origin = Origin(f"h-{new_id()}", None, now)
            return await AlarmService(session).open(opening(row, row.words, ()), subject, origin, now)

    async def tell(
        self, channel: str, address: str, *, alarm_id: UUID | None = None, rank: int = 10, council_id: str | None = None
    ) -> UUID:
        """Write a message about an alarm, a new one when none is named; its id."""
        alarm_id = alarm_id or await self.raise_alarm()
        key = f"{alarm_id}:{new_id()}:{channel}:{address[:40]}"
        row: dict[str, Any] = {
            "id": new_id(), "effect_key": key, "subject_id": alarm_id, "council_id": council_id, "rank": rank,
            "target": "supervisor", "channel": channel, "address": address,
            "message": {
                "label": "Fiona", "subject": "Pendant pressed, Ùna MacLeod", "text": "Ùna is waiting",
                "brief": {"what": "Pendant pressed", "who": "Ùna MacLeod", "where": "1 Hàrbour Street"},
                "data": {"alarm_id": str(alarm_id)},
            },
        }  # fmt: skip
        async with self.database.transaction() as session:
            OutboxRepository(session).add([row])
            asks = Notify(key, "supervisor", Address(channel, address, "Fiona"), rank, "", FIONA, "Fiona")
            await InvitationRepository(session).add(alarm_id, council_id, [asks])
        self.outbox.wake.set()
        return row["id"]

    async def log(self, alarm_id: UUID) -> list[str]:
        """The alarm's log without the line of its opening."""
        lines = select(AlarmLog.text).where(AlarmLog.alarm_id == alarm_id, AlarmLog.seq > 1).order_by(AlarmLog.seq)
        async with self.database.transaction() as session:
            return list((await session.execute(lines)).scalars())

    async def reports(self) -> list[tuple[str, str]]:
        """Every report as (word, status)."""
        async with self.database.transaction() as session:
            rows = await session.execute(select(DeliveryReport.word, DeliveryReport.status).order_by(DeliveryReport.id))
            return [(row[0], row[1]) for row in rows]

    async def delivery(self, message_id: UUID) -> str | None:
        return (await self.outbox.get(message_id)).delivery

    async def until_delivery(self, message_id: UUID, *states: str) -> OutboxMessage:
        async def there() -> bool:
            return await self.delivery(message_id) in states

        await until(there)
        return await self.outbox.get(message_id)

    async def try_held(self) -> None:
        await HeldReports(self.database, Reported()).try_all()

    async def age_reports(self, seconds: int) -> None:
        async with self.database.transaction() as session:
            sql = "UPDATE delivery_report SET received_at = received_at - make_interval(secs => :s)"
            await session.execute(text(sql), {"s": seconds})


@asynccontextmanager
async def serving(settings: Settings, database: Database, listening: socket.socket) -> AsyncIterator[None]:
    """The web application on a real socket, as providers reach it."""
    app = create_app(Services(settings, database, Sealer(settings)))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", proxy_headers=False))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


Send = Callable[..., Awaitable[None]]
"""Starts a sender on all channels; keywords `timeout_s`, `pace_s`, `check`."""


@asynccontextmanager
async def sending(settings: Settings, database: Database, wake: asyncio.Event) -> AsyncIterator[Send]:
    """What starts senders; at the end each must stop by itself."""
    stop = asyncio.Event()
    running: list[asyncio.Task[None]] = []
    async with AsyncExitStack() as stack:
        ways = await channels(settings, stack)

        async def send(*, timeout_s: float = 5, pace_s: float = 60, check: Check | None = None) -> None:
            sender = Sender(database, ways, record_delivery, check=check, timeout_s=timeout_s, pace_s=pace_s)
            running.append(asyncio.create_task(sender.run(stop, wake)))

        yield send
        stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*running)
