"""Codes that prove an address do not lie in the outbox longer than somebody needs them there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, case, cast, func, literal_column, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.outbox import WITH_CODE, OutboxMessage, OutboxState

BLANK = "The code that stood here is not kept."

_BLANKED: ColumnElement[Any] = literal_column("message #- '{data,code}'")
_EXPIRES_AT: ColumnElement[datetime] = literal_column("CAST(message #>> '{data,expires_at}' AS timestamptz)")


class NoticeRepository:
    """Takes codes out of messages in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def forget_codes_of(self, method_id: UUID) -> None:
        """Take out the codes of a contact method: one was used, or another takes their place."""
        await self._forget(OutboxMessage.subject_id == method_id)

    async def forget_codes(self) -> None:
        """Take out the codes of messages that have left or failed, or whose time is over."""
        await self._forget((OutboxMessage.state != OutboxState.PENDING) | (func.clock_timestamp() >= _EXPIRES_AT))

    async def _forget(self, which: ColumnElement[bool]) -> None:
        """Blank messages; one that waits still does not leave any more: its code no longer counts.

        One that is just being sent keeps its text for now: it may be tried again.
        """
        waits = OutboxMessage.state == OutboxState.PENDING
        await self.session.execute(
            update(OutboxMessage)
            .where(text(WITH_CODE), OutboxMessage.state != OutboxState.SENDING, which)
            .values(
                message=func.jsonb_set(_BLANKED, literal_column("'{text}'"), func.to_jsonb(cast(BLANK, Text))),
                state=case((waits, OutboxState.CANCELLED), else_=OutboxMessage.state),
                finished_at=case((waits, func.clock_timestamp()), else_=OutboxMessage.finished_at),
            )
            .execution_options(synchronize_session=False)
        )
