"""What callbacks of providers do to alarms: `alarms.handling` fills this in, who composes passes it down."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.outbox import OutboxMessage
from telecare.kernel.pure.progress import DeliveryState


class Key(StrEnum):
    """What a key of the phone means on a call of ours (S23)."""

    ACCEPT = "1"
    DECLINE = "3"
    ACKNOWLEDGE = "4"
    CLOSE = "6"


@dataclass(frozen=True)
class DeliveryNews:
    """A report, as the alarm is told it, each kind once. `words` are for its log.

    `news` is false when more was known already: a late "sent", a "failed" after "delivered". `at` is when it happened.
    """

    state: DeliveryState
    words: str
    news: bool
    at: datetime


class AlarmSide(Protocol):
    """All of these run in the transaction that stores the report."""

    async def lock(self, session: AsyncSession, message: OutboxMessage) -> None:
        """Lock the alarm that a message is about, before anything of the message is read or written."""
        ...

    async def report_delivery(self, session: AsyncSession, message: OutboxMessage, result: DeliveryNews) -> None:
        """Take in how far a message got; one that reached nobody moves the ladder on at once."""
        ...

    async def on_keypress(self, session: AsyncSession, message: OutboxMessage, key: Key) -> str | None:
        """Do what a key on a call asks for; the answer is read out to who pressed it."""
        ...

    async def on_reply(self, session: AsyncSession, from_number: str, text: str) -> str | None:
        """Do what a text of somebody asks for; the answer is sent back."""
        ...

    async def on_choice(self, session: AsyncSession, from_number: str, *, wants_texts: bool) -> str | None:
        """Take in that somebody wants no more texts (STOP), or wants them again (START)."""
        ...
