"""All queries on the reports of providers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.models import DeliveryReport
from alarms.notify.reports import Progress, Report, ReportStatus
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage, OutboxState
from telecare.kernel.pure.progress import DeliveryState

PRUNE_BATCH = 2_000
# Written out and no parameter: a plan kept for all parameters cannot use an index of some states only.
_HELD: ColumnElement[str] = literal_column("'held'")


class ReportRepository:
    """Reads and writes of reports, and of what they say, in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def message_of(self, report: Report) -> OutboxMessage | None:
        """Return the message that a report is about: by our name for it, else by the provider's; None when unknown."""
        for condition in _names(report):
            statement = select(OutboxMessage).where(condition).order_by(OutboxMessage.id).limit(1)
            message = (await self.session.execute(statement)).scalar_one_or_none()
            if message is not None:
                return message
        return None

    async def add(self, provider: str, ref: str, word: str, status: ReportStatus, **values: Any) -> UUID | None:
        """Store a report; None when it is here already. A second one at the same time waits for the first to end."""
        row = {"id": new_id(), "provider": provider, "provider_ref": ref, "word": word, "status": status, **values}
        statement = (
            insert(DeliveryReport)
            .values(row)
            .on_conflict_do_nothing(index_elements=["provider", "provider_ref", "word"])
            .returning(DeliveryReport.id)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def held(self, limit: int) -> list[UUID]:
        """Return the oldest reports that wait for their message."""
        statement = (
            select(DeliveryReport.id)
            .where(DeliveryReport.status == ReportStatus.HELD)
            .order_by(DeliveryReport.received_at)
            .limit(limit)
        )
        return list((await self.session.execute(statement)).scalars())

    async def take_held(self, report_id: UUID) -> tuple[DeliveryReport, timedelta] | None:
        """Return a held report, its row locked, and for how long it has waited; None when another has it."""
        statement = (
            select(DeliveryReport, func.clock_timestamp() - DeliveryReport.received_at)
            .where(DeliveryReport.id == report_id, DeliveryReport.status == ReportStatus.HELD)
            .with_for_update(skip_locked=True)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return (row[0], row[1]) if row is not None else None

    async def settle(self, report_id: UUID, status: ReportStatus, message: OutboxMessage | None = None) -> None:
        """Write what became of a held report."""
        await self.session.execute(
            update(DeliveryReport)
            .where(DeliveryReport.id == report_id)
            .values(
                status=status,
                message_id=message.id if message else None,
                council_id=message.council_id if message else None,
            )
        )

    async def prune(self, older_than: datetime) -> int:
        """Remove a batch of old reports that nobody waits for, return how many; what they said is on the messages."""
        old = (
            select(DeliveryReport.id)
            .where(DeliveryReport.status != _HELD, DeliveryReport.received_at < older_than)
            .order_by(DeliveryReport.received_at)
            .limit(PRUNE_BATCH)
        )
        statement = delete(DeliveryReport).where(DeliveryReport.id.in_(old)).returning(DeliveryReport.id)
        return len((await self.session.execute(statement)).scalars().all())

    async def progress(self, message_id: UUID) -> Progress:
        """Return how far a message got; it changes under the lock of its alarm only."""
        statement = select(OutboxMessage.delivery, OutboxMessage.delivered_at).where(OutboxMessage.id == message_id)
        delivery, delivered_at = (await self.session.execute(statement)).one()
        return Progress(DeliveryState(delivery) if delivery else None, delivered_at)

    async def put_progress(self, message_id: UUID, progress: Progress, report: Report) -> None:
        """Write how far a message got, and who has it where we never saw the answer.

        One that was about to be tried again, and is known to be there, is not (R04).
        """
        values: dict[str, Any] = {
            "delivery": progress.state,
            "delivered_at": progress.delivered_at,
            "provider": func.coalesce(OutboxMessage.provider, report.provider),
            "provider_ref": func.coalesce(OutboxMessage.provider_ref, report.ref),
        }
        if progress.state is DeliveryState.DELIVERED:
            waits = OutboxMessage.state == OutboxState.PENDING
            values["state"] = case((waits, OutboxState.SENT), else_=OutboxMessage.state)
            values["finished_at"] = case((waits, func.clock_timestamp()), else_=OutboxMessage.finished_at)
        await self.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _names(report: Report) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if report.our_key:
        try:
            conditions.append(OutboxMessage.id == UUID(report.our_key))
        except ValueError:
            conditions.append(OutboxMessage.effect_key == report.our_key)
    conditions.append((OutboxMessage.provider_ref == report.ref) & (OutboxMessage.provider == report.provider))
    return conditions
