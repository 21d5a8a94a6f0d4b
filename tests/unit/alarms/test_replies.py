"""Texts that people send, and the codes in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.invitations.domain import HIGHEST_CODE, Answer, Reply, free_code, read_reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("ack198", Reply(Answer.ACCEPT, 198)),
        ("ack198   ", Reply(Answer.ACCEPT, 198)),
        ("  ACK 198.", Reply(Answer.ACCEPT, 198)),
        ("198", Reply(Answer.ACCEPT, 198)),
        ("Yes", Reply(Answer.ACCEPT, None)),
        ("no 7", Reply(Answer.DECLINE, 7)),
        ("close 1", Reply(Answer.CLOSE, 1)),
        ("100aa", Reply(Answer.ACCEPT, 100, everything=True)),
        ("on the way 12", Reply(Answer.ON_THE_WAY, 12)),
        ("here #12", Reply(Answer.THERE, 12)),
        ("done", Reply(Answer.DONE, None)),
        ("who is this?", None),
        ("I will come at 12 or so", None),
        ("0", None),
        ("1234", None),
        ("", None),
        ("?", None),
    ],
)
def test_what_a_text_says(text: str, reply: Reply | None):
    assert read_reply(text) == reply


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str):
    reply = read_reply(text)
    assert reply is None or reply.code is None or 1 <= reply.code <= HIGHEST_CODE


@given(st.sets(st.integers(1, HIGHEST_CODE)))
def test_a_code_is_the_smallest_that_has_rested(taken: set[int]):
    code = free_code(taken)
    assert code not in taken
    assert code is None or set(range(1, code)) <= taken
    assert (code is None) == (len(taken) == HIGHEST_CODE)
