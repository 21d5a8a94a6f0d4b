"""The verdict of a soak: what has grown, and whose books do not agree."""

import asyncio
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from simulators.fleet.ledger import Entry
from telecare.bench.soak import ENDS_WITHIN_S, Minute, SoakReport, books, ended, growth


def run(*seen: tuple[float, int]) -> list[Minute]:
    return [Minute(n, memory, 50, dead, "hub_live 1", 10, 100, n) for n, (memory, dead) in enumerate(seen, 1)]


def test_what_is_flat_after_the_first_minute_is_well() -> None:
    minutes = run((80, 0), (120, 900), (121, 1500), (122, 400), (125, 1800), (121, 1000))
    assert growth(minutes) == []
    assert SoakReport(minutes).lines()[-1] == "verdict: well"


def test_what_grows_is_said() -> None:
    faults = growth(run((80, 0), (100, 500), (130, 2500), (170, 4000), (210, 9000)))
    assert [fault.split(":")[0] for fault in faults] == ["memory grows", "dead rows grow"]


def hour(*levels: float) -> list[Minute]:
    """Memory at minutes 1, 10, 20 and so on, in a line from each to the next."""
    marks = [1, *range(10, 10 * len(levels), 10)]
    steps = zip(pairwise(marks), pairwise(levels), strict=True)
    between = [low + (high - low) * n / (to - at) for (at, to), (low, high) in steps for n in range(to - at)]
    return run(*((memory, 100) for memory in [*between, levels[-1]]))


@pytest.mark.parametrize(
    ("levels", "creeps"),
    [
        ((224, 241, 244, 247, 248, 252, 254), True),  # an hour in which each read of a lane left a hole behind
        ((224, 241, 250, 250, 251, 250, 251), False),
        ((224, 241, 250, 250, 260, 260, 260), True),
        ((224, 241, 244, 247), False),  # still warming, and too short
    ],
)
def test_memory_that_creeps_is_said_once_it_is_warm(levels: tuple[float, ...], creeps: bool) -> None:
    minutes = hour(*levels)
    assert [fault.split(":")[0] for fault in growth(minutes)] == ["memory creeps"] * creeps
    assert any(line.startswith("memory after minute 20: +") for line in SoakReport(minutes).lines()) == (
        len(levels) > 4
    )


def test_a_run_that_is_too_short_says_so() -> None:
    assert growth(run((1, 1), (900, 90_000))) == []
    assert any("too short" in line for line in SoakReport(run((1, 1))).lines())


def test_each_event_must_be_acked_and_stored_once() -> None:
    ledger = {
        ("h", "1"): Entry("pendant", 1.0, acked_at=2.0),
        ("h", "2"): Entry("pendant", 1.0),
        ("h", "3"): Entry("pendant", 1.0, acked_at=2.0),
        ("h", "4"): Entry("pendant", 1.0, acked_at=2.0),
    }
    assert books(ledger, {("h", "1"): 1, ("h", "3"): 2}) == [
        "lost: h 2 (pendant), sent 0 times, was never acked and is 0 times in the database",
        "wrong: h 3 was acked and is 2 times in the database",
        "wrong: h 4 was acked and is 0 times in the database",
    ]


def test_alarms_that_pile_up_are_said() -> None:
    minutes = [Minute(n, 100, 50, 10, "", 10, 100, 30 * n) for n in range(1, 30)]
    assert [fault.split(":")[0] for fault in growth(minutes)] == ["open alarms grow"]


@pytest.mark.parametrize(
    ("does", "since_s", "said"),
    [
        ("pass", 5, []),
        ("pass", -60, ["ended 60 s too early, with code 0: waiting 3"]),
        ("raise SystemExit(1)", 5, ["not every event was acked in time (code 1): waiting 3"]),
        ("input()", ENDS_WITHIN_S, ["did not end within", "after its time: waiting 3"]),
    ],
)
async def test_how_the_fleet_s_process_ended_is_said(
    does: str, since_s: float, said: list[str], tmp_path: Path
) -> None:
    log_file = tmp_path / "log"
    log_file.write_text("connected 3\nwaiting 3\n\n", encoding="utf-8")
    fleet = await asyncio.create_subprocess_exec(sys.executable, "-c", does, stdin=asyncio.subprocess.PIPE)
    try:
        told = await ended(fleet, time.monotonic() - since_s, log_file, lambda _: None)
    finally:
        fleet.stdin.close() if fleet.stdin else None
        await fleet.wait()
    assert len(told) == bool(said)
    assert all(words in told[0] for words in said)
