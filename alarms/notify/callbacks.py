"""What providers report is stored once, applied to the message, and told to its alarm; the unknown is held for a while.

A report may come before the message's own transaction is there, or about nothing of ours: it waits for a minute (R09).
"""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.notify.bundles import BundleRepository
from alarms.notify.hooks import AlarmSide, DeliveryNews, Key
from alarms.notify.reading import InboundText
from alarms.notify.report_repository import ReportRepository
from alarms.notify.reports import Report, ReportStatus, advance, is_news, reported_words
from telecare.kernel.db import Database, database_now
from telecare.kernel.logging import get_logger
from telecare.kernel.looking import look_each
from telecare.kernel.outbox import BUNDLE, OutboxMessage
from telecare.kernel.pure.progress import DeliveryState
from telecare.kernel.transient import is_transient

log = get_logger("callbacks")

HOLD = timedelta(seconds=60)
POLL_S = 1.0
AT_ONCE = 100


class CallbackService:
    """Takes in what providers say, in the transaction of `session`."""

    def __init__(self, session: AsyncSession, side: AlarmSide) -> None:
        self.session = session
        self.side = side
        self.reports = ReportRepository(session)

    async def take(self, report: Report) -> str | None:
        """Take in a report; a repeat changes nothing. The answer is what to tell who pressed a key, if anything."""
        message = await self.reports.message_of(report)
        status = ReportStatus.HELD if message is None else ReportStatus.APPLIED
        stored = await self.reports.add(
            report.provider,
            report.ref,
            report.word,
            status,
            message_id=message.id if message else None,
            council_id=message.council_id if message else None,
            our_key=report.our_key,
            report=_dump(report),
        )
        if stored is None or message is None:
            return None
        return await self._apply(message, report)

    async def take_text(self, text: InboundText) -> str | None:
        """Take in a text of somebody, once; the answer is what to send back, if anything."""
        # What it says is not kept here: whoever acts on it keeps what matters.
        stored = await self.reports.add(text.provider, text.ref, "received", ReportStatus.APPLIED, report={})
        if stored is None:
            return None
        if text.wants_texts is not None:
            return await self.side.on_choice(self.session, text.from_number, wants_texts=text.wants_texts)
        return await self.side.on_reply(self.session, text.from_number, text.text)

    async def try_again(self, report_id: UUID) -> None:
        """Apply a held report if its message is known by now; give it up when it has waited long enough."""
        found = await self.reports.take_held(report_id)
        if found is None:
            return
        row, waited = found
        report = _load(row.report)
        message = await self.reports.message_of(report)
        if message is not None:
            await self.reports.settle(report_id, ReportStatus.APPLIED, message)
            await self._apply(message, report)
        elif waited > HOLD:
            await self.reports.settle(report_id, ReportStatus.ORPHAN)
            log.warning("orphan_report", report_id=str(report_id), provider=report.provider, word=report.word)

    async def _apply(self, message: OutboxMessage, report: Report) -> str | None:
        about = [message]
        if message.target == BUNDLE:
            about = (await BundleRepository(self.session).children([message.id]))[message.id]
        for one in about:
            await self.side.lock(self.session, one)
        progress = await self.reports.progress(message.id)
        now = await database_now(self.session)
        at = min(report.at or now, now)
        words = reported_words(report, message.finished_at or message.created_at, at)
        news = DeliveryNews(report.state, words, is_news(progress, report.state), at)
        for one in about:
            await self.side.report_delivery(self.session, one, news)
        # Before the key does what it does: taking the alarm stops calls that ring, and this one must say thank you.
        await self.reports.put_progress(message.id, advance(progress, report.state, at), report)
        answers = []
        if report.digit in set(Key):
            answers = [await self.side.on_keypress(self.session, one, Key(report.digit)) for one in about]
        return next((answer for answer in answers if answer), None)


class HeldReports:
    """Tries held reports again each second until they find their message, or are given up."""

    def __init__(self, database: Database, side: AlarmSide) -> None:
        self.database = database
        self.side = side

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        await look_each(POLL_S, stop, self.try_all, name="held reports", database=self.database)

    async def try_all(self) -> None:
        """Try each held report once, each in its transaction: one on which we fail is given up, the others go on."""
        async with self.database.transaction() as session:
            held = await ReportRepository(session).held(AT_ONCE)
        for report_id in held:
            try:
                async with self.database.transaction() as session:
                    await CallbackService(session, self.side).try_again(report_id)
            except Exception as error:
                if is_transient(error):
                    raise
                log.exception("report_not_applied", report_id=str(report_id))
                async with self.database.transaction() as session:
                    await ReportRepository(session).settle(report_id, ReportStatus.ORPHAN)


def _dump(report: Report) -> dict[str, Any]:
    return {**asdict(report), "at": report.at.isoformat() if report.at else None}


def _load(stored: dict[str, Any]) -> Report:
    at = datetime.fromisoformat(stored["at"]) if stored["at"] else None
    return Report(**{**stored, "at": at, "state": DeliveryState(stored["state"])})
