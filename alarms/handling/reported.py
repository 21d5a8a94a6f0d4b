"""What providers and the people on their phones report, as far as it is the alarm's."""

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Handling
from alarms.escalation.inputs import Annotated, Delivered, Fate
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.notify.hooks import DeliveryNews, Key
from alarms.notify.notices import Notice
from telecare.kernel.errors import NotFoundError
from telecare.kernel.logging import get_logger
from telecare.kernel.outbox import OutboxMessage
from telecare.kernel.pure.progress import DeliveryState

log = get_logger("reported")

KEY_WORDS = {
    Key.ACCEPT: "accept",
    Key.DECLINE: "decline",
    Key.ACKNOWLEDGE: "acknowledge",
    Key.CLOSE: "close",
}

FATES = {
    DeliveryState.HANDED_OVER: Fate.SENT,
    DeliveryState.SENT: Fate.SENT,
    DeliveryState.DELIVERED: Fate.DELIVERED,
    DeliveryState.FAILED: Fate.FAILED,
    DeliveryState.NOT_REACHED: Fate.NOT_REACHED,
}


class Reported:
    """The alarm's side of callbacks (`alarms.notify.hooks.AlarmSide`)."""

    async def lock(self, session: AsyncSession, message: OutboxMessage) -> None:
        """Lock the alarm that a message is about."""
        await AlarmRepository(session).lock(message.subject_id)

    async def report_delivery(self, session: AsyncSession, message: OutboxMessage, result: DeliveryNews) -> None:
        """Tell the alarm how far a message got: one that reached nobody moves the ladder on at once (R05, C10).

        A failure that comes after the message is known to be there is logged and has no effect (R08).
        """
        if message.target in set(Notice):
            return
        fate = FATES[result.state] if result.news else Fate.SENT
        event = Delivered(message.message["label"], message.channel, fate, result.words, message.address)
        try:
            await AlarmService(session).feed(message.subject_id, event)
        except NotFoundError:
            log.warning("report_without_alarm", message_id=str(message.id), state=result.state)

    async def on_keypress(self, session: AsyncSession, message: OutboxMessage, key: Key) -> str | None:
        """Write on the alarm which key was pressed."""
        if message.target in set(Notice):
            return None
        alarm = await AlarmRepository(session).lock(message.subject_id)
        if alarm is None or alarm.handling == Handling.CLOSED:
            return "This alarm is closed. Goodbye."
        words = f"{message.message['label']} pressed {key} ({KEY_WORDS[key]}) on the call"
        await AlarmService(session).feed(message.subject_id, Annotated(words))
        return "Thank you. This is noted on the alarm. Goodbye."

    async def on_reply(self, session: AsyncSession, from_number: str, text: str) -> str | None:
        """Note that a text came; what it says is not logged."""
        _ = session
        log.info("text_received", from_ends_in=from_number[-3:], length=len(text))
        return None

    async def on_choice(self, session: AsyncSession, from_number: str, *, wants_texts: bool) -> str | None:
        """Note that somebody wants no more texts, or wants them again."""
        _ = session
        log.info("texts_wanted" if wants_texts else "no_texts_wanted", from_ends_in=from_number[-3:])
        return None
