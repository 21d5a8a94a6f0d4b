"""Very many hubs fall silent at once: each is judged, one incident, no flood, and pendants go on. No absolute times."""

import pytest

from telecare.bench.silence import WITHIN_S, SilenceOptions, SilenceReport, silence_run
from telecare.kernel.db import Database


async def test_a_network_that_falls_silent_is_one_incident_and_a_pendant_reaches_its_ladder(database: Database) -> None:
    """R40."""
    options = SilenceOptions(hubs=1000, spread_s=3, ahead_s=1, pendants=10, settle_s=1)
    report = await silence_run(database.url, options, lambda _: None)
    assert report.verdicts == 1000
    # One cause; the humans of its two councils are told once each, and of no home one by one.
    assert report.told == {"incidents": 1, "members": 1000, "incident_alarms": 2, "alone": 0, "messages": 0}
    assert len(report.quiet) == len(report.meanwhile) == 10
    assert report.members_after_s is not None
    assert any("ratio" in line for line in report.lines())
    assert report.values()["verdicts"] == 1000


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"verdicts": 9}, False),
        ({"latest_s": WITHIN_S + 0.1}, False),
        ({"told": {"incidents": 2, "alone": 0, "messages": 0}}, False),
        ({"told": {"incidents": 1, "alone": 1, "messages": 0}}, False),
        ({"told": {"incidents": 1, "alone": 0, "messages": 1}}, False),
    ],
)
def test_it_ends_well_only_when_all_of_it_holds(changed: dict[str, object], *, holds: bool) -> None:
    report = SilenceReport(10, verdicts=10, latest_s=1.0, told={"incidents": 1, "alone": 0, "messages": 0})
    for name, value in changed.items():
        setattr(report, name, value)
    assert report.holds() is holds
