"""Which provider is asked next, and what all their answers come to."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.notify.channels.chain import REST_S, Chain, Named, goes_on, in_order, verdict
from alarms.notify.delivery import Permanent, Result, Sent, Temporary, Unable

GRAVE, TECHNICAL = 10, 50
SENT, NEVER, LATER, CANNOT = Sent("ok", ref="1"), Permanent("no such number"), Temporary("503"), Unable("quota")
names = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1)


@given(names, st.sets(st.sampled_from("abcdef")), st.integers(1, 20))
def test_each_provider_is_asked_once_and_the_tired_ones_last(all_of_them: list[str], tired: set[str], attempt: int):
    order = in_order(all_of_them, tired, attempt)
    assert sorted(order) == sorted(all_of_them)
    resting = [name in tired for name in order]
    assert resting == sorted(resting)


@given(names)
def test_each_attempt_starts_with_another_one(all_of_them: list[str]):
    firsts = [in_order(all_of_them, (), attempt)[0] for attempt in range(1, len(all_of_them) + 1)]
    assert firsts == all_of_them


@pytest.mark.parametrize(
    ("result", "grave", "technical"),
    [(SENT, False, False), (NEVER, True, False), (LATER, True, False), (CANNOT, True, True)],
)
def test_life_safety_is_offered_to_all(result: Result, grave: bool, technical: bool):
    assert goes_on(result, GRAVE) is grave
    assert goes_on(result, TECHNICAL) is technical


@given(st.lists(st.sampled_from([NEVER, LATER, CANNOT]), min_size=1, max_size=4))
def test_it_is_over_only_when_nobody_said_later(refusals: list[Result]):
    answers = [(f"p{n}", refusal) for n, refusal in enumerate(refusals)]
    assert isinstance(verdict(answers), Temporary if LATER in refusals else Permanent)
    taken = verdict([*answers, ("last", SENT)])
    assert taken == Sent("ok", "last", "1")


class Scripted:
    """Answers as told, and counts how often it was asked."""

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def send(self, _address: str, _effect_key: str, _message: Mapping[str, Any]) -> Result:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


async def test_one_that_can_take_nothing_rests_and_is_asked_again_later():
    clock = [0.0]
    first, second = Scripted(CANNOT, SENT), Scripted(SENT)
    chain = Chain([Named("first", first), Named("second", second)], "none", now=lambda: clock[0])
    message = {"rank": TECHNICAL, "attempt": 1}
    assert await chain.send("a", "k", message) == Sent("ok", "second", "1")
    assert await chain.send("a", "k", message) == Sent("ok", "second", "1")
    assert (first.asked, second.asked) == (1, 2)
    clock[0] = REST_S + 1
    assert await chain.send("a", "k", message) == Sent("ok", "first", "1")


async def test_a_channel_that_is_not_set_up_says_so_for_good():
    assert await Chain([], "no SMS provider is set up").send("a", "k", {}) == Permanent("no SMS provider is set up")
