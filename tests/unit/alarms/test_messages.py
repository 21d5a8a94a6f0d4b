"""What a message says, to whom, and what it must not say."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from alarms.escalation.domain import Address, Notify, Target
from alarms.intake.types import TYPES
from alarms.notify.crowding import LIFE_SAFETY, OTHERS, crowded
from alarms.notify.delivery import LIFE_SAFETY_BELOW, LIFE_SAFETY_WAITS_S, OTHER_WAITS_S, retry_after
from alarms.notify.messages import AlarmFacts, compose
from telecare.kernel.outbox import OutboxMessage
from telecare.kernel.settings import Settings

FACTS = AlarmFacts(
    alarm_id="0198c0de",
    type="pendant",
    class_="L",
    rank=10,
    words="Pendant pressed",
    person_name="Ùna",
    place="3 Harbour Street, Ayr",
    room="bathroom",
    raised_at=datetime(2027, 6, 1, 2, 12, tzinfo=UTC),
    council_id="S12000028",
    hub_id="hub-0001",
    notes=("Oxygen in the house",),
)


def notify(target: Target, reason: str = "Step 3") -> Notify:
    return Notify("0198c0de:4:email:x@y.example", target, Address("email", "x@y.example", "Fiona"), 9, reason)


def test_staff_read_who_where_since_when_and_where_to_take_it():
    message = compose(FACTS, notify(Target.DUTY_MANAGER), "https://telecare.council.example/")
    assert message["subject"] == "Life-safety alarm: Pendant pressed, Ùna"
    for said in (
        "Ùna", "3 Harbour Street, Ayr (bathroom)", "03:12:00 on Tuesday 01 June 2027", "Step 3", "hub-0001",
        "Oxygen in the house", "https://telecare.council.example/alarms/0198c0de",
    ):  # fmt: skip
        assert said in message["text"]


def test_without_a_public_address_there_is_no_link():
    assert "http" not in compose(FACTS, notify(Target.SUPERVISOR), None)["text"]


def test_a_contact_reads_no_address_no_hazard_no_unit_and_no_link():
    message = compose(FACTS, notify(Target.CONTACTS), "https://telecare.council.example")
    assert "Pendant pressed: Ùna, 03:12:00" in message["text"]
    said = json.dumps({**message, "data": {**message["data"], "hub_id": None}}, ensure_ascii=False)
    for secret in ("Harbour", "bathroom", "Oxygen", "hub-0001", "https"):
        assert secret not in said


def test_the_document_for_programs_is_stable():
    assert compose(FACTS, notify(Target.PARTNER_ARC), None)["data"] == {
        "alarm_id": "0198c0de",
        "type": "pendant",
        "class": "L",
        "rank": 9,
        "council_id": "S12000028",
        "hub_id": "hub-0001",
        "words": "Pendant pressed",
        "place": "3 Harbour Street, Ayr",
        "raised_at": "2027-06-01T02:12:00+00:00",
        "reason": "Step 3",
        "target": "partner_arc",
        "effect_key": "0198c0de:4:email:x@y.example",
        "accept_url": None,
        "reply_code": None,
    }


@dataclass
class HowToAnswer:
    token: str = "t0ken"
    code: int | None = 7


@pytest.mark.parametrize("target", [Target.CONTACTS, "responder:bob"])
def test_whoever_is_asked_gets_a_link_of_their_own(target: str):
    message = compose(FACTS, notify(target), "https://telecare.example/", HowToAnswer())
    assert message["data"]["accept_url"] == "https://telecare.example/a/t0ken"
    assert message["data"]["reply_code"] == "7"
    assert "https://telecare.example/a/t0ken" in message["text"].splitlines()


@pytest.mark.parametrize("target", list(Target))
def test_a_strangers_words_start_no_line_and_no_header(target: Target):
    words = "Unknown signal “x\r\nBcc: everybody@council.example\u2028\x1b[2J”"
    message = compose(replace(FACTS, words=words, notes=(words,)), notify(target), None)
    assert "\n" not in message["subject"]
    assert message["subject"].isprintable()
    assert not any(line.startswith("Bcc") for line in message["text"].splitlines())


@pytest.mark.parametrize("target", list(Target))
def test_nobody_and_nowhere_are_said_in_words(target: Target):
    nobody = replace(FACTS, person_name=None, place=None, room=None, council_id=None, notes=())
    message = compose(nobody, notify(target), None)
    assert "None" not in message["subject"] + message["text"]


def tries_end_after(waits: tuple[int, ...]) -> timedelta:
    """The worst case: each try hangs until its time is up, and each next one waits for a poll."""
    tries = len(waits) + 1
    return timedelta(seconds=sum(waits) + tries * (Settings.model_fields["provider_timeout_s"].default + 1))


def test_life_safety_knows_within_a_minute_and_all_others_within_ten():
    assert tries_end_after(LIFE_SAFETY_WAITS_S) < timedelta(seconds=60)
    assert tries_end_after(OTHER_WAITS_S) < timedelta(minutes=10)
    for rank, waits in ((0, LIFE_SAFETY_WAITS_S), (50, OTHER_WAITS_S)):
        told = [retry_after(attempt, rank) for attempt in range(1, len(waits) + 3)]
        assert told == [*(timedelta(seconds=wait) for wait in waits), None, None]


def test_the_line_between_life_safety_and_the_rest_is_where_the_types_draw_it():
    assert max(row.rank for row in TYPES.values() if row.class_ == "L") < LIFE_SAFETY_BELOW
    assert min(row.rank for row in TYPES.values() if row.class_ != "L") - 1 >= LIFE_SAFETY_BELOW


def test_a_free_hand_is_kept_for_life_safety():
    in_flight = [OutboxMessage(channel="webhook", address=f"https://{i}.example") for i in range(OTHERS.by_channel)]
    assert crowded(in_flight, OTHERS) == (frozenset({"webhook"}), frozenset())
    assert crowded(in_flight, LIFE_SAFETY) == (frozenset(), frozenset())
    one_address = [OutboxMessage(channel="email", address="x@y.example")] * OTHERS.by_address
    assert crowded(one_address, OTHERS) == (frozenset(), frozenset({"x@y.example"}))
    assert crowded(one_address, LIFE_SAFETY) == (frozenset(), frozenset())
