"""Reports of providers: the same end whatever their order and number, and what each word means."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.notify.reading import read_notify, read_twilio_key, read_twilio_status
from alarms.notify.reports import Progress, Report, advance, answered_by, is_news, reported_words
from telecare.kernel.pure.progress import DeliveryState

T0 = datetime(2027, 1, 1, tzinfo=UTC)
reports = st.tuples(st.sampled_from(DeliveryState), st.integers(0, 3600).map(lambda s: T0 + timedelta(seconds=s)))


def end_of(happened: list[tuple[DeliveryState, datetime]]) -> Progress:
    return reduce(lambda progress, report: advance(progress, *report), happened, Progress())


@given(st.lists(reports, min_size=1, max_size=8), st.data())
def test_any_order_with_any_repeats_ends_the_same(
    happened: list[tuple[DeliveryState, datetime]], data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(happened), max_size=8))
    shuffled = data.draw(st.permutations(happened + repeats))
    assert end_of(shuffled) == end_of(happened)


@given(st.lists(reports, max_size=8), reports)
def test_progress_never_goes_back_and_news_are_what_goes_further(
    happened: list[tuple[DeliveryState, datetime]], report: tuple[DeliveryState, datetime]
) -> None:
    before = end_of(happened)
    after = advance(before, *report)
    assert (after.state != before.state) == is_news(before, report[0])
    assert before.state is not DeliveryState.DELIVERED or after.state is DeliveryState.DELIVERED
    assert (after.state is DeliveryState.DELIVERED) == (after.delivered_at is not None)


def test_queued_delivered_sent_delivered_is_delivered() -> None:
    """R08."""
    words = ["queued", "delivered", "sent", "delivered"]
    read = [read_twilio_status({"MessageSid": "SM1", "MessageStatus": word}, None) for word in words]
    assert end_of([(report.state, T0) for report in read]).state is DeliveryState.DELIVERED


def test_a_late_failure_after_a_delivery_takes_nothing_back() -> None:
    progress = end_of([(DeliveryState.DELIVERED, T0), (DeliveryState.FAILED, T0 + timedelta(hours=1))])
    assert progress == Progress(DeliveryState.DELIVERED, T0)


@pytest.mark.parametrize(
    ("took", "words"),
    [
        (timedelta(minutes=5), "Delivered (after 5m)"),
        (timedelta(hours=2, minutes=5), "Delivered (after 2h 5m)"),
        (timedelta(seconds=59), "Delivered"),
        (timedelta(seconds=-3), "Delivered"),
    ],
)
def test_a_delay_is_shown(took: timedelta, words: str) -> None:
    """S57."""
    report = Report("notify", "1", "delivered", DeliveryState.DELIVERED)
    assert reported_words(report, T0, T0 + took) == words


@pytest.mark.parametrize(
    ("who", "state"),
    [
        ("human", DeliveryState.DELIVERED),
        ("machine_start", DeliveryState.NOT_REACHED),
        ("machine_end_beep", DeliveryState.NOT_REACHED),
        ("fax", DeliveryState.NOT_REACHED),
        ("unknown", DeliveryState.SENT),
    ],
)
def test_a_machine_is_nobody(who: str, state: DeliveryState) -> None:
    """C10."""
    assert answered_by(who)[0] is state
    completed = read_twilio_status({"CallSid": "CA1", "CallStatus": "completed", "AnsweredBy": who}, None)
    assert completed.state is state


def test_voicemail_is_not_outranked_by_the_end_of_the_call_but_a_key_is_a_person() -> None:
    machine = read_twilio_status({"CallSid": "CA1", "AnsweredBy": "machine_start"}, None)
    over = read_twilio_status({"CallSid": "CA1", "CallStatus": "completed"}, None)
    key = read_twilio_key({"CallSid": "CA1", "Digits": "1"}, None)
    assert end_of([(machine.state, T0), (over.state, T0)]).state is DeliveryState.NOT_REACHED
    assert end_of([(machine.state, T0), (key.state, T0), (over.state, T0)]).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"id": ""}, {"id": 7, "status": "delivered"}, {"id": "1"}, {"id": "1" * 201, "status": "sent"}],
)
def test_what_is_no_report_is_said(document: object) -> None:
    with pytest.raises(ValueError, match=r"must be|takes"):
        read_notify(document)


def test_a_receipt_of_notify_is_read() -> None:
    report = read_notify(
        {
            "id": "740e5834-3a29-46b4-9a6f-16142fde533a", "reference": "0198:2:sms:+447700900123",
            "status": "temporary-failure", "completed_at": "2027-01-01T00:00:00.000000Z",
        }
    )  # fmt: skip
    assert isinstance(report, Report)
    assert (report.state, report.our_key, report.at) == (DeliveryState.FAILED, "0198:2:sms:+447700900123", T0)


def test_a_word_that_is_new_to_us_changes_nothing() -> None:
    assert read_twilio_status({"MessageSid": "SM1", "MessageStatus": "reticulated"}, None).state is DeliveryState.SENT
