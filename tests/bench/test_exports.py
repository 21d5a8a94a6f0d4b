"""Exports of ten times as many hubs need hardly more memory. It takes minutes."""

import pytest

from telecare.bench.exports import exports_run
from tests.property.examples import NIGHTLY


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes; by night")
async def test_memory_does_not_grow_with_the_fleet(database_url: str) -> None:
    report = await exports_run(database_url, 100_000, lambda _: None)
    assert report.ratio() < 1.2
    assert all(sheet.mib > 0 for sheet in report.sheets)
