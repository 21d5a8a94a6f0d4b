"""A test that an exception promised: how long words close it, and what ends it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from devices.jobs.domain import JobKind
from devices.switchover.visits.models import Visit
from telecare.switchover.promises import retest

ACCEPTED = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
A_DAY_AGO = NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("left_out", "unheard", "since", "words"),
    [
        (["trigger:p1", "voice"], ["trigger:p1"], A_DAY_AGO, "trigger:p1, voice"),
        (["trigger:p1", "trigger:s1"], ["trigger:s1"], A_DAY_AGO, "trigger:s1"),
        (["trigger:p1", "voice"], [], ACCEPTED, "voice"),
        (["voice"], ["trigger:p1"], ACCEPTED, "voice"),
        (["trigger:p1"], ["trigger:s1"], ACCEPTED, None),
    ],
    ids=["a trigger and voice", "one of two triggers", "voice is left", "voice alone", "all is heard"],
)
def test_words_close_it_for_a_day_until_each_trigger_was_heard(
    left_out: list[str], unheard: list[str], since: datetime, words: str | None
) -> None:
    visit = Visit(new_hub_id="NEW", accepted_at=ACCEPTED, retest_on=date(2026, 11, 22), exception_items=left_out)
    look, found = retest(visit, unheard, NOW)
    assert (look.hub_id, look.kind, found) == ("NEW", JobKind.RETEST, since)
    assert (look.gone is None, look.finding is None) == (words is not None, words is None)
    if look.finding is not None:
        assert f"accepted: {words};" in look.finding.items[0].words
