"""Policies as documents: what can be read, what is refused and in which words, which one an alarm goes by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.escalation.domain import IN_HOUSE, Ladder, Step, Target
from alarms.escalation.hours import Holidays, Hours, Local
from alarms.escalation.ladders import BY_CLASS
from alarms.escalation.ranks import FIRE, FIRE_TYPES
from alarms.intake.types import TYPES
from alarms.policy.bound import LIMITS, bound_at, outlook
from alarms.policy.calendar import local_at
from alarms.policy.check import Known, check, check_times
from alarms.policy.document import PolicyDocument
from alarms.policy.matching import Facts, Live, choose, rank_of
from alarms.policy.reading import Fault, read, read_data
from telecare.kernel.lined_yaml import Lines
from tests.property.examples import examples
from tests.unit.alarms.run import T0, Run, party

KNOWN = Known(frozenset({"rota:wardens", "responder:bob"}), {name: str(row.class_) for name, row in TYPES.items()})
NOON = Local(12 * 60, 2)

GOOD = """\
key: wardens
name: Wardens
for: {classes: [L]}
steps:
  - tell: [queue]
    wait: 30s
  - tell: ["rota:wardens", contacts]
    wait: 60s
catch_all:
  tell: [queue, duty_manager]
  every: 60s
"""


def faults(text: str) -> list[Fault]:
    reading = read(text)
    if reading.document is None:
        return list(reading.faults)
    return check(reading.document, reading.lines, KNOWN)


def document(**changes: Any) -> PolicyDocument:
    plain = {
        "key": "p",
        "name": "P",
        "steps": [{"tell": ["queue"], "wait": 30}],
        "catch_all": {"tell": ["queue"], "every": 60},
    }
    found = read_data({**plain, **changes})
    assert found.document is not None, found.faults
    return found.document


def test_a_good_policy_is_read_as_the_core_takes_it():
    reading = read(GOOD)
    assert reading.document is not None
    assert faults(GOOD) == []
    assert reading.document.ladder(3) == Ladder(
        name="Wardens",
        version=3,
        steps=(Step(("queue",), 30), Step(("rota:wardens", "contacts"), 60)),
        catch_all=("queue", "duty_manager"),
        repeat_s=60,
        ack_s=300,
        remind_s=60,
        policy="wardens",
    )


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        ("wait: 30s|wait: 2x", 6, "“2x” is no duration"),
        ("wait: 30s|wait: 30s\n    wate: 30s", 7, "`wate` is no word of a policy here"),
        ("    wait: 30s\n|", 5, "`wait` is missing"),
        ("[queue]|[quee]", 5, "“quee” is nobody that a step can tell"),
        ("rota:wardens|rota:nobody", 7, "there is no rota “nobody”"),
        ("key: wardens|key: Big Words", 1, "string should match pattern"),
        ('[queue, duty_manager]|["webhook:bob"]', 10, "there is no webhook “bob”"),
        ("every: 60s|every: 60s\nloops: forever", 12, "it loops without exit"),
        ("every: 60s|every: 60s\nack: {lapses: 60s, remind: 90s}", 12, "the reminder comes 90 s before"),
        ("every: 60s|every: 60s\ncloses_when_cleared: true", 12, "a life-safety alarm never ends by itself"),
        ("every: 60s|every: 60s\nrank: 0", 12, "only fire stands at 0"),
        ("wait: 60s|wait: 60s\n    otherwise: [queue]", 9, "`otherwise` never comes to pass"),
        ("[queue]|[queue, queue]", 5, "queue is told twice"),
        ("classes: [L]|classes: [T], types: [pendant]", 3, "it fits nothing"),
        ("classes: [L]|types: [pendent]", 3, "“pendent” is no type of alarm"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(change: str, line: int, words: str):
    old, new = change.split("|", 1)
    assert old in GOOD
    told = [fault for fault in faults(GOOD.replace(old, new, 1)) if fault.grave]
    assert told, "it was not refused"
    assert words in told[0].what, told
    assert told[0].line == line
    assert told[0].mend


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\x00", "x" * 70_000, "a: &a [*a]", "[" * 60_000])
def test_what_is_no_document_is_said_in_a_sentence(text: str):
    assert read(text).document is None
    assert all(fault.what and fault.mend for fault in read(text).faults)


@given(st.text(max_size=200) | st.recursive(st.text(max_size=5) | st.integers(), st.lists).map(str))
@examples(100)
def test_no_text_breaks_the_reader(text: str):
    reading = read(text)
    assert reading.document is not None or reading.faults


def test_an_alias_that_unfolds_without_end_is_refused():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefg"
    )
    assert "too many values" in read(bomb).faults[0].what


# Ranks: fire stays first (BS 8591).


def test_the_fire_types_are_those_of_the_table():
    assert {name for name, row in TYPES.items() if row.rank == FIRE} == FIRE_TYPES


@pytest.mark.parametrize("types", [["smoke"], ["smoke", "pendant"], []])
def test_no_policy_puts_fire_below_anything(types: list[str]):
    policy = document(rank=5, **{"for": {"types": types}})
    refused = [fault for fault in check(policy, Lines(), KNOWN) if fault.where == "rank"]
    assert bool(refused) == ("smoke" in types)
    assert rank_of(policy, FIRE) == FIRE


@given(st.none() | st.integers(0, 99), st.integers(0, 99))
def test_a_rank_moves_fire_nowhere_and_nothing_up_to_it(wanted: int | None, rank: int):
    moved = rank_of(document(rank=wanted) if wanted is not None else None, rank)
    assert (moved == FIRE) == (rank == FIRE)


# Matching.


def test_the_closest_policy_counts():
    person = "01900000-0000-7000-8000-000000000001"
    policies = {
        "all": {},
        "classes": {"classes": ["L"]},
        "hours": {"hours": {"from": "09:00", "until": "17:00"}},
        "tiers": {"tiers": ["A"]},
        "types": {"types": ["pendant"]},
        "person": {"person": person},
        "other-person": {"person": person.replace("1", "2")},
        "other-type": {"types": ["smoke"], "tiers": ["A"]},
    }
    live = [Live(document(key=key, **{"for": wanted}), 1) for key, wanted in policies.items()]
    facts = Facts("S12000036", person, "A", "L", "pendant", NOON)
    order = []
    while (chosen := choose(live, facts)) is not None:
        order.append(chosen.document.key)
        live.remove(chosen)
    assert order == ["person", "types", "tiers", "hours", "classes", "all"]


def test_a_councils_own_policy_counts_before_the_one_of_all():
    shared = Live(document(key="a"), 1)
    own = Live(document(key="b", council="S12000036"), 1)
    others = Live(document(key="c", council="S12000035"), 1)
    facts = Facts("S12000036", None, None, "L", "pendant", NOON)
    assert choose([shared, others, own], facts) == own
    assert choose([shared, others], facts) == shared
    assert choose([others], facts) is None


# Hours.


@pytest.mark.parametrize(
    ("hours", "local", "holds"),
    [
        (Hours(since=540, until=1020), Local(540, 0), True),
        (Hours(since=540, until=1020), Local(1020, 0), False),
        (Hours(since=1080, until=480), Local(479, 0), True),
        (Hours((4,), 1080, 480), Local(60, 5), True),
        (Hours((4,), 1080, 480), Local(60, 4), False),
        (Hours(holidays=Holidays.NEVER), Local(60, 0, holiday=True), False),
        (Hours(holidays=Holidays.ONLY), Local(60, 0, holiday=True), True),
        (Hours(holidays=Holidays.ONLY), Local(60, 0), False),
        (Hours((4,), 1080, 480, Holidays.NEVER), Local(60, 5, holiday_before=True), False),
        (Hours(), Local(0, 6), True),
    ],
)
def test_hours_of_the_week(hours: Hours, local: Local, holds: bool):
    assert hours.hold(local) == holds


def test_the_second_of_january_is_a_holiday_in_scotland():
    assert local_at(datetime(2027, 1, 4, 3, tzinfo=UTC)).holiday  # the 2nd is a Saturday: its substitute
    assert not local_at(datetime(2027, 1, 5, 12, tzinfo=UTC)).holiday
    assert local_at(datetime(2026, 12, 1, 3, tzinfo=UTC)).holiday_before  # Saint Andrew's Day
    assert local_at(datetime(2027, 7, 1, 23, 30, tzinfo=UTC)).minute == 30  # summer time: the next day


# How long it takes.


def nobody(_target: str, _moment: datetime) -> bool:
    return False


def everybody(_target: str, _moment: datetime) -> bool:
    return True


@pytest.mark.parametrize("class_", LIMITS)
def test_the_built_in_ladders_keep_the_limits_that_policies_must_keep(class_: str):
    bound = bound_at(BY_CLASS[class_], T0, everybody)
    human, last = LIMITS[class_]
    assert bound.human_s is not None
    assert bound.last_resort_s is not None
    assert bound.human_s <= human.total_seconds()
    assert bound.last_resort_s <= last.total_seconds()
    assert bound.holes == ()


def test_a_gap_at_three_in_the_morning_of_the_second_of_january_is_found():
    policy = document(
        steps=[{"tell": ["queue"], "wait": 30}, {"tell": ["rota:wardens"], "wait": 60}], **{"for": {"classes": ["L"]}}
    )
    gap = (datetime(2027, 1, 2, 3, tzinfo=UTC), datetime(2027, 1, 2, 4, tzinfo=UTC))

    def behind(target: str, moment: datetime) -> bool:
        return target != "rota:wardens" or not gap[0] <= moment < gap[1]

    told, seen = check_times(policy, Lines(), datetime(2026, 11, 27, 12, 30, tzinfo=UTC), behind)
    assert [(hole.step, hole.since, hole.until) for hole in seen.holes] == [(2, *gap)]
    assert "from 03:00 on Sat 02 January 2027 until 04:00" in told[0].what
    assert not told[0].grave


def test_what_takes_too_long_or_has_nobody_at_its_end_is_refused():
    slow = document(steps=[{"tell": ["queue"], "wait": 301}], **{"for": {"classes": ["L"]}})
    told, _ = check_times(slow, Lines(), T0, everybody)
    assert [fault.grave for fault in told] == [True]
    assert "it can take 301 s until the last resort is told" in told[0].what
    alone = document(
        steps=[{"tell": ["supervisor"], "wait": 30}],
        catch_all={"tell": ["duty_manager"], "every": 60},
        **{"for": {"classes": ["L"]}},
    )
    told, _ = check_times(alone, Lines(), T0, nobody)
    assert [fault.what for fault in told if fault.grave] != []


waits = st.integers(0, 120)
covered = st.frozensets(st.sampled_from(["supervisor", "duty_manager", "rota:wardens"]))
some_steps = st.lists(
    st.builds(
        Step,
        st.lists(st.sampled_from(["queue", "supervisor", "duty_manager", "rota:wardens"]), min_size=1, unique=True).map(
            tuple
        ),
        waits,
        retries=st.sampled_from([0, 0, 2]),
    ),
    max_size=5,
).map(tuple)


@given(some_steps, covered)
@examples(150, by_night=5_000)
def test_the_bound_is_when_the_last_resort_is_told_in_fact(steps: tuple[Step, ...], there: frozenset[str]):
    """E12: what was shown when the policy was saved is what happens."""
    ladder = replace(BY_CLASS["L"], steps=steps, catch_all=(Target.QUEUE,))
    bound = bound_at(ladder, T0, lambda target, _: target in there)
    run = Run(ladder=ladder, parties={target: (party(target, f"{target}@x.example"),) for target in there})
    assert bound.last_resort_s is not None
    run.until(bound.last_resort_s)
    told = [at for at, line in run.log if line.kind == "catch_all"]
    assert told[0] == bound.last_resort_s
    first = [at for at, line in run.log if line.kind in {"step", "catch_all"}]
    assert first[0] == bound.human_s


def test_the_outlook_looks_at_every_hour():
    seen = outlook(BY_CLASS["L"], T0, everybody, days=2)
    assert seen.until - seen.since == timedelta(days=2)
    assert seen.holes == ()
    assert all(target in IN_HOUSE for target in BY_CLASS["L"].steps[0].targets)


def test_what_is_kept_of_a_document_is_read_as_the_same():
    text = GOOD.replace("{classes: [L]}", '{hours: {days: [sat-mon], from: "22:00", until: "24:00", holidays: only}}')
    text = text.replace(
        "    wait: 60s", '    wait: 60s\n    only: {from: "09:00", until: "17:30"}\n    otherwise: [queue]'
    )
    document = read(text).document
    assert document is not None
    kept = document.model_dump(mode="json", by_alias=True)
    assert PolicyDocument.model_validate(kept) == document


def test_a_policy_without_steps_says_so():
    text = (
        GOOD[: GOOD.index("  - tell: [queue]\n    wait")].replace("steps:", "steps: []")
        + GOOD[GOOD.index("catch_all") :]
    )
    document = read(text).document
    assert document is not None
    assert [fault.what for fault in check(document, Lines(), KNOWN)] == [
        "it has no steps: the last resort would be told at once"
    ]
