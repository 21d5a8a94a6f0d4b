"""Those who are asked to come answer by link, text and key: the alarm is theirs, or others are asked at once."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from alarms.escalation.codec import load_state
from alarms.escalation.domain import Holder, Ladder, State, Step
from alarms.escalation.inputs import Acked, Rerouted
from alarms.handling.answers import AnswerService, Told
from alarms.handling.reported import Reported
from alarms.invitations.domain import Answer
from alarms.invitations.models import Invitation
from alarms.responders.models import ContactMethod, Responder
from alarms.responders.objections import objection
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.outbox import OutboxMessage
from tests.integration.alarms.world import World

ANN = Holder(str(new_id()), "Ann")
MOBILE = {"u1": "+447700900001", "u2": "+447700900002"}


class Field(World):
    """A world with responders u1 and u2, told one after the other by text."""

    async def settle(self) -> None:
        async with self.database.transaction() as session:
            for key, number in MOBILE.items():
                person = Responder(id=new_id(), key=key, name=key.upper())
                session.add(person)
                await session.flush()
                session.add(
                    ContactMethod(
                        id=new_id(),
                        responder_id=person.id,
                        channel="sms",
                        address=number,
                        label=key.upper(),
                        position=0,
                    )
                )

    async def alarm(self, *targets: str, accepts: int = 1, hub_id: str = "h") -> UUID:
        alarm_id = await self.raise_alarm(hub_id=hub_id)
        steps = tuple(Step((target,), 600, accepts=accepts) for target in targets or ("responder:u1", "responder:u2"))
        await self.feed(alarm_id, Rerouted(Ladder("L", 1, steps, ("queue",), 60, 300, 60), "for the test"))
        await self.drive()
        return alarm_id

    async def state(self, alarm_id: UUID) -> State:
        return load_state((await self.get(alarm_id)).state)

    async def text(self, who: str, words: str) -> Told:
        async with self.database.transaction() as session:
            return await AnswerService(session).by_text("sms", MOBILE[who], words)

    async def asked(self, alarm_id: UUID) -> list[Invitation]:
        async with self.database.transaction() as session:
            found = select(Invitation).where(Invitation.alarm_id == alarm_id).order_by(Invitation.created_at)
            return list((await session.execute(found)).scalars())

    async def message(self, alarm_id: UUID) -> OutboxMessage:
        async with self.database.transaction() as session:
            found = select(OutboxMessage).where(OutboxMessage.subject_id == alarm_id)
            return (await session.execute(found)).scalars().one()


@pytest.fixture
async def field(database: Database) -> Field:
    field = Field(database)
    await field.settle()
    return field


async def test_a_text_accepts_and_nobody_else_is_told(field: Field) -> None:
    alarm_id = await field.alarm()
    told = await field.text("u1", "ack1  ")
    assert told.done, told
    state = await field.state(alarm_id)
    assert (state.handling, state.claim and state.claim.holder.name) == ("attending", "U1")
    alarm = await field.get(alarm_id)
    assert alarm.assigned_name == "U1"
    await field.drive()
    assert len(await field.asked(alarm_id)) == 1


async def test_a_decline_asks_the_next_at_once(field: Field) -> None:
    alarm_id = await field.alarm()
    assert (await field.text("u1", "no 1")).done
    await field.drive()
    assert [one.party_name for one in await field.asked(alarm_id)] == ["U1", "U2"]
    assert "U1 cannot go, said by text." in await field.log(alarm_id)


async def test_the_message_brings_link_and_code_and_the_link_is_kept_as_a_hash_only(field: Field) -> None:
    alarm_id = await field.alarm()
    message = await field.message(alarm_id)
    assert message.message["data"]["reply_code"] == "1"
    (asked,) = await field.asked(alarm_id)
    assert asked.effect_key == message.effect_key
    assert len(asked.token_hash) == 32


async def test_two_alarms_have_two_codes_and_a_text_without_one_is_asked_back(field: Field) -> None:
    first, second = await field.alarm(), await field.alarm(hub_id="other")
    assert [[one.code for one in await field.asked(alarm)] for alarm in (first, second)] == [[1], [2]]
    told = await field.text("u1", "yes")
    assert not told.done
    assert "write the code" in told.words
    assert (await field.text("u1", "2")).done
    assert (await field.state(first)).claim is None
    assert (await field.state(second)).claim is not None


async def test_alarms_that_ask_a_number_at_the_same_moment_have_codes_of_their_own(field: Field) -> None:
    alarms = [await field.raise_alarm(hub_id=f"h{n}") for n in range(12)]
    ladder = Ladder("L", 1, (Step(("responder:u1",), 600),), ("queue",), 60, 300, 60)
    for alarm_id in alarms:
        await field.feed(alarm_id, Rerouted(ladder, "for the test"))
    await asyncio.gather(*(field.drive() for _ in range(6)))
    codes = [one.code for alarm_id in alarms for one in await field.asked(alarm_id)]
    assert sorted(codes, key=str) == sorted(range(1, 13), key=str)


async def test_whoever_comes_second_is_told_who_goes_already(field: Field) -> None:
    await field.alarm()
    assert (await field.text("u1", "no 1")).done
    await field.drive()
    assert (await field.text("u2", "1")).done
    told = await field.text("u1", "yes 1")
    assert not told.done
    assert "U2 goes already: thank you, you are not needed" in told.words


async def test_two_must_accept_where_the_step_says_so(field: Field) -> None:
    alarm_id = await field.alarm("responder:u1", accepts=2)
    await field.text("u1", "1")
    assert "1 more must accept: the others are told on." in await field.log(alarm_id)


async def test_a_responder_closes_by_text_and_a_stranger_does_nothing(field: Field) -> None:
    alarm_id = await field.alarm()
    await field.text("u1", "1")
    assert (await field.text("u1", "close 1")).done
    assert (await field.get(alarm_id)).outcome == "responder_attended"
    assert not (await field.text("u2", "close 1")).done


async def test_an_operator_keeps_the_alarm_while_somebody_is_on_the_way(field: Field) -> None:
    alarm_id = await field.alarm()
    await field.feed(alarm_id, Acked(ANN))
    assert (await field.text("u1", "1")).done
    state = await field.state(alarm_id)
    assert (state.handling, state.claim and state.claim.holder) == ("attending", ANN)
    assert [one.by.name for one in state.acceptances] == ["U1"]
    assert (await field.text("u1", "no 1")).done
    assert (await field.state(alarm_id)).handling == "acked"


async def test_words_that_mean_nothing_are_answered_with_help(field: Field) -> None:
    await field.alarm()
    assert "ring 999" in (await field.text("u1", "who is this")).words


async def test_an_answer_by_link_says_when_they_will_be_there(field: Field) -> None:
    alarm_id = await field.alarm()
    (asked,) = await field.asked(alarm_id)
    async with field.database.transaction() as session:
        told = await AnswerService(session).answer(asked, Answer.ACCEPT, "link", arrive_in_s=600)
    assert told.done
    assert "U1 goes there, said by the link; arrival asked in 10 min." in await field.log(alarm_id)


async def test_whoever_texts_stop_gets_no_more_texts_until_start(field: Field) -> None:
    """S17: also what waits already stays here."""
    alarm_id = await field.alarm()
    message = await field.message(alarm_id)
    for wants, reason in ((False, "contact disabled"), (True, None)):
        async with field.database.transaction() as session:
            assert await Reported().on_choice(session, MOBILE["u1"], wants_texts=wants)
            assert await objection(session, message) == reason


async def test_whoever_does_not_arrive_is_asked_with_a_link_of_their_own(field: Field) -> None:
    """C09: and a contact is asked no more than a contact may know."""
    alarm_id = await field.alarm()
    (asked,) = await field.asked(alarm_id)
    async with field.database.transaction() as session:
        await AnswerService(session).answer(asked, Answer.ACCEPT, "link", arrive_in_s=0)
    await field.drive()
    assert "Is somebody there? Without an answer in 5 min it goes on." in await field.log(alarm_id)
    first, question = await field.asked(alarm_id)
    assert (question.party_id, question.target) == (first.party_id, first.target)
