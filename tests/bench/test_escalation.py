"""The bench of the ladder's steps takes each due alarm once, by the engine and by bare SQL. No absolute times."""

from telecare.bench.escalation import EscalationOptions, escalation_run
from telecare.kernel.db import Database


async def test_steps_are_counted_beside_bare_sql_and_with_more_open_alarms(database: Database) -> None:
    options = EscalationOptions(workers=2, steps=40, turns=1, paced=20, open_alarms=(50, 200))
    report = await escalation_run(database.url, options, lambda _: None)
    assert len(report.engine) == len(report.bare) == 1
    assert 0 < report.ratio() < 5
    assert set(report.cost) == {50, 200}
    assert report.growth() > 0
    assert any("ratio" in line for line in report.lines())
    assert report.values()["workers"] == 2
