"""What new hubs show is kept though nobody looks, and what follows is a job: to accept, to look after, to ring."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from alarms.handling.domain import Subject
from devices.jobs.models import Job
from devices.jobs.service import JobService
from devices.switchover.visits.repository import VisitRepository
from telecare.kernel.db import Database
from telecare.kernel.errors import RefusedError
from telecare.switchover.evidence import Evidence
from telecare.switchover.proving import ProvingWatch
from tests.homes import ARGYLL
from tests.integration.alarms.world import World
from tests.integration.swap import S, Swap


@pytest.fixture
async def swap(database: Database) -> Swap:
    return await Swap(database).settle()


async def jobs(swap: Swap) -> list[tuple[str, str]]:
    async with swap.database.transaction() as session:
        return [(job.hub_id, job.kind) for job in (await session.execute(select(Job).order_by(Job.id))).scalars()]


async def test_evidence_is_kept_though_nobody_looks_and_the_end_of_the_soak_is_a_job(swap: Swap) -> None:
    watch = ProvingWatch(swap.database)
    await swap.go_to(S.PERIPHERALS_PAIRED)
    await swap.show_all()
    await watch.look()
    await watch.look()
    kept = await swap.sql("SELECT kind FROM visit_evidence ORDER BY kind")
    assert [row.kind for row in kept] == ["backup_path", "mains_fail", "mains_restored", "trigger", "voice"]
    await swap.step(S.E2E_TESTED)
    await swap.step(S.SOAK)
    # A silence above the limit, twenty hours ago: the soak begins anew, and a human looks after the hub.
    await swap.soak(hours=30)
    await swap.fell_silent()
    await watch.look()
    await watch.look()
    assert await jobs(swap) == [("NEW", "soak_broken")]
    # Ten hours later it has been heard for a day.
    for row in ("started_at", "ended_at"):
        await swap.sql(f"UPDATE presence_period SET {row} = {row} - interval '10 hours' WHERE hub_id = 'NEW'")  # noqa: S608
    await swap.sql("UPDATE installation SET period = tstzrange(lower(period) - interval '10 hours', NULL)")
    await swap.sql("UPDATE visit SET soak_since = soak_since - interval '10 hours'")
    await watch.look()
    assert await jobs(swap) == [("NEW", "soak_broken"), ("OLD", "visit_waits")]
    (soak,) = await swap.sql("SELECT count(*) FROM visit_evidence WHERE kind = 'soak'")
    assert soak[0] == 1
    assert await swap.state() == S.SOAK, "somebody by name accepts it, and no program"
    await swap.step(S.ACCEPTED)


async def test_of_a_hub_that_is_silent_now_nobody_is_asked_to_accept_it(swap: Swap) -> None:
    watch = ProvingWatch(swap.database)
    await swap.go_to(S.SOAK)
    await swap.soak()
    async with swap.database.transaction() as session:
        await Evidence(session).collect(await VisitRepository(session).require(swap.visit_id, lock=True))
    # All is kept. What it is now no evidence says.
    await swap.sql("UPDATE presence_period SET ended_at = clock_timestamp() WHERE hub_id = 'NEW'")
    await swap.sql(
        "INSERT INTO presence_period (hub_id, started_at, state) VALUES ('NEW', clock_timestamp(), 'suspect')"
    )
    await watch.look()
    assert await jobs(swap) == []
    with pytest.raises(RefusedError, match="has not been online since"):
        await swap.step(S.ACCEPTED)
    await swap.sql("UPDATE presence_period SET state = 'online' WHERE hub_id = 'NEW' AND ended_at IS NULL")
    await watch.look()
    assert await jobs(swap) == [("OLD", "visit_waits")]
    await swap.step(S.ACCEPTED)


async def test_on_the_day_of_a_swap_the_old_hub_stays_while_an_alarm_of_the_home_is_open(swap: Swap) -> None:
    """C22, with a visit: accepted or not, nothing is taken away under an open case."""
    await swap.go_to(S.ACCEPTED)
    home = Subject(council_id=ARGYLL, person_id=swap.home[0], premises_id=swap.home[1])
    for hub in ("OLD", "NEW"):
        alarm = await World(swap.database).raise_alarm("pendant", hub, home)
        with pytest.raises(RefusedError, match="an alarm of this home is open"):
            await swap.step(S.OLD_UNIT_DECOMMISSIONED)
        with pytest.raises(RefusedError, match="an alarm of this home is open"):
            await swap.step(S.ROLLED_BACK, why="it rings by itself", next_contact_on=swap.later())
        await swap.sql(
            "UPDATE alarm SET handling = 'closed', closed_at = now(), next_due_at = NULL, outcome = 'reassured',"
            " assigned_to = NULL WHERE id = :id",
            id=alarm,
        )
    await swap.step(S.OLD_UNIT_DECOMMISSIONED)


async def test_a_press_that_a_hub_held_back_from_another_home_shows_nothing_of_this_one(swap: Swap) -> None:
    """C23, with a visit: by the hub's own clock it was pressed before the hub came here."""
    await swap.go_to(S.INSTALLED)
    await swap.arrives("pendant", at=datetime.now(UTC) - timedelta(hours=1))
    await ProvingWatch(swap.database).look()
    assert await swap.sql("SELECT kind FROM visit_evidence") == []
    # A clock that is years off says nothing of when it was: what arrives counts.
    await swap.arrives("pendant", at=datetime(1970, 1, 2, tzinfo=UTC))
    await ProvingWatch(swap.database).look()
    assert len(await swap.sql("SELECT kind FROM visit_evidence")) == 1


async def test_an_old_hub_that_is_relied_on_again_has_to_call_once_more(swap: Swap) -> None:
    watch = ProvingWatch(swap.database)
    event = await swap.arrives("pendant", None, hub="OLD")
    await swap.sql(
        "INSERT INTO trigger_proof (hub_id, device_id, path, council_id, last_alarm_at, event_id)"
        " VALUES ('OLD', '', '', 'S12000035', now() - interval '3 days', :event)",
        event=event,
    )
    await swap.go_to(S.SOAK)
    await watch.look()
    assert await jobs(swap) == []
    await swap.step(S.ROLLED_BACK, why="no signal at night", next_contact_on=swap.later())
    await watch.look()
    await watch.look()
    assert await jobs(swap) == [("OLD", "old_unit_unproven")]
    (job,) = await swap.sql("SELECT id, version, gone_at FROM job")
    assert job.gone_at is None
    async with swap.database.transaction() as session:
        with pytest.raises(RefusedError, match="No message has shown it yet"):
            await JobService(session).close(job.id, "rang them", "Ewan", job.version, label="user:ewan")
        await JobService(session).close(job.id, "rang", "Ewan", job.version, label="user:ewan", still_there=True)
    await watch.look()
    assert len(await jobs(swap)) == 1, "for a day"
    await swap.sql("UPDATE job SET closed_at = now() - interval '2 days'")
    await swap.sql("ALTER TABLE visit_log DISABLE TRIGGER USER")
    await swap.sql("UPDATE visit_log SET at = at - interval '60 hours'")
    await watch.look()
    assert len(await jobs(swap)) == 2, "it has not called yet"
    await swap.sql("UPDATE trigger_proof SET last_test_at = clock_timestamp() WHERE hub_id = 'OLD'")
    await watch.look()
    (job,) = await swap.sql("SELECT gone_at FROM job WHERE state <> 'done'")
    assert job.gone_at is not None


async def test_an_old_hub_that_hears_commands_is_asked_for_a_test_call(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    await swap.sql("UPDATE hub SET connection = 'digital_ready' WHERE hub_id = 'OLD'")
    await swap.sql(
        "INSERT INTO hub_presence (hub_id, state, since) VALUES ('OLD', 'online', now())"
        " ON CONFLICT (hub_id) DO UPDATE SET state = 'online'"
    )
    await swap.step(S.ROLLED_BACK, why="no signal at night", next_contact_on=swap.later())
    asked = await swap.sql("SELECT hub_id, command FROM hub_command")
    assert [tuple(row) for row in asked] == [("OLD", "test")]
