"""Whatever comes and goes, and however slowly it is looked at: people hear of it, and are not flooded."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from telecare.watch.domain import (
    BURST,
    CLEAR_S,
    CONFIRM_S,
    PING_S,
    REFILL_S,
    REPEAT_S,
    START_S,
    Check,
    Kind,
    Page,
    Ping,
    Watch,
    look,
    settle,
)
from tests.property.examples import examples

LOOKS = examples(40, by_night=2000)  # a history is thousands of looks

problems = st.dictionaries(st.sampled_from(Check), st.just("it is away"), max_size=5)
stretches = st.lists(st.tuples(problems, st.integers(1, 900), st.booleans()), min_size=1, max_size=12)
paces = st.sampled_from([1.0, 3.0, 7.5, 30.0])


class Run:
    """Looks at a history; notes what left and when."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.at = 50_000.0
        self.watch = Watch(self.at)
        self.pages: list[tuple[float, Page, bool]] = []
        self.pings: list[tuple[float, bool, bool]] = []

    def go(self, wrong: dict[Check, str], seconds: float, *, reachable: bool) -> None:
        end = self.at + seconds
        while self.at < end:
            self.at += self.pace
            self.watch, actions = look(self.watch, wrong, self.at)
            assert len(actions) <= 2
            for act in actions:
                if isinstance(act, Ping):
                    self.pings.append((self.at, act.well, not wrong))
                else:
                    self.pages.append((self.at, act, reachable))
                    self.watch = settle(self.watch, act, arrived=reachable, at=self.at)


def run(history: list[tuple[dict[Check, str], int, bool]], pace: float) -> Run:
    run = Run(pace)
    for wrong, seconds, reachable in history:
        run.go(wrong, seconds, reachable=reachable)
    return run


@LOOKS
@given(stretches, paces)
def test_nobody_is_ever_flooded(history: list[tuple[dict[Check, str], int, bool]], pace: float):
    times = [at for at, _, _ in run(history, pace).pages]
    for first, begins in enumerate(times):
        for last, ends in enumerate(times[first:], start=1):
            assert last <= BURST + (ends - begins) / REFILL_S + 1e-6


@LOOKS
@given(stretches, paces)
def test_a_page_names_only_what_is_wrong_and_an_all_clear_follows_a_page_that_arrived(
    history: list[tuple[dict[Check, str], int, bool]], pace: float
):
    heard = False
    for _, page, arrived in run(history, pace).pages:
        assert bool(page.problems) == (page.kind is not Kind.CLEAR)
        assert page.lasts_s >= 0
        if page.kind is Kind.CLEAR:
            assert heard
        if arrived:
            heard = page.kind is not Kind.CLEAR


@LOOKS
@given(stretches, paces, problems.filter(bool))
def test_whatever_came_before_what_stays_wrong_is_told_and_told_again(
    history: list[tuple[dict[Check, str], int, bool]], pace: float, wrong: dict[Check, str]
):
    """The allowance may be used up: then it takes one refill, and never longer."""
    past = run(history, pace)
    before, began = len(past.pages), past.at
    longest = max(CONFIRM_S.values()) + START_S + max(REPEAT_S, REFILL_S) + 2 * pace
    past.go(wrong, longest, reachable=True)
    told = past.pages[before:]
    assert past.watch.told >= set(wrong)
    past.go(wrong, max(REPEAT_S, REFILL_S) + pace, reachable=True)
    assert len(past.pages) > before + len(told)
    assert past.at - began < longest + REPEAT_S + 3 * pace


@LOOKS
@given(stretches, paces)
def test_whatever_came_before_health_ends_in_an_all_clear_and_pings(
    history: list[tuple[dict[Check, str], int, bool]], pace: float
):
    past = run(history, pace)
    past.go({}, CLEAR_S + REFILL_S + REPEAT_S + 2 * pace, reachable=True)
    assert past.watch.told == frozenset()
    pages, pings = len(past.pages), len(past.pings)
    past.go({}, 3600, reachable=True)
    assert len(past.pages) == pages
    assert len(past.pings) - pings >= int(3600 / (PING_S + pace))


@LOOKS
@given(stretches, paces)
def test_the_dead_man_is_told_well_only_when_all_is_well_and_once_that_it_is_not(
    history: list[tuple[dict[Check, str], int, bool]], pace: float
):
    pings = run(history, pace).pings
    assert all(all_well for _, well, all_well in pings if well)
    times = [at for at, well, _ in pings if well]
    assert all(later - earlier >= PING_S for earlier, later in pairwise(times))
    # Between two that it is not well there was at least the time of an all-clear.
    fails = [at for at, well, _ in pings if not well]
    assert all(later - earlier >= CLEAR_S for earlier, later in pairwise(fails))
