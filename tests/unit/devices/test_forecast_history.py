"""What the forecast reads from the log of visits."""

from datetime import date, timedelta

from devices.switchover.forecast.domain import Flow, History, Outcome, Pool, Wait, Worked
from devices.switchover.forecast.history import _PHASES, _WAITS, Reader, Step
from devices.switchover.visits.domain import VisitState as S
from devices.switchover.working_days import WorkingDays

MONDAY = date(2026, 12, 7)
TODAY = date(2026, 12, 18)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def steps(*states: tuple[int, S], by: str = "Ewan") -> list[Step]:
    return [Step(day(number), state, by) for number, state in states]


def read(*homes: list[Step], done: bool = False) -> tuple[Pool, History]:
    reader = Reader(TODAY, WorkingDays())
    for home in homes:
        reader.read(home, found_on=MONDAY, done=done)
    return reader.pool(), reader.history()


def test_every_state_is_a_phase_or_a_wait() -> None:
    assert set(_PHASES) | set(_WAITS) == set(S)
    assert not set(_PHASES) & set(_WAITS)


def test_a_swap_that_goes_well() -> None:
    pool, past = read(
        steps((0, S.CONTACTED), (3, S.CONSENTED), (3, S.BOOKED), (4, S.ON_SITE), (4, S.SOAK), (7, S.ACCEPTED))
    )
    assert (pool.done, pool.remaining) == (1, 0)
    assert past.first == {Outcome.DONE: 1}
    assert past.prepared == Flow(1, 1)
    assert past.left == Flow(0, 7.0)
    assert past.days[0] == Worked(day(4), 1, 1, 1)


def test_nobody_in_twice_then_done() -> None:
    ways = steps(
        (0, S.CONSENTED), (1, S.BOOKED), (1, S.NO_ACCESS), (2, S.CONTACTED), (4, S.BOOKED), (4, S.ON_SITE),
        (4, S.NO_ACCESS), (8, S.BOOKED), (9, S.ON_SITE), (10, S.ACCEPTED),
    )  # fmt: skip
    pool, past = read(ways)
    assert pool.done == 1
    assert past.first == {Outcome.NO_ACCESS: 1}
    assert past.again == {Outcome.NO_ACCESS: 1, Outcome.DONE: 1}
    assert past.back == {Wait.NO_ACCESS: Flow(2, 2.5 + 3.5)}


def test_where_homes_are_now() -> None:
    pool, past = read(
        [],
        steps((0, S.CONSENTED)),
        steps((0, S.CONSENTED), (1, S.RESCHEDULED), (2, S.BOOKED)),
        steps((0, S.DECLINED)),
        steps((0, S.CONSENTED), (10, S.ON_SITE)),
        steps((0, S.CONSENTED), (5, S.DECEASED)),
    )
    assert pool == Pool(preparing=1, ready=1, again=1, waiting={Wait.REFUSED: 1}, soaking=1, done=0)
    assert past.turned_down == 1
    assert past.left.count == 1
    assert past.visits == 0  # the one who is there has come to nothing yet


def test_a_unit_that_is_done_without_a_visit_is_done() -> None:
    pool, _ = read([], done=True)
    assert (pool.done, pool.remaining) == (1, 0)


def test_a_working_day_without_a_visit_is_a_day_and_a_weekend_is_none() -> None:
    _, past = read(
        steps((0, S.CONSENTED), (1, S.ON_SITE)), steps((0, S.CONSENTED), (3, S.ON_SITE)), steps((0, S.CONSENTED))
    )
    assert [(worked.day, worked.engineers, worked.visits, worked.ready) for worked in past.days[:3]] == [
        (day(1), 1, 1, 3), (day(2), 1, 0, 2), (day(3), 1, 1, 2)
    ]  # fmt: skip
    assert [worked.day for worked in past.days[3:]] == [day(4), day(7), day(8), day(9), day(10)]
    assert all(worked.visits == 0 for worked in past.days[3:])


def test_today_is_not_over() -> None:
    _, past = read(steps((0, S.CONSENTED), (11, S.ON_SITE)))
    assert past.days == ()
