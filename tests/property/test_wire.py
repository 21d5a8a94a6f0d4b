"""Whatever a hub sends is read without an exception, and what was read can be stored."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alarms.intake.types import TYPES
from telecare.wire.beats import Beat, read_beat
from telecare.wire.payloads import (
    ACK_STATUSES,
    MAX_ID,
    MAX_INTEGER,
    MAX_TEXT,
    Heartbeat,
    Message,
    ack_payload,
    read_heartbeat,
    read_message,
)
from telecare.wire.topics import FROM_HUBS, HUB_ID, MAX_CLAIMED_ID, read_topic, subscription, to_hub

FIELDS = (
    "event_id", "type", "at", "seq", "boot_id", "device", "codes", "path", "attempt", "test", "text", "voice",
    "council_id", "battery_pct", "mains", "signal_dbm", "firmware", "interval_s", "peripherals", "id", "kind", "room",
    "uri", "mty", "dty", "stc", "dco", "lco", "last_seen",
)  # fmt: skip

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63 - 1, 2**63, -(2**63), 10**400, 0.5, 1e308, float("nan"), float("inf"), float("-inf")])
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(
        ["", " ", "\x00", "a\x00b", "\ud800", "x" * 1000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=12)
ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=MAX_ID).filter(
    lambda text: text == text.strip()
)
moments = st.datetimes(
    datetime(1970, 1, 2), datetime(2100, 1, 1),  # noqa: DTZ001 - the zones come from below
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-11, minutes=-30))]),
)  # fmt: skip


def as_sent(value: Any) -> bytes:
    return json.dumps(value).encode()


def storable(value: Any) -> bool:
    """Whether PostgreSQL takes every text and number in it, as columns and as JSONB."""
    if isinstance(value, str):
        value.encode("utf-8")
        return "\x00" not in value
    if isinstance(value, dict):
        return all(storable(key) and storable(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(storable(item) for item in value)
    if isinstance(value, datetime):
        return value.tzinfo is UTC
    if isinstance(value, int):
        return abs(value) <= MAX_INTEGER
    return value is None


def check(message: Message) -> None:
    assert storable(asdict(message))
    assert (message.event_id is None or message.type is None) <= (message.unreadable is not None)
    assert message.unreadable is None or message.unreadable
    assert (message.dedup_key is None) == (message.unreadable is not None)
    assert message.dedup_key is None or storable(message.dedup_key)
    for short in (message.event_id, message.type, message.boot_id, message.device_id, message.path):
        assert short is None or 0 < len(short) <= MAX_ID
    assert message.text is None or 0 < len(message.text) <= MAX_TEXT


def check_heartbeat(beat: Heartbeat | None) -> None:
    if beat is not None:
        assert storable(asdict(beat))
        assert beat.battery_pct is None or 0 <= beat.battery_pct <= 100


@given(st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
@settings(max_examples=200)
def test_no_bytes_break_the_reader(raw: bytes):
    check(read_message(raw))
    check_heartbeat(read_heartbeat(raw))


@given(anything | objects)
@settings(max_examples=300)
def test_no_json_breaks_the_reader(value: Any):
    check(read_message(as_sent(value)))
    check_heartbeat(read_heartbeat(as_sent(value)))


@given(objects, ids)
@settings(max_examples=200)
def test_no_optional_field_makes_an_alarm_unreadable(others: dict[str, Any], event_id: str):
    message = read_message(as_sent({**others, "event_id": event_id, "type": "pendant"}))
    check(message)
    assert (message.event_id, message.type, message.unreadable) == (event_id, "pendant", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"null", b"[]", b'"pendant"', b"\xff\xfe{}", b'{"a":1}x',
        b"[" * 60_000, b'{"a":' * 60_000, b"9" * 60_000,
    ],
)  # fmt: skip
def test_what_is_no_object_is_unreadable_in_words(raw: bytes):
    message = read_message(raw)
    check(message)
    assert message.unreadable
    assert read_heartbeat(raw) is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 4000, "9" * 5000, "1.5"])
def test_a_strange_number_in_an_optional_field_is_a_problem_and_no_more(number: str):
    message = read_message(b'{"event_id": "1", "type": "fall", "seq": %b, "text": "help"}' % number.encode())
    assert (message.event_id, message.type, message.seq, message.text) == ("1", "fall", None, "help")
    assert message.unreadable is None
    check_heartbeat(read_heartbeat(b'{"battery_pct": %b}' % number.encode()))


def test_a_byte_order_mark_hides_no_alarm():
    assert read_message(b'\xef\xbb\xbf{"event_id": "1", "type": "fall"}').type == "fall"


def test_a_long_text_is_cut_and_what_cannot_be_stored_is_replaced():
    message = read_message(as_sent({"event_id": "1", "type": "fall", "text": "\x00\ud83d" + "x" * 60_000}))
    assert message.text == "\N{REPLACEMENT CHARACTER}" * 2 + "x" * (MAX_TEXT - 2)


@given(
    st.fixed_dictionaries(
        {"event_id": ids, "type": st.sampled_from(sorted(TYPES))},
        optional={
            "at": moments, "seq": st.integers(0, MAX_INTEGER), "boot_id": ids, "path": st.sampled_from(["lte", "sms"]),
            "device": st.fixed_dictionaries({"id": ids, "kind": ids, "room": st.just("kitchen")}),
            "attempt": st.integers(0, 99), "test": st.booleans(), "text": st.just("Help"),
            "voice": st.just({"uri": "sip:1@x.example"}),
        },
    )
)  # fmt: skip
def test_a_good_message_is_read_as_it_was_meant(sent: dict[str, Any]):
    wire = {**sent, "at": sent["at"].isoformat()} if "at" in sent else sent
    message = read_message(as_sent(wire))
    check(message)
    assert message.problems == ()
    assert (message.event_id, message.type) == (sent["event_id"], sent["type"])
    assert (message.at, message.seq, message.boot_id) == (sent.get("at"), sent.get("seq"), sent.get("boot_id"))
    device = sent.get("device", {})
    assert (message.device_id, message.device_kind, message.room) == tuple(
        device.get(k) for k in ("id", "kind", "room")
    )
    assert (message.path, message.attempt, message.text) == tuple(sent.get(k) for k in ("path", "attempt", "text"))
    assert message.test is sent.get("test", False)
    assert message.voice_uri == ("sip:1@x.example" if "voice" in sent else None)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "seq": st.integers(0, MAX_INTEGER), "boot_id": ids, "at": moments, "battery_pct": st.integers(0, 100),
            "mains": st.booleans(), "signal_dbm": st.integers(-200, 0), "path": ids, "firmware": ids,
            "interval_s": st.integers(1, 7 * 86400),
        },
    ),
    st.dictionaries(ids, st.integers(0, 100), max_size=5),
)  # fmt: skip
def test_a_good_heartbeat_is_read_as_it_was_meant(sent: dict[str, Any], batteries: dict[str, int]):
    listed = [{"id": device_id, "kind": "pendant", "battery_pct": pct} for device_id, pct in batteries.items()]
    wire = {**sent, "peripherals": listed} | ({"at": sent["at"].isoformat()} if "at" in sent else {})
    beat = read_heartbeat(as_sent(wire))
    check_heartbeat(beat)
    assert beat is not None
    assert beat.problems == ()
    assert {name: getattr(beat, name) for name in sent} == sent
    assert {key: part["battery_pct"] for key, part in (beat.peripherals or {}).items()} == batteries


plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
devices = st.fixed_dictionaries(
    {},
    optional={"id": plain, "kind": plain, "battery_pct": st.integers(-1, 101), "last_seen": moments.map(str) | plain},
)
plain_beats = st.fixed_dictionaries(
    {},
    optional={
        "seq": st.integers(-1, 2**64) | st.floats(), "boot_id": plain | st.integers(), "at": plain,
        "battery_pct": st.integers(-1, 101) | st.sampled_from([50.0, 1e2]), "mains": st.booleans() | st.none(),
        "signal_dbm": st.integers(-201, 1), "path": plain, "firmware": plain | st.just("x" * 65),
        "interval_s": st.integers(0, 7 * 86400 + 1), "peripherals": st.lists(devices | st.none(), max_size=3),
    },
)  # fmt: skip


@given(st.binary(max_size=50) | plain_beats.map(as_sent) | objects.map(as_sent))
@settings(max_examples=300)
def test_a_heartbeat_read_fast_says_what_the_forgiving_eye_sees(raw: bytes):
    slow, fast = read_heartbeat(raw), read_beat(raw)
    assert (slow is None) == (fast is None)
    if slow is not None and fast is not None:
        for name in Beat.__struct_fields__:
            assert getattr(fast, name) == getattr(slow, name), name


# Quirks of real makes (domain 1.2)


def coded(**codes: Any) -> str | None:
    return read_message(as_sent({"event_id": "1", "codes": codes})).type


@pytest.mark.parametrize("dty", ["3", "03", "003", "0003", 3, " 0003 "])
@pytest.mark.parametrize("stc", ["10", "010", "0010", 10, None])
@pytest.mark.parametrize("mty", ["ME", "me", " ME", "", None])
def test_widths_do_not_matter_and_a_missing_kind_of_message_is_an_alarm(dty: Any, stc: Any, mty: Any):
    codes = {"dty": dty, "stc": stc, "mty": mty}
    assert coded(**{name: code for name, code in codes.items() if code is not None}) == "pendant"


@pytest.mark.parametrize(("codes", "expected"), [
    ({"mty": "PI", "dty": "0002", "stc": "0009"}, "heartbeat"),
    ({"mty": "PI"}, "heartbeat"),
    ({"mty": "RE"}, "reset"),
    ({"dty": "0002", "stc": "0067"}, "malfunction"),
    ({"dty": "02", "stc": "102"}, "test"),
    ({"dty": "2", "stc": "16"}, "hub_battery_low"),
    ({"dty": "3", "stc": "0014"}, "trigger_battery_low"),
    ({"dty": "0023", "stc": "0009"}, "smoke"),
    ({"dty": "0005", "stc": "0009"}, "fall"),
    ({"dty": "0002", "stc": "0085"}, "mains_fail"),
    ({"dty": "0003", "stc": "0123"}, "trigger_lost"),
    ({"dty": "9999", "stc": "0010"}, "code_9999_10"),
    ({"stc": "0010"}, "code_none_10"),
    ({"dty": "0003", "stc": "xx"}, "pendant"),
    ({"dty": "²"}, None),
    ({}, None),
])  # fmt: skip
def test_codes_name_types(codes: dict[str, Any], expected: str | None):
    assert coded(**codes) == expected


@given(st.integers(0, 9999) | st.none(), st.integers(0, 9999) | st.none(), st.sampled_from(["ME", "IN", None]))
def test_codes_that_nobody_knows_are_named_and_not_dropped(dty: int | None, stc: int | None, mty: str | None):
    named = coded(dty=dty, stc=stc, mty=mty)
    assert (named is None) == (dty is None and stc is None)
    assert named is None or named in TYPES or named.startswith("code_")


def test_a_type_in_words_goes_before_codes():
    message = read_message(as_sent({"event_id": "1", "type": "smoke", "codes": {"dty": "3", "lco": "021"}}))
    assert (message.type, message.room) == ("smoke", "kitchen")


# What makes two messages one


@given(ids, ids | st.none(), st.sampled_from(["fall", "smoke"]), ids | st.none(), objects)
def test_only_id_boot_type_and_device_make_a_message_the_same(
    event_id: str, boot_id: str | None, type_: str, device_id: str | None, others: dict[str, Any]
):
    same = {"event_id": event_id, "boot_id": boot_id, "type": type_, "device": {"id": device_id}}
    first, again = read_message(as_sent(same)), read_message(as_sent({**others, **same}))
    assert first.dedup_key == again.dedup_key
    for name, other in (
        ("event_id", event_id + "x"),
        ("boot_id", "another"),
        ("type", "gas"),
        ("device", {"id": "z9"}),
    ):
        changed = read_message(as_sent({**same, name: other}))
        told_apart = (changed.event_id, changed.boot_id, changed.type, changed.device_id) != (
            first.event_id, first.boot_id, first.type, first.device_id,
        )  # fmt: skip
        assert (changed.dedup_key != first.dedup_key) == told_apart


# Topics and acks


@given(st.from_regex(HUB_ID, fullmatch=True), st.sampled_from(FROM_HUBS))
def test_a_good_topic_round_trips(hub_id: str, lane: str):
    address = read_topic(to_hub(hub_id, lane))
    assert (address.hub_id, address.lane, address.well_formed) == (hub_id, lane, True)
    assert subscription(lane).replace("+", hub_id) == to_hub(hub_id, lane)


@given(st.text(st.characters(), max_size=300))
def test_no_topic_breaks_the_reader(claimed: str):
    address = read_topic(f"telecare/v1/{claimed}/alarm")
    assert storable(address.hub_id)
    assert len(address.hub_id) <= MAX_CLAIMED_ID
    assert address.lane == "alarm"
    assert not address.well_formed or address.hub_id == claimed


@given(ids | st.none(), st.sampled_from(ACK_STATUSES), ids | st.none(), moments, st.none() | st.text(max_size=20))
def test_an_ack_says_what_it_was_given(
    event_id: str | None, status: str, alarm_id: str | None, at: datetime, reason: str | None
):
    body = json.loads(ack_payload(event_id=event_id, status=status, alarm_id=alarm_id, at=at, reason=reason))
    assert datetime.fromisoformat(body.pop("at")) == at
    optional = {name: said for name, said in (("alarm_id", alarm_id), ("reason", reason)) if said is not None}
    assert body == {"event_id": event_id, "status": status, **optional}


def test_a_heartbeat_needs_no_id_whatever_topic_it_comes_by():
    """C18: or each sign of life of such a make would be an unreadable alarm."""
    message = read_message(b'{"codes": {"mty": "PI", "dty": "0002", "stc": "0009"}}')
    assert (message.type, message.unreadable) == ("heartbeat", None)
    assert message.dedup_key is None
