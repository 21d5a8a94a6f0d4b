"""When the watchdog speaks: told step by step, with the seconds in hand."""

from collections.abc import Mapping
from itertools import pairwise

import pytest

from telecare.watch.domain import (
    BURST,
    CLEAR_S,
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
    missed_canaries,
    settle,
    words_of,
)

LATE = {Check.ENGINE: "a step is 11 s overdue"}
AWAY = {Check.DATABASE: "it does not answer"}
WELL: Mapping[Check, str] = {}


class Clock:
    """A watchdog on a clock of its own; `reachable` says whether its pages arrive."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.watch = Watch(self.at)
        self.reachable = True
        self.pages: list[tuple[float, Kind]] = []
        self.pings: list[tuple[float, bool]] = []
        self.last: Page | None = None

    def go(self, seconds: float, problems: Mapping[Check, str], every: float = 1.0) -> None:
        end = self.at + seconds
        while self.at < end:
            self.at += every
            self.watch, actions = look(self.watch, problems, self.at)
            for act in actions:
                if isinstance(act, Ping):
                    self.pings.append((self.at, act.well))
                else:
                    self.last = act
                    self.watch = settle(self.watch, act, arrived=self.reachable, at=self.at)
                    self.pages.append((self.at, act.kind))

    @property
    def kinds(self) -> list[Kind]:
        return [kind for _, kind in self.pages]


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.go(START_S, WELL)
    return clock


def test_a_lag_over_the_limit_is_told_at_once(clock: Clock):
    began = clock.at
    clock.go(5, LATE)
    assert clock.pages == [(began + 1, Kind.DOWN)]
    assert clock.last is not None
    assert clock.last.problems == ((Check.ENGINE, "a step is 11 s overdue"),)


def test_nobody_is_told_of_a_database_that_restarts(clock: Clock):
    clock.go(9, AWAY)
    clock.go(600, WELL)
    assert clock.pages == []


def test_it_comes_again_each_five_minutes_and_ends_with_an_all_clear(clock: Clock):
    clock.go(2 * REPEAT_S + 20, LATE)
    assert clock.kinds == [Kind.DOWN, Kind.STILL, Kind.STILL]
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(clock.pages)]
    assert gaps == [REPEAT_S, REPEAT_S]
    clock.go(CLEAR_S - 1, WELL)
    assert clock.kinds[-1] is Kind.STILL
    clock.go(3, WELL)
    assert clock.kinds[-1] is Kind.CLEAR
    clock.go(3600, WELL)
    assert clock.kinds.count(Kind.CLEAR) == 1


def test_a_further_fault_is_told_at_once(clock: Clock):
    clock.go(30, LATE)
    clock.go(30, LATE | AWAY)
    assert clock.kinds == [Kind.DOWN, Kind.DOWN]
    assert clock.last is not None
    assert [check for check, _ in clock.last.problems] == [Check.DATABASE, Check.ENGINE]


def test_what_goes_away_and_comes_back_within_an_outage_is_no_news(clock: Clock):
    for _ in range(20):
        clock.go(5, LATE)
        clock.go(5, WELL)
    assert clock.kinds == [Kind.DOWN]


def test_nobody_is_told_while_the_machine_starts():
    clock = Clock()
    clock.go(START_S - 1, LATE | AWAY)
    assert clock.pages == []
    clock.go(2, LATE | AWAY)
    assert clock.kinds == [Kind.DOWN]


def test_a_page_that_reached_nobody_is_tried_again_soon_and_then_less_often(clock: Clock):
    clock.reachable = False
    clock.go(120, LATE)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(clock.pages)]
    assert gaps == [15, 30, 60]
    clock.reachable = True
    clock.go(2 * REFILL_S, LATE)
    assert clock.watch.told == {Check.ENGINE}


def test_people_who_heard_of_nothing_get_no_all_clear(clock: Clock):
    clock.reachable = False
    clock.go(5, LATE)
    clock.reachable = True
    clock.go(600, WELL)
    assert Kind.CLEAR not in clock.kinds


def test_an_all_clear_that_did_not_arrive_is_tried_again(clock: Clock):
    clock.go(5, LATE)
    clock.reachable = False
    clock.go(CLEAR_S + 5, WELL)
    assert clock.kinds == [Kind.DOWN, Kind.CLEAR]
    clock.reachable = True
    clock.go(60, WELL)
    assert clock.kinds == [Kind.DOWN, Kind.CLEAR, Kind.CLEAR]


def test_a_service_that_comes_and_goes_does_not_flood_anybody(clock: Clock):
    began = clock.at
    while clock.at - began < 6 * 3600:
        clock.go(2, LATE)
        clock.go(CLEAR_S + 2, WELL)
    assert len(clock.pages) <= BURST + (clock.at - began) / REFILL_S


def test_the_dead_man_hears_of_us_each_minute_only_while_all_is_well(clock: Clock):
    clock.go(5 * PING_S, WELL)
    assert [well for _, well in clock.pings] == [True] * 6
    gaps = {later - earlier for (earlier, _), (later, _) in pairwise(clock.pings)}
    assert gaps == {PING_S}
    clock.go(600, LATE)
    assert [well for _, well in clock.pings][6:] == [False]
    clock.go(CLEAR_S - 5, WELL)
    assert len(clock.pings) == 7
    clock.go(10, WELL)
    assert [well for _, well in clock.pings][7:] == [True]


def test_no_ping_says_well_while_something_is_not_yet_confirmed(clock: Clock):
    clock.go(PING_S - 5, WELL)
    before = len(clock.pings)
    clock.go(9, AWAY)
    assert len(clock.pings) == before


@pytest.mark.parametrize(
    ("silent_s", "missed"), [(0, 0), (60, 0), (64.9, 0), (65, 1), (124, 1), (125, 2), (185, 3), (3605, 60)]
)
def test_canaries_are_missed_whether_lost_late_or_never_sent(silent_s: float, missed: int):
    assert missed_canaries(silent_s, every_s=60, within_s=5) == missed


def test_the_words_say_what_is_wrong_and_what_to_do():
    subject, text = words_of(Page(Kind.STILL, ((Check.BROKER, "broker:1884 does not answer"),), 600))
    assert subject == "Telecare is still NOT WELL: broker"
    assert "for 10 min now" in text
    assert "broker: broker:1884 does not answer" in text
    assert words_of(Page(Kind.CLEAR, (), 90)) == (
        "Telecare is well again", "All checks of the watchdog are well again. It lasted 90 s.\n",
    )  # fmt: skip
