"""A welfare list, whatever is known of whom: nobody is lost, worse never stands below better, no state is a trap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from alarms.welfare.domain import (
    OPEN,
    Facts,
    Outcome,
    PersonState,
    Progress,
    Standing,
    after,
    ranked,
    refusal,
    standing,
)
from tests.property.examples import examples

GAP_TO = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
NOW = GAP_TO + timedelta(minutes=20)

moments = st.none() | st.integers(-3000, 20).map(lambda minutes: GAP_TO + timedelta(minutes=minutes))
known = st.builds(
    Facts,
    person_id=st.integers(0, 12).map(lambda number: UUID(int=number)),
    hub_id=st.integers(0, 30).map(lambda number: f"h{number}"),
    tier=st.sampled_from("ABCD"),
    lives_alone=st.booleans(),
    heard_at=moments,
    proven_at=moments,
    delivered=st.booleans(),
    away_until=st.none() | st.integers(-60, 600).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)


@given(st.lists(known, max_size=40))
@examples(150)
def test_everybody_is_on_the_list_once_and_the_order_hangs_on_nothing_but_what_is_known(facts: list[Facts]) -> None:
    found = ranked(facts, GAP_TO, NOW)
    assert [each.rank for each in found] == list(range(1, len(found) + 1))
    assert sorted(each.facts.person_id for each in found) == sorted({each.person_id for each in facts})
    assert [each.facts.person_id for each in ranked(reversed(facts), GAP_TO, NOW)] == [
        each.facts.person_id for each in found
    ]


@given(st.lists(known, max_size=40))
@examples(150)
def test_whom_nothing_was_heard_of_comes_first_and_of_those_the_graver_tier(facts: list[Facts]) -> None:
    order = [(list(Standing).index(each.standing), each.facts.tier) for each in ranked(facts, GAP_TO, NOW)]
    assert order == sorted(order)


@given(st.lists(known, min_size=1, max_size=20), st.data())
@examples(150)
def test_a_sign_of_the_hub_moves_a_person_down_and_never_off_the_list(facts: list[Facts], data: st.DataObject) -> None:
    silent = [each for each in facts if standing(each, GAP_TO, NOW) is Standing.SILENT]
    if not silent:
        return
    chosen = data.draw(st.sampled_from(silent))
    others = [each for each in facts if each.person_id != chosen.person_id]
    heard = replace(chosen, heard_at=GAP_TO + timedelta(seconds=1))
    before, later = (
        {each.facts.person_id: each.rank for each in ranked([*others, one], GAP_TO, NOW)} for one in (chosen, heard)
    )
    assert later.keys() == before.keys()
    assert later[chosen.person_id] >= before[chosen.person_id]


@given(st.lists(st.sampled_from(list(Outcome)), max_size=12), st.booleans())
@examples(200)
def test_an_alarm_for_a_person_is_never_taken_back_and_only_a_word_settles_anybody(
    outcomes: list[Outcome], supervisor: bool
) -> None:
    state = PersonState.TO_CHECK
    needed_help = False
    for outcome in outcomes:
        if refusal(state, outcome, "a note", supervisor=supervisor) is not None:
            continue
        before, state = state, after(state, outcome)
        needed_help |= outcome is Outcome.NEEDS_HELP
        assert (state is PersonState.NEEDS_HELP) is needed_help
        assert state is not PersonState.UNREACHABLE or supervisor
        if before in OPEN and state not in OPEN:
            assert outcome in {Outcome.SAFE, Outcome.NEEDS_HELP, Outcome.UNREACHABLE}
        if before not in OPEN and state in OPEN:
            assert outcome is Outcome.MISTAKE


@given(st.dictionaries(st.sampled_from(list(PersonState)), st.integers(0, 3000)))
@examples(100)
def test_it_is_done_when_nobody_is_left_and_not_a_person_sooner(counts: dict[str, int]) -> None:
    progress = Progress(counts)
    assert 0 <= progress.percent <= 100
    assert (progress.percent == 100) == (progress.left == 0)
