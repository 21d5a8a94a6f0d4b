"""Jobs on a real database: opened from what hubs send, list and leave out, gathered, told of; closed by humans only."""

import json
import time
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from alarms.handling.jobs import JOBS_OVERDUE, MISMATCH
from alarms.handling.models import Alarm
from devices.jobs.domain import JobKind, JobState
from devices.jobs.models import Job
from devices.jobs.repository import JobRepository
from devices.jobs.service import JobService, StaleJobError
from devices.presence.domain import HeartbeatRow
from devices.presence.repository import PresenceRepository
from telecare.ingest.lane import Delivery, Lane
from telecare.ingest.messages import MessageLane
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings
from telecare.protection.jobs import JobWatch, reconcile, rules_of
from tests.integration.devices.standing import Fleet

_numbers = count(1)
FIFE = "S12000047"


class Quiet(Lane):
    """A lane whose acks nobody hears."""

    def ack(self, delivery: Delivery) -> None:
        pass

    def publish(self, _topic: str, _payload: bytes) -> int:
        return 0


class Street(Fleet):
    """A fleet with people, the lane that takes their messages, and somebody who looks."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database)
        self.settings = settings
        self.watch = JobWatch(database, settings)
        self.lane = Quiet(settings, "alarm", ("alarm",))
        self.messages = MessageLane(self.lane, database, workers=1, retry_cap_s=5, public_url=None)

    async def says(self, type_: str, hub_id: str = "h1", lane: str = "event", **more: Any) -> None:
        body = {"event_id": f"e{next(_numbers)}", "type": type_, **more}
        topic = f"telecare/v1/{hub_id}/{lane}".encode()
        await self.messages.settle(
            Delivery(self.lane._generation, 1, 1, topic, json.dumps(body).encode(), False, time.monotonic())
        )

    async def lists(self, hub_id: str = "h1", boot_id: str | None = None, **devices: str) -> None:
        """Let a hub beat and list devices, by their kinds."""
        listed = {key: {"kind": kind, "battery_pct": None, "last_seen": None} for key, kind in devices.items()}
        async with self.database.transaction() as session:
            now = await database_now(session)
            row = HeartbeatRow(new_id(), hub_id, now, b"{}", boot_id=boot_id, peripherals=listed)
            await PresenceRepository(session).record([row])

    async def pairs(self, hub_id: str = "h1", days_ago: int = 1, **devices: str) -> None:
        """Register devices of a hub, by their kinds, paired so long ago."""
        for key, kind in devices.items():
            await self.sql(
                "INSERT INTO peripheral (id, council_id, hub_id, device_id, kind, room, paired_at) VALUES"
                " (gen_random_uuid(), :council, :hub_id, :key, :kind, 'Hall', now() - make_interval(days => :ago))",
                council=FIFE, hub_id=hub_id, key=key, kind=kind, ago=days_ago,
            )  # fmt: skip

    async def look(self) -> None:
        for look in (self.watch.at_events, self.watch.at_starts, self.watch.at_calls, self.watch.at_units):
            await look()

    async def tell(self) -> None:
        await self.watch.tell()
        await self.watch.tell_overdue()
        await self.watch.count()

    async def next_day(self) -> None:
        await self.sql("UPDATE job_look SET day = day - 1, looked_at = looked_at - interval '1 day'")
        self.watch.hour = 0

    async def jobs(self, **values: Any) -> list[Job]:
        async with self.database.transaction() as session:
            found = (await session.execute(select(Job).order_by(Job.id))).scalars()
            return [one for one in found if all(getattr(one, name) == value for name, value in values.items())]

    async def alarms(self, **values: Any) -> list[Alarm]:
        async with self.database.transaction() as session:
            found = (await session.execute(select(Alarm).order_by(Alarm.id))).scalars()
            return [one for one in found if all(getattr(one, name) == value for name, value in values.items())]

    async def log(self, job: Job) -> list[str]:
        async with self.database.transaction() as session:
            return [line.kind for line in await JobRepository(session).log_of(job.id)]

    async def close(self, job: Job, *, still_there: bool = False, as_of: int | None = None) -> None:
        async with self.database.transaction() as session:
            await JobService(session).close(
                job.id, "seen to", "Rory", as_of or job.version, label="user:rory", still_there=still_there
            )


@pytest.fixture
async def street(database: Database, settings: Settings) -> Street:
    street = Street(database, settings)
    await street.settle(3)
    await street.sql("UPDATE hub SET status = 'in_service'")
    await street.live_in("B", 3)
    return street


async def test_a_wrong_clock_opens_a_job_with_its_event_and_leaves_the_alarm_alone(street: Street) -> None:
    """C20."""
    await street.says("pendant", lane="alarm", at="1970-01-01T00:00:05Z")
    await street.look()
    (pendant,) = await street.alarms(type="pendant")
    assert (pendant.class_, pendant.handling, pendant.condition) == ("L", "raised", "active")
    (job,) = await street.jobs()
    assert (job.kind, job.state, job.tier, job.council_id) == (JobKind.CLOCK_WRONG, JobState.OPEN, "B", FIFE)
    assert job.person_id == pendant.person_id
    (item,) = job.evidence["items"]
    assert item["alarm_id"] == str(pendant.id)
    assert "01 January 1970" in item["words"]
    assert timedelta(days=4) < job.due_at - job.opened_at < timedelta(days=6)


async def test_looking_again_adds_nothing_and_what_is_gone_still_waits_for_a_human(street: Street) -> None:
    await street.says("pendant", lane="alarm", at="1970-01-01T00:00:05Z")
    for _ in range(3):
        await street.look()
    (job,) = await street.jobs()
    assert (job.evidence["count"], await street.log(job)) == (1, ["opened"])
    async with street.database.transaction() as session:
        right = (await database_now(session)).isoformat()
    await street.says("unit_button", lane="alarm", at=right)
    for _ in range(2):
        await street.look()
    (job,) = await street.jobs()
    assert (job.state, job.gone_at is not None, await street.log(job)) == ("open", True, ["opened", "gone"])
    await street.says("fall", lane="alarm", at="1970-01-01T00:00:09Z")
    await street.look()
    (job,) = await street.jobs()
    assert (job.gone_at, job.evidence["count"]) == (None, 2)
    assert await street.log(job) == ["opened", "gone", "back", "evidence"]


async def test_what_was_closed_opens_again_only_for_what_has_happened_since(street: Street) -> None:
    await street.says("factory_reset")
    await street.look()
    (job,) = await street.jobs()
    await street.close(job)
    await street.look()
    assert len(await street.jobs()) == 1
    await street.says("factory_reset")
    await street.look()
    assert [each.state for each in await street.jobs()] == ["done", "open"]


async def test_a_condition_that_comes_and_goes_is_one_job_of_its_hub(street: Street) -> None:
    for type_ in ("mains_fail", "mains_restored") * 3:
        await street.says(type_)
    await street.says("mains_fail", hub_id="h2")
    await street.look()
    (job,) = await street.jobs()
    assert (job.hub_id, job.kind, job.evidence["count"]) == ("h1", JobKind.CHATTERING, 6)


async def test_two_units_with_one_id_are_a_job_beside_their_alarm(street: Street) -> None:
    """C21, as far as its job goes: due within hours, with both signals."""
    await street.says("duplicate_id", lane="alarm")
    await street.says("duplicate_id", lane="alarm")
    await street.look()
    (job,) = await street.jobs()
    assert (job.kind, job.evidence["count"]) == (JobKind.DUPLICATE_ID, 2)
    assert job.due_at - job.opened_at <= timedelta(hours=8)
    (alarm,) = await street.alarms(type="duplicate_id")
    assert alarm.class_ == "L"


async def test_a_unit_that_starts_again_and_again_is_found_from_its_heartbeats(street: Street) -> None:
    for boot in range(4):
        await street.lists(boot_id=f"boot-{boot}")
        await street.lists(hub_id="h2", boot_id="ab"[boot % 2])
        await street.look()
    (job,) = await street.jobs(kind=JobKind.REBOOT_LOOP)
    assert (job.hub_id, job.evidence["count"]) == ("h1", 3)


async def test_calls_at_night_that_nobody_meant_open_a_job_with_each_of_them(street: Street) -> None:
    """Kilpatrick: phantom activations that nobody looked into."""
    for night in range(1, 4):
        await street.sql(
            "INSERT INTO alarm (id, version, case_id, hub_id, council_id, type, family, class, rank, words, condition,"
            " handling, events, raised_at, last_event_at, closed_at, outcome, state, log_seq) SELECT id, 1, id, 'h1',"
            " :council, 'pendant', 'personal', 'L', 10, 'Pendant pressed', 'active', 'closed', 1, at, at,"
            " at + interval '5 min', 'accidental', '{}', 1 FROM (SELECT CAST(:id AS uuid) AS id, (date_trunc('day',"
            " now() AT TIME ZONE 'Europe/London') - make_interval(days => :night) + interval '2 h')"
            " AT TIME ZONE 'Europe/London' AS at) AS made",
            council=FIFE, night=night, id=str(new_id()),
        )  # fmt: skip
    await street.look()
    (job,) = await street.jobs()
    assert (job.kind, job.evidence["count"]) == (JobKind.NIGHT_PRESSES, 3)
    assert {item["alarm_id"] for item in job.evidence["items"]} == {str(one.id) for one in await street.alarms()}


async def test_a_detector_that_the_unit_does_not_list_is_a_human_s_at_once_and_an_owner_s_within_a_day(
    street: Street,
) -> None:
    """Anderson, [2016] FAI 15."""
    await street.pairs(p1="pendant", p2="smoke")
    await street.lists(p1="pendant")
    await street.look()
    for _ in range(2):
        await street.tell()
    (job,) = await street.jobs()
    assert (job.kind, job.life_safety) == (JobKind.NOT_LISTED, True)
    assert job.due_at - job.opened_at <= timedelta(hours=24)
    (alarm,) = await street.alarms()
    assert (alarm.type, alarm.class_, alarm.hub_id, alarm.id) == (MISMATCH, "U", "h1", job.alarm_id)
    assert alarm.person_name == "Jean Rennie"
    assert "Smoke, Hall (p2)" in alarm.notes[0]
    with pytest.raises(RefusedError, match="still saw it"):
        await street.close(job)
    await street.lists(p1="pendant", p2="smoke")
    await street.next_day()
    await street.look()
    (job,) = await street.jobs()
    assert (job.state, job.gone_at is not None) == ("open", True)
    await street.close(job)


async def test_detectors_of_many_homes_of_a_council_are_one_alarm(street: Street, settings: Settings) -> None:
    await street.sql(
        "INSERT INTO hub (hub_id, council_id, model_id, connection, status) SELECT 'h' || n, 'S12000047',"
        " (SELECT id FROM device_model LIMIT 1), 'digital', 'in_service' FROM generate_series(4, 10) AS n"
    )
    for number in range(4, 10):
        await street.lists(hub_id=f"h{number}", p9="carbon_monoxide")
    async with street.database.transaction() as session:
        done = await reconcile(session, rules_of(settings), ())
    assert (done.hubs, done.disagree, done.outcome.opened) == (10, 6, 6)
    await street.tell()
    (alarm,) = await street.alarms()
    assert (alarm.type, alarm.hub_id, alarm.council_id) == (MISMATCH, "(telecare)", FIFE)
    await street.lists(p9="smoke")
    async with street.database.transaction() as session:
        await reconcile(session, rules_of(settings), ())
    await street.tell()
    assert {job.alarm_id for job in await street.jobs()} == {alarm.id}


async def test_the_daily_look_goes_on_where_it_was_and_is_done_once_a_day(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telecare.protection.jobs.BATCH", 1)
    for hub_id in ("h1", "h2", "h3"):
        await street.lists(hub_id=hub_id, p9="pendant")
    assert await street.watch._next_units()
    assert [job.hub_id for job in await street.jobs()] == ["h1"]
    other = JobWatch(street.database, street.settings)
    await other.at_units()
    assert [job.hub_id for job in await street.jobs()] == ["h1", "h2", "h3"]
    await street.sql("DELETE FROM job_log")
    await street.sql("DELETE FROM job")
    await other.at_units()
    assert await street.jobs() == []


async def test_a_state_that_was_closed_is_taken_up_again_when_it_still_stands_a_week_later(street: Street) -> None:
    await street.pairs(days_ago=36, p1="pendant")
    await street.lists(p1="pendant")
    await street.look()
    (job,) = await street.jobs()
    assert job.kind == JobKind.TRIGGER_UNHEARD
    await street.close(job)
    await street.next_day()
    await street.look()
    assert len(await street.jobs()) == 1
    await street.sql("UPDATE job SET closed_at = closed_at - interval '7 days'")
    await street.next_day()
    await street.look()
    assert [each.state for each in await street.jobs()] == ["done", "open"]


async def test_a_test_from_the_pendant_shows_that_it_is_heard(street: Street) -> None:
    await street.pairs(days_ago=36, p1="pendant")
    await street.says("pendant", lane="alarm", test=True, device={"id": "p1"})
    await street.look()
    assert await street.jobs() == []


async def test_what_is_overdue_is_one_alarm_of_its_council_and_each_job_is_told_once(street: Street) -> None:
    """Summers: a fault that nobody owned."""
    for hub_id in ("h1", "h2"):
        await street.says("factory_reset", hub_id=hub_id)
    await street.look()
    await street.tell()
    assert await street.alarms(type=JOBS_OVERDUE) == []
    await street.sql("UPDATE job SET due_at = now() - interval '1 minute'")
    for _ in range(2):
        await street.tell()
    (alarm,) = await street.alarms(type=JOBS_OVERDUE)
    assert (alarm.words, alarm.council_id, alarm.class_) == ("2 jobs are overdue", FIFE, "T")
    await street.says("factory_reset", hub_id="h3")
    await street.look()
    await street.sql("UPDATE job SET due_at = now() - interval '1 minute'")
    await street.tell()
    (alarm,) = await street.alarms(type=JOBS_OVERDUE)
    assert alarm.handling == "raised"
    for job in await street.jobs():
        await street.close(job)
    await street.tell()
    (alarm,) = await street.alarms(type=JOBS_OVERDUE)
    assert alarm.condition == "cleared"


async def test_a_command_on_an_older_version_is_refused(street: Street) -> None:
    await street.says("factory_reset")
    await street.look()
    (job,) = await street.jobs()
    async with street.database.transaction() as session:
        await JobService(session).assign(job.id, "Rory", "a neighbour looks in", "Fi", job.version)
    with pytest.raises(StaleJobError):
        await street.close(job, as_of=job.version)
    (job,) = await street.jobs()
    assert (job.state, job.owner, job.interim) == ("assigned", "Rory", "a neighbour looks in")
    await street.close(job)
    (job,) = await street.jobs()
    with pytest.raises(RefusedError):
        await street.close(job)
    assert await street.log(job) == ["opened", "assigned", "closed"]


async def test_two_who_look_at_once_open_one_job(street: Street) -> None:
    await street.says("factory_reset")
    async with street.database.transaction() as session:
        assert await JobRepository(session).lock_looks()
        await street.watch.at_events()
        assert await street.jobs() == []
    await street.watch.at_events()
    assert len(await street.jobs()) == 1


async def test_events_that_waited_two_hours_open_at_once_and_their_heartbeats_fill_no_gap(street: Street) -> None:
    """C19: what comes late is late by its own clock; that a hub was silent stays in its history."""
    await street.go_silent()
    before = await street.history()
    async with street.database.transaction() as session:
        then = await database_now(session) - timedelta(hours=2)
    for minute in (4, 1, 3, 2, 5):
        at = (then + timedelta(minutes=minute)).isoformat()
        await street.says("pendant" if minute == 1 else "bed_exit", lane="alarm", at=at, seq=minute)
    late = [{"seq": 100 + n, "at": (then + timedelta(minutes=n)).isoformat()} for n in range(5)]
    async with street.database.transaction() as session:
        now = await database_now(session)
        rows = [HeartbeatRow(new_id(), "h1", now, json.dumps(one).encode(), seq=one["seq"]) for one in late]  # type: ignore[arg-type]
        await PresenceRepository(session).record(rows)
    await street.judge()
    alarms = await street.alarms()
    assert {alarm.type for alarm in alarms} == {"pendant", "bed_exit"}
    assert all(any("Late by" in note for note in alarm.notes) for alarm in alarms)
    after = await street.history()
    assert after[: len(before) - 1] == before[:-1]
    ended = after[len(before) - 1][2]
    assert ended is None or ended >= now, "no heartbeat of then made it online before it was heard"
    await street.look()
    assert await street.jobs() == [], "a late message is no wrong clock"
