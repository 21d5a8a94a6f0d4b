"""Identifiers that sort by their birth."""

import time
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from telecare.kernel.ids import first_id_at, new_id, new_ids


def test_many_at_once_are_as_one_by_one() -> None:
    before = datetime.now(UTC)
    ids = new_ids(1000)
    after = datetime.fromtimestamp(time.time() + 0.002, UTC)
    assert len({*ids}) == 1000
    assert sorted(ids) == list(ids)
    for each in (new_id(), ids[0], ids[-1]):
        assert isinstance(each, UUID)
        assert (each.version, each.variant) == (7, RFC_4122)
        assert UUID(str(each)) == each
    assert first_id_at(before) <= ids[0] <= ids[-1] < first_id_at(after)


def test_two_batches_of_one_moment_share_none() -> None:
    batches = [new_ids(2000) for _ in range(200)]
    assert len({each for batch in batches for each in batch}) == 200 * 2000
