"""The verdict of a soak: what has grown, and whose books do not agree."""

from simulators.fleet.ledger import Entry
from telecare.bench.soak import Minute, SoakReport, books, growth


def run(*seen: tuple[float, int]) -> list[Minute]:
    return [Minute(n, memory, 50, dead, "hub_live 1", 10, 100, 1) for n, (memory, dead) in enumerate(seen, 1)]


def test_what_is_flat_after_the_first_minute_is_well() -> None:
    minutes = run((80, 0), (120, 900), (121, 1500), (122, 400), (125, 1800), (121, 1000))
    assert growth(minutes) == []
    assert SoakReport(minutes).lines()[-1] == "verdict: well"


def test_what_grows_is_said() -> None:
    faults = growth(run((80, 0), (100, 500), (130, 2500), (170, 4000), (210, 9000)))
    assert [fault.split(":")[0] for fault in faults] == ["memory grows", "dead rows grow"]


def test_a_run_that_is_too_short_says_so() -> None:
    assert growth(run((1, 1), (900, 90_000))) == []
    assert "too short" in SoakReport(run((1, 1))).lines()[1]


def test_each_event_must_be_acked_and_stored_once() -> None:
    ledger = {
        ("h", "1"): Entry("pendant", 1.0, acked_at=2.0),
        ("h", "2"): Entry("pendant", 1.0),
        ("h", "3"): Entry("pendant", 1.0, acked_at=2.0),
        ("h", "4"): Entry("pendant", 1.0, acked_at=2.0),
    }
    assert books(ledger, {("h", "1"): 1, ("h", "3"): 2}) == [
        "lost: h 2 was never acked",
        "wrong: h 3 was acked and is 2 times in the database",
        "wrong: h 4 was acked and is 0 times in the database",
    ]
