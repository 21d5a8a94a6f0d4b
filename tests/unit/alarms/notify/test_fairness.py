"""Councils take turns."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from alarms.notify.fairness import in_turn

councils = st.sampled_from([None, "S12000005", "S12000006", "S12000008"])


def test_a_flood_in_one_council_leaves_the_next_place_to_another():
    flood = [("S12000005", uuid4()) for _ in range(500)]
    one = ("S12000006", uuid4())
    assert one in in_turn([*flood, one], {}, 2)
    assert in_turn([*flood, one], {"S12000005": 7}, 1) == [one]


@given(st.lists(councils, max_size=30), st.integers(1, 12), st.dictionaries(councils, st.integers(0, 99)))
def test_nobody_gets_a_second_before_all_have_had_one(
    waiting: list[str | None], limit: int, served: dict[str | None, int]
):
    messages: list[tuple[str | None, UUID]] = [(council, uuid4()) for council in waiting]
    chosen = in_turn(messages, served, limit)
    assert len(chosen) == min(limit, len(messages))
    assert len(set(chosen)) == len(chosen)
    counts = {council: [each for each, _ in chosen].count(council) for council in set(waiting)}
    for council, count in counts.items():
        assert count == waiting.count(council) or count >= max(counts.values()) - 1
        of_it = [message for each, message in messages if each == council]
        assert [message for each, message in chosen if each == council] == of_it[:count]
