"""What providers say of messages, and people of alarms, while a scenario runs on a real database."""

from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import func, select

from alarms.handling.reported import Reported
from alarms.notify.callbacks import HOLD, POLL_S, HeldReports
from alarms.notify.models import DeliveryReport
from alarms.notify.reports import ReportStatus
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from alarms.policy.scenario_messages import ReportPart, TextPart
from alarms.policy.simulate import FIRST
from telecare.kernel.outbox import OutboxMessage
from tests.scenarios.stage import Stage

GIVEN_UP = HOLD + timedelta(seconds=POLL_S)
"""So long after it came a report of nothing known is nobody's."""


class Messages(Stage):
    """Delivery reports and replies, over HTTP as they come."""

    @cached_property
    def _are_reports(self) -> bool:
        """Whether any come in this file: to look for them costs time."""
        return any(event.report or event.provider for event in self.run.scenario.events)

    async def happen(self, event: EventPart) -> bool:
        if event.report is not None:
            answered = await self._report(event.report, event.alarm or FIRST)
        elif event.text is not None:
            answered = await self._text(event.text, f"text at {event.at} s")
        else:
            return False
        if event.answer is not None and event.answer not in answered:
            self.run.timeline.surprises.append(f"at {event.at} s it was answered “{answered}”, not “{event.answer}”")
        return True

    async def drive(self) -> bool:
        if self._are_reports:
            await HeldReports(self.run.database, Reported()).try_all()
        return False

    async def next(self) -> datetime | None:
        if not self._are_reports:
            return None
        held = select(func.min(DeliveryReport.received_at)).where(DeliveryReport.status == ReportStatus.HELD)
        async with self.run.database.transaction() as session:
            since = (await session.execute(held)).scalar_one()
        return since + GIVEN_UP if since and since + GIVEN_UP > self.run.clock else None

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.reports is None:
            return []
        statuses = select(DeliveryReport.status).order_by(DeliveryReport.received_at, DeliveryReport.id)
        async with self.run.database.transaction() as session:
            found = tuple((await session.execute(statuses)).scalars())
        return [] if found == wanted.reports else [f"reports are {found}, not {wanted.reports}"]

    async def _report(self, part: ReportPart, alarm: str) -> str:
        """Say it as GOV.UK Notify does; the answer is the status."""
        ref, key = ("of-nobody", "of-nobody") if part.of is None else await self._names(part.of, alarm)
        about = {"id": ref, "reference": key, "status": part.says, "padding": "x" * part.bytes}
        return str((await self.run.web.receipt(about, forged=part.forged)).status_code)

    async def _text(self, part: TextPart, ref: str) -> str:
        """Say it as Twilio does; the answer is the text that goes back, or what is wrong with it."""
        name, _, way = part.from_.rpartition(".")
        number = self.run.house.address_of(name, way)
        return (await self.run.web.text(number, part.says, ref, forged=part.forged)).text

    async def _names(self, way: str, alarm: str) -> tuple[str, str]:
        """Return the provider's and our name of the last message of an alarm by a way."""
        name, _, by = way.rpartition(".")
        mine = select(OutboxMessage).where(
            OutboxMessage.subject_id == self.run.alarms[alarm],
            OutboxMessage.address == self.run.house.address_of(name, by),
        )
        async with self.run.database.transaction() as session:
            last = (await session.execute(mine.order_by(OutboxMessage.id.desc()).limit(1))).scalar_one()
            if last.merged_into is not None:
                last = await session.get_one(OutboxMessage, last.merged_into)
        return last.provider_ref or "not-known-yet", last.effect_key
