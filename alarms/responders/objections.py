"""Why a message that waits may not go any more: whoever switched their address off meanwhile gets nothing (S17)."""

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.responders.domain import DISABLED
from alarms.responders.repository import ResponderRepository
from telecare.kernel.outbox import OutboxMessage


async def objection(session: AsyncSession, message: OutboxMessage) -> str | None:
    """Return the reason in words, or None; asked in the transaction that leases the message."""
    off = await ResponderRepository(session).is_switched_off(message.channel, message.address)
    return DISABLED if off else None
