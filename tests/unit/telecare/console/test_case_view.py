"""What came of an alarm's messages: the last to each address, how far it got, and why no further."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telecare.console import case_view
from telecare.kernel.outbox import OutboxMessage, OutboxState
from telecare.kernel.pure.progress import DeliveryState

NOW = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)


def message(seconds: int, **columns: Any) -> OutboxMessage:
    usual = {
        "channel": "sms",
        "address": "+447700900123",
        "message": {"label": "Una"},
        "created_at": NOW + timedelta(seconds=seconds),
        "finished_at": None,
        "last_error": None,
        "delivery": None,
        "attempts": 1,
    }
    return OutboxMessage(**{**usual, **columns})


def test_the_last_message_to_each_address_is_told_with_how_often():
    told = case_view.told(
        [
            message(60, state="failed", last_error="the number is barred"),
            message(30, state="sent", channel="voice", delivery="delivered"),
            message(0, state="sent", delivery="delivered"),
        ]
    )
    assert [(one.name, one.by, one.badge.word, one.why, one.times) for one in told] == [
        ("Una", "a text", "Failed", "the number is barred", 2),
        ("Una", "a call", "Delivered", "", 1),
    ]


@pytest.mark.parametrize("state", OutboxState)
def test_each_state_of_a_message_has_its_shape_and_word(state: OutboxState):
    (told,) = case_view.told([message(0, state=state)])
    assert told.badge.shape
    assert told.badge.word


@pytest.mark.parametrize("delivery", DeliveryState)
def test_each_report_has_its_shape_and_word(delivery: DeliveryState):
    (told,) = case_view.told([message(0, state="sent", delivery=delivery)])
    assert told.badge.shape
    assert told.badge.word
