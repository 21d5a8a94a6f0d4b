"""Policies in words, and what a page says of a text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.escalation.domain import FOREVER, Step, Target
from alarms.escalation.hours import Holidays, Hours
from alarms.escalation.ladders import BY_CLASS, LIFE_SAFETY
from alarms.policy.document import MatchPart
from alarms.policy.reading import read
from telecare.console import policy_view


def test_a_step_says_when_whom_and_how():
    hours = Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60, Holidays.NEVER)
    first = Step((Target.QUEUE,), 30)
    second = Step(("rota:wardens",), 45, each_s=20, retries=1, accepts=2, hours=hours, otherwise=(Target.DUTY_MANAGER,))
    ladder = replace(LIFE_SAFETY, steps=(first, second), catch_all=(Target.QUEUE, Target.SUPERVISOR), repeat_s=60)
    assert policy_view.steps(ladder) == [
        policy_view.Line("at once", "the operators' queue"),
        policy_view.Line(
            "after 30 s",
            "the rota wardens",
            (
                "one by one, 20 s apart",
                "told once more, 45 s apart",
                "2 must accept",
                "only Mon-Fri 09:00-17:00, not on bank holidays",
                "otherwise the duty manager",
            ),
        ),
        policy_view.Line(
            "after 2 min",
            "the operators' queue and the supervisor",
            ("then again each 1 min until a human has it",),
        ),
    ]


def test_loops_are_said_and_a_ladder_without_end_has_no_last_resort():
    twice = policy_view.steps(replace(LIFE_SAFETY, loops=1))
    assert (twice[-2].who, twice[-1].when) == ("all steps once more", "after 8 min")
    assert policy_view.steps(replace(LIFE_SAFETY, loops=FOREVER))[-1].who == "all steps again, without end"


@pytest.mark.parametrize("class_", BY_CLASS)
def test_each_built_in_ladder_ends_with_its_last_resort(class_: str):
    ladder = BY_CLASS[class_]
    assert len(policy_view.steps(ladder)) == len(ladder.steps) + 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (30, "30 s"),
        (90, "1 min 30 s"),
        (120, "2 min"),
        (4 * 3600, "4 h"),
        (86400, "1 day"),
        (172800, "2 days"),
    ],
)
def test_a_duration_is_said_as_people_do(seconds: int, words: str):
    assert policy_view.span(seconds) == words


def test_whom_a_policy_is_for():
    wanted = MatchPart.model_validate(
        {"classes": ["L"], "types": ["pendant"], "tiers": ["A", "B"], "hours": {"days": "sat-sun"}}
    )
    assert policy_view.matches(wanted) == (
        "life-safety alarms; “Pendant pressed”; people of risk tier A or B; raised Sat-Sun all day"
    )
    assert policy_view.matches(MatchPart()) == "all alarms"


@given(st.text(max_size=300))
def test_each_fault_of_any_text_has_a_line_of_it_or_none(text: str):
    for fault in policy_view.fault_lines(read(text).faults, text):
        assert fault.line <= text.count("\n") + 1 or fault.text == ""


def test_what_was_changed_is_told_line_by_line():
    assert policy_view.changes("a\nb\nc", "a\nB\nc") == ["-b", "+B"]
