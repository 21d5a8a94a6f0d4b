"""Very many hubs fall silent at once: each is judged, one incident, no flood, and pendants go on. No absolute times."""

import pytest

from telecare.bench.silence import PENDANT_WITHIN_MS, WITHIN_S, SilenceOptions, SilenceReport, silence_run
from telecare.kernel.db import Database

QUIET_S = 0.02
SLOWED_S = QUIET_S + PENDANT_WITHIN_MS / 1000
"""A pendant that waits longer than this was slowed by the silence."""


def report_of(quiet: list[float], meanwhile: list[float]) -> SilenceReport:
    told = {"incidents": 1, "members": 10, "incident_alarms": 1, "alone": 0, "messages": 0, "unprotected": 10}
    return SilenceReport(10, verdicts=10, latest_s=1.0, told=told, quiet=quiet, meanwhile=meanwhile)


async def test_a_network_that_falls_silent_is_one_incident_and_a_pendant_reaches_its_ladder(database: Database) -> None:
    """R40."""
    options = SilenceOptions(hubs=1000, spread_s=3, ahead_s=1, pendants=10, settle_s=1)
    report = await silence_run(database.url, options, lambda _: None)
    assert report.verdicts == 1000
    # One cause; the humans of its two councils are told once each, and of no home one by one.
    told_once = {"incidents": 1, "members": 1000, "incident_alarms": 2, "alone": 0, "messages": 0}
    assert report.told == told_once | {"unprotected": 1000}
    assert len(report.quiet) == len(report.meanwhile) == 10
    assert None not in (report.members_after_s, report.unprotected_after_s)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"verdicts": 9}, False),
        ({"latest_s": WITHIN_S + 0.1}, False),
        ({"told": {"incidents": 2, "alone": 0, "messages": 0}}, False),
        ({"told": {"incidents": 1, "alone": 1, "messages": 0}}, False),
        ({"told": {"incidents": 1, "alone": 0, "messages": 1}}, False),
        ({"meanwhile": [QUIET_S] * 98 + [SLOWED_S - 0.01] * 2}, True),
        ({"meanwhile": [QUIET_S] * 98 + [SLOWED_S + 0.01] * 2}, False),
        ({"quiet": []}, False),
        ({"meanwhile": []}, False),
    ],
)
def test_it_ends_well_only_when_all_of_it_holds(changed: dict[str, object], *, holds: bool) -> None:
    report = report_of([QUIET_S] * 100, [QUIET_S] * 100)
    for name, value in changed.items():
        setattr(report, name, value)
    assert report.holds() is holds


def test_the_report_says_by_how_much_pendants_were_slowed() -> None:
    report = report_of([0.02] * 100, [0.03] * 98 + [0.5] * 2)
    assert report.lines()[-2:] == ["  ratio of the medians 1.50", "  p99 longer by 480.0 ms, of 1000 at most"]
    values = report.values()
    names = ("pendant_quiet_p99_ms", "pendant_p99_ms", "pendant_p99_longer_ms", "pendant_ratio")
    assert [values[name] for name in names] == pytest.approx([20, 500, 480, 1.5])
    nobody = report_of([], [0.03])
    assert nobody.lines()[-2:] == ["  ratio of the medians none", "  p99 longer by none ms, of 1000 at most"]
    assert nobody.values()["pendant_p99_longer_ms"] is None
