"""When a partner takes over, when that ends, and what the report of it says."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from alarms.cover.domain import AFTER_S, CoverWhy, Look, Running, decide, refusal
from alarms.cover.report import Case, report
from alarms.cover.service import in_minutes
from telecare.kernel.pure.sight import Sight

NOW = datetime(2027, 1, 3, 3, 12, tzinfo=UTC)
BY_LAG = Running(CoverWhy.LAG, NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("lag_s", "begins"), [(0, False), (119, False), (120, False), (121, True)])
def test_it_begins_above_the_limit_and_not_before(lag_s: int, begins: bool) -> None:
    assert (decide(None, Look(NOW, at(-lag_s)), AFTER_S) is not None) is begins


def test_a_quiet_room_is_no_reason() -> None:
    assert decide(None, Look(NOW), AFTER_S) is None


def test_alarms_that_the_partner_takes_do_not_end_it_while_nobody_there_is_back() -> None:
    cover = decide(BY_LAG, Look(at(10)), AFTER_S)
    for hour in range(1, 5):
        cover = decide(cover, Look(at(hour * 3600)), AFTER_S)
        assert cover is not None


def test_it_ends_five_calm_minutes_after_they_are_back() -> None:
    cover = decide(BY_LAG, Look(at(100), at(80), taken_at=at(99)), AFTER_S)
    assert cover == Running(CoverWhy.LAG, NOW, back=True, calm_since=at(100))
    assert decide(cover, Look(at(399)), AFTER_S) == cover
    assert decide(cover, Look(at(400)), AFTER_S) is None


def test_a_case_from_before_does_not_say_that_they_are_back() -> None:
    cover = decide(BY_LAG, Look(at(400), taken_at=at(-30)), AFTER_S)
    assert cover is not None
    assert not cover.back


def test_what_waits_begins_the_five_minutes_anew_and_whoever_vanishes_again_is_not_back() -> None:
    cover = Running(CoverWhy.LAG, NOW, back=True, calm_since=at(100))
    assert decide(cover, Look(at(200), at(160)), AFTER_S) == Running(CoverWhy.LAG, NOW, back=True)
    assert decide(cover, Look(at(300), at(160)), AFTER_S) == Running(CoverWhy.LAG, NOW)


@pytest.mark.parametrize("why", [CoverWhy.DECLARED, CoverWhy.EXERCISE])
def test_what_a_human_began_goes_on_until_a_human_ends_it(why: CoverWhy) -> None:
    cover = Running(why, NOW)
    assert decide(cover, Look(at(86400), taken_at=at(5)), AFTER_S) == cover


def test_whoever_says_that_they_are_back_gets_the_whole_time_once_more() -> None:
    waits, ended = at(-600), at(0)
    assert decide(None, Look(at(120), waits, by_hand_at=ended), AFTER_S) is None
    assert decide(None, Look(at(121), waits, by_hand_at=ended), AFTER_S) is not None


def test_who_may_begin_one_by_hand() -> None:
    for why in (CoverWhy.DECLARED, CoverWhy.EXERCISE):
        assert refusal(why, own=True, lag_s=0, after_s=120) is None
        assert refusal(why, own=False, lag_s=999, after_s=120) is not None
    for own in (True, False):
        assert refusal(CoverWhy.LAG, own=own, lag_s=121, after_s=120) is None
        assert "waited for 90 s" in (refusal(CoverWhy.LAG, own=own, lag_s=90, after_s=120) or "")


def test_a_report_counts_who_took_what_and_how_soon() -> None:
    taken = Case(uuid4(), "Pendant", "L", at(0), at(20), "Isla", by_partner=True)
    slow = Case(uuid4(), "Smoke", "L", at(0), at(90), "Isla", by_partner=True)
    own = Case(uuid4(), "Fall", "L", at(0), at(40), "Rory")
    did = report([taken, slow, own, Case(uuid4(), "Bath", "L", at(5))], NOW, at(600))
    assert (did.by_partner, did.by_own, did.not_taken) == (2, 1, 1)
    assert did.takers == [("Isla", 2), ("Rory", 1)]
    assert (did.median_s, did.longest_s, did.lasted) == (40, 90, timedelta(minutes=10))
    nothing = report([], NOW, at(1))
    assert (nothing.median_s, nothing.longest_s, nothing.not_taken) == (None, None, 0)


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (160, "2:40"), (3725, "1:02:05")])
def test_a_duration_in_words(seconds: int, words: str) -> None:
    assert in_minutes(seconds) == words


def test_what_is_in_hand_is_seen_whoever_it_is_of() -> None:
    me = uuid4()
    sight = Sight(frozenset({"S12000047"}), me)
    assert sight.sees(None)
    assert sight.sees("S12000047")
    assert sight.sees("S12000049", me)
    assert not sight.sees("S12000049", uuid4())
    assert not sight.sees("S12000049")
    assert not Sight(frozenset({"S12000047"})).sees("S12000049", None)
    assert Sight().sees("S12000049")
