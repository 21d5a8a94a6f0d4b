"""An import of ten times as many homes needs hardly more memory, and keeps no alarm waiting. It takes minutes."""

import pytest

from telecare.bench.imports import imports_run
from tests.property.examples import NIGHTLY


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes; by night")
async def test_memory_does_not_grow_with_the_file(database_url: str) -> None:
    report = await imports_run(database_url, (1_000, 10_000), lambda _: None)
    assert report.ratios().keys() == {"CSV", "XLSX"}
    assert max(report.ratios().values()) < 1.3
    # A lock that is held for the whole import would be waited for until the server gives up, after 5 s.
    assert max(run.waited_s for run in report.runs) < 0.5 * max(run.seconds for run in report.runs)
