"""What providers and the people on their phones report, as far as it is the alarm's."""

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.inputs import Delivered, Fate
from alarms.handling.answers import AnswerService
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.invitations.domain import Answer
from alarms.invitations.repository import InvitationRepository
from alarms.notify.hooks import DeliveryNews, Key
from alarms.notify.notices import Notice
from alarms.responders.repository import ResponderRepository
from telecare.kernel.errors import NotFoundError
from telecare.kernel.logging import get_logger
from telecare.kernel.outbox import OutboxMessage
from telecare.kernel.pure.progress import DeliveryState

log = get_logger("reported")

KEYS = {
    Key.ACCEPT: Answer.ACCEPT,
    Key.DECLINE: Answer.DECLINE,
    Key.ACKNOWLEDGE: Answer.ACCEPT,
    Key.CLOSE: Answer.CLOSE,
}

FATES = {
    DeliveryState.HANDED_OVER: Fate.SENT,
    DeliveryState.SENT: Fate.SENT,
    DeliveryState.DELIVERED: Fate.DELIVERED,
    DeliveryState.FAILED: Fate.FAILED,
    DeliveryState.NOT_REACHED: Fate.NOT_REACHED,
}

STOPPED = "they replied STOP"


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
        """Do what a key on a call says: accept, decline, close (S23)."""
        if message.target in set(Notice):
            return None
        invitation = await InvitationRepository(session).by_effect(message.effect_key)
        if invitation is None:
            return "We do not know what this call was about. If a life is in danger, ring 999. Goodbye."
        told = await AnswerService(session).answer(invitation, KEYS[key], "voice")
        return f"{told.words} Goodbye."

    async def on_reply(self, session: AsyncSession, from_number: str, text: str) -> str | None:
        """Do what a text says; what it says is on the alarm, not in our log."""
        told = await AnswerService(session).by_text("sms", from_number, text)
        log.info("text_answered", from_ends_in=from_number[-3:], length=len(text), done=told.done)
        return told.words

    async def on_choice(self, session: AsyncSession, from_number: str, *, wants_texts: bool) -> str | None:
        """Switch a number's texts off, as STOP asks for, or on again."""
        responders = ResponderRepository(session)
        if wants_texts:
            changed = await responders.enable_address("sms", from_number, STOPPED)
        else:
            changed = await responders.disable_address("sms", from_number, STOPPED)
        await AlarmService(session).rules_changed([method.responder_id for method in changed])
        log.info("texts_wanted" if wants_texts else "no_texts_wanted", methods=len(changed))
        if wants_texts:
            return "You get our texts again."
        return "You get no more texts of ours. Tell your council how else they can reach you. START undoes it."
