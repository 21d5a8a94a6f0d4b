"""Protection in words: badges that are never colour alone, minutes, and the bars of the picture."""

import pytest

from devices.registry.domain import RiskTier
from telecare.console import protection_view
from telecare.protection.domain import Protection, Reason
from telecare.protection.schemas import TriggerOut


def test_each_state_has_its_shape_and_word() -> None:
    badges = {protection_view.badge(state, []) for state in Protection}
    assert len({badge.shape for badge in badges}) == len({badge.word for badge in badges}) == len(Protection)
    assert protection_view.badge("unknown", [Reason.AWAY]).word == "Away by plan"


@pytest.mark.parametrize(("count", "words"), [(None, "never"), (0, "0 min ago"), (12345, "12,345 min ago")])
def test_minutes_since_something_was_proven(count: int | None, words: str) -> None:
    assert protection_view.minutes(count) == words


def test_a_trigger_that_the_register_does_not_know_is_called_so() -> None:
    known = TriggerOut(
        hub_id="H1",
        device_id="p1",
        kind="fall_detector",
        room=None,
        registered=True,
        minutes_since_proven=None,
        paths=[],
    )
    assert protection_view.trigger(known) == "fall detector"
    assert protection_view.trigger(known.model_copy(update={"device_id": ""})) == "the unit H1 itself"
    assert "not in the register" in protection_view.trigger(known.model_copy(update={"registered": False}))


def test_the_picture_counts_people_of_all_tiers_the_worst_first() -> None:
    counts = {(Protection.PROTECTED, RiskTier.A): 3, (Protection.PROTECTED, RiskTier.B): 1}
    counts[Protection.UNPROTECTED, RiskTier.C] = 2
    bars = protection_view.bars(counts)
    assert [(bar.value, bar.count, bar.width) for bar in bars] == [("unprotected", 2, 50), ("protected", 4, 100)]
