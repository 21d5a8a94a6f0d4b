"""What becomes of an old hub's peripherals: each has one that stands for it, or somebody sees that it has none."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from devices.switchover.visits.pairing import pairing

KINDS = st.sampled_from(["pendant", "smoke", "fall"])
DEVICES = st.dictionaries(st.sampled_from("abcdef"), KINDS).map(lambda all_: [(one, all_[one], one) for one in all_])


@given(old=DEVICES, new=DEVICES)
def test_as_many_of_a_kind_are_moved_as_the_new_hub_has(
    old: list[tuple[str, str, str]], new: list[tuple[str, str, str]]
) -> None:
    rows = pairing(old, new, {})
    assert [row.device_id for row in rows] == [one for one, _, _ in old]
    had, has = (Counter(kind for _, kind, _ in hub) for hub in (old, new))
    assert Counter(row.kind for row in rows if row.moved) == had & has


@given(old=DEVICES, new=DEVICES)
def test_what_keeps_its_id_is_moved_and_what_is_retired_is_not_left(
    old: list[tuple[str, str, str]], new: list[tuple[str, str, str]]
) -> None:
    rows = {row.device_id: row for row in pairing(old, new, {"a": "broken"})}
    assert all(rows[one].moved for one, kind, _ in old if (one, kind, one) in new)
    assert "a" not in rows or not rows["a"].left
