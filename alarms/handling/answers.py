"""What people who were asked to come answer, by link, text or key: found, applied, and told back in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Handling, Holder, RuleError, Target
from alarms.escalation.inputs import Accepted, AtTheHome, Closed, Declined, Finished, Input, OnTheWay
from alarms.handling.models import Alarm
from alarms.handling.repository import AlarmRepository
from alarms.handling.service import AlarmService
from alarms.invitations.domain import Answer, Reply, read_reply
from alarms.invitations.models import Invitation
from alarms.invitations.repository import InvitationRepository

UNDERSTOOD = {
    Answer.ACCEPT: "Thank you: you have it. Tell us when you are there.",
    Answer.DECLINE: "Thank you: others are asked.",
    Answer.ON_THE_WAY: "Thank you: we know that you are on the way.",
    Answer.THERE: "Thank you: we know that you are there.",
    Answer.DONE: "Thank you. The control room ends the alarm.",
    Answer.CLOSE: "Thank you: the alarm is closed.",
}
HELP = "We did not understand. Reply with the code to accept, or NO and the code. If a life is in danger, ring 999."


@dataclass(frozen=True)
class Told:
    """What to tell somebody back, and whether what they said was done."""

    words: str
    done: bool


class AnswerService:
    """Applies answers in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.invitations = InvitationRepository(session)
        self.alarms = AlarmRepository(session)
        self.handling = AlarmService(session)

    async def answer(
        self, invitation: Invitation, said: Answer, via: str, *, text: str = "", arrive_in_s: int | None = None
    ) -> Told:
        """Do what somebody says about the alarm that they were asked about."""
        alarm = await self.alarms.lock(invitation.alarm_id)
        if alarm is None or alarm.handling == Handling.CLOSED:
            return Told(f"This alarm has ended{_as(alarm)}. Thank you.", done=False)
        by = Holder(str(invitation.party_id), invitation.party_name)
        try:
            await self.handling.feed(alarm.id, _input(said, by, via, text, arrive_in_s, invitation.target))
        except RuleError as error:
            return Told(f"{error}.", done=False)
        return Told(UNDERSTOOD[said], done=True)

    async def by_text(self, channel: str, number: str, words: str) -> Told:
        """Do what a text says; the code in it says which alarm, and without one it must be the only one."""
        reply = read_reply(words)
        asked = await self.invitations.of_number(channel, number)
        if reply is None or not asked:
            return Told(HELP, done=False)
        about = await self._about(reply, asked)
        if not about:
            return Told(f"We know no alarm {reply.code or ''} of yours. {HELP}", done=False)
        if len(about) > 1 and not reply.everything:
            codes = ", ".join(str(one.code) for one in about if one.code)
            return Told(f"You were asked about several: write the code as well ({codes}).", done=False)
        told = [await self.answer(one, reply.answer, "sms", text=words) for one in about]
        return next((one for one in told if not one.done), told[0])

    async def _about(self, reply: Reply, asked: Sequence[Invitation]) -> list[Invitation]:
        """Return the newest invitation of each alarm that a reply is about.

        A code that was given anew stands for the alarm that had it last: whoever has it now knows that text (R42).
        """
        newest: dict[UUID, Invitation] = {}
        for invitation in asked:
            newest.setdefault(invitation.alarm_id, invitation)
        if reply.code is not None and not reply.everything:
            return [one for one in newest.values() if one.code == reply.code][:1]
        known = {alarm.id: alarm for alarm in await self.alarms.by_ids(list(newest))}
        still = [one for one in newest.values() if known[one.alarm_id].handling != Handling.CLOSED]
        return still or list(newest.values())[:1]


def _input(said: Answer, by: Holder, via: str, text: str, arrive_in_s: int | None, target: str) -> Input:
    match said:
        case Answer.ACCEPT:
            return Accepted(by, via, arrive_in_s, target)
        case Answer.DECLINE:
            return Declined(by, via, text if via == "link" else "")
        case Answer.ON_THE_WAY:
            return OnTheWay(by, via, arrive_in_s, target)
        case Answer.THERE:
            return AtTheHome(by, via, target)
        case Answer.CLOSE if target != Target.CONTACTS:
            return Closed(by, "responder_attended", text)
        case _:
            # A neighbour does not end an alarm: the control room does, with what they say.
            return Finished(by, via, text if via == "link" else "")


def _as(alarm: Alarm | None) -> str:
    return f" ({alarm.outcome.replace('_', ' ')})" if alarm is not None and alarm.outcome else ""
