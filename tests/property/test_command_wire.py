"""Commands and results on the wire: what we send can be read, and no answer of a hub breaks the reader."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecare.wire.commands import CommandResult, command_payload, read_result
from telecare.wire.payloads import MAX_ID, MAX_TEXT

ID = UUID("0199a1b2-0000-7000-8000-000000000001")
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=80) | st.just([])
answers = st.dictionaries(
    st.sampled_from(["command_id", "command", "status", "reason", "at", "other"]), values | st.just(str(ID))
)


def read(**body: Any) -> CommandResult | None:
    return read_result(json.dumps({"command_id": str(ID), "status": "done", **body}).encode())


@given(st.binary(max_size=200) | answers.map(lambda body: json.dumps(body).encode()))
def test_no_answer_breaks_the_reader(raw: bytes) -> None:
    result = read_result(raw)
    if result is not None:
        assert 0 < len(result.status) <= MAX_ID
        texts = [text for text in (result.status, result.reason, result.at) if text is not None]
        assert all("\x00" not in text and len(text) <= MAX_TEXT for text in texts)
        assert all(text.encode() for text in texts)


@pytest.mark.parametrize(
    "body",
    [{"command_id": None}, {"command_id": 5}, {"command_id": "c1"}, {"status": ""}, {"status": None}, {"status": 1}],
)
def test_what_does_not_say_to_what_or_how_it_went_is_no_answer(body: dict[str, Any]) -> None:
    assert read(**body) is None


def test_an_answer_is_read_with_what_it_says_besides() -> None:
    said = read(status=" unsupported ", reason="too old", at="2026-11-24T12:00:00Z", boot_id="b1")
    assert said == CommandResult(ID, "unsupported", "too old", "2026-11-24T12:00:00Z")


def test_a_command_is_sent_with_its_arguments_or_none() -> None:
    assert json.loads(command_payload(ID, "ping", None)) == {"command_id": str(ID), "command": "ping"}
    sent = json.loads(command_payload(ID, "set_interval", {"interval_s": 60}))
    assert sent == {"command_id": str(ID), "command": "set_interval", "args": {"interval_s": 60}}
