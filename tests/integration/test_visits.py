"""Visits on a real database: the way of a swap, what is refused on it, and what SQL alone may not do."""

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from devices.jobs.models import Job
from devices.jobs.service import JobService
from devices.registry.service import RegistryService
from devices.switchover.programmes.domain import PSTN_ENDS, Cause
from devices.switchover.programmes.repository import UnitFilter
from devices.switchover.programmes.service import ProgrammeService
from devices.switchover.visits.domain import ContactChannel, ContactOutcome
from devices.switchover.visits.repository import VisitRepository
from devices.switchover.visits.schemas import ExceptionIn
from telecare.kernel.db import Database
from telecare.kernel.errors import ForbiddenError, RefusedError
from telecare.protection.swap_day import SwapDay
from telecare.switchover.evidence import Evidence
from telecare.switchover.new_hubs import stock_for
from telecare.switchover.promises import PromiseWatch
from telecare.switchover.swaps import StaleVisitError, Swaps
from tests.homes import ARGYLL, FIFE
from tests.integration.swap import ALL, ON_THE_WAY, S, Swap


@pytest.fixture
async def swap(database: Database) -> Swap:
    return await Swap(database).settle()


async def test_a_swap_from_its_first_letter_to_the_closed_record(swap: Swap) -> None:
    await swap.go_to(S.RECORD_CLOSED)
    visit = await swap.visit()
    assert visit.over_at is not None
    places = await swap.sql("SELECT hub_id, upper_inf(period), accepted_by FROM installation ORDER BY hub_id DESC")
    assert [tuple(row) for row in places] == [("OLD", False, "import"), ("NEW", True, "user:ewan")]
    (done,) = await swap.sql("SELECT done_at IS NOT NULL FROM switchover_unit")
    assert done[0]
    lines = await swap.sql("SELECT to_state, actor FROM visit_log WHERE kind = 'state' ORDER BY seq")
    assert [row[0] for row in lines] == ["identified", *map(str, ON_THE_WAY)]
    kinds = await swap.sql("SELECT kind FROM visit_evidence ORDER BY kind")
    assert [row[0] for row in kinds] == ["backup_path", "mains_fail", "mains_restored", "soak", "trigger", "voice"]


async def test_nothing_is_accepted_before_all_is_shown_and_the_list_says_what(swap: Swap) -> None:
    await swap.go_to(S.PERIPHERALS_PAIRED)
    with pytest.raises(RefusedError) as refused:
        await swap.step(S.E2E_TESTED)
    assert len(refused.value.extra["missing"]) == 5
    await swap.show_all()
    await swap.step(S.E2E_TESTED)
    await swap.step(S.SOAK)
    await swap.soak(hours=23)
    with pytest.raises(RefusedError, match="Soak: 24 hours"):
        await swap.step(S.ACCEPTED)
    # A silence above the limit begins the soak anew.
    await swap.soak(hours=30)
    await swap.fell_silent()
    with pytest.raises(RefusedError, match="Soak: 24 hours"):
        await swap.step(S.ACCEPTED)


async def test_what_is_registered_and_what_the_hub_alone_lists_must_each_prove_itself(swap: Swap) -> None:
    await swap.go_to(S.SOAK)
    await swap.soak()
    async with swap.database.transaction() as session:
        # All is kept that was to be shown so far: what is refused from here on is for the sake of the two detectors.
        evidence, registry = Evidence(session), RegistryService(session, ALL)
        await evidence.collect(await evidence.visits.require(swap.visit_id, lock=True))
        await registry.hubs.pair(await registry.hubs.row("NEW"), device_id="s1", kind="smoke", room="hall")
    listed = '{"p1": {"kind": "pendant"}, "d1": {"kind": "door", "room": "kitchen"}}'
    await swap.sql(
        "INSERT INTO hub_live (hub_id, last_seen_at, peripherals) VALUES ('NEW', now(), CAST(:listed AS jsonb))",
        listed=listed,
    )
    with pytest.raises(RefusedError) as refused:
        await swap.step(S.ACCEPTED)
    assert refused.value.extra["missing"] == [
        f"{device}: an alarm or a test has arrived" for device in ("Door, kitchen", "Smoke, hall")
    ]
    with pytest.raises(IntegrityError, match=r"NEW has not shown everything: trigger:d1, trigger:s1\n"):
        await swap.sql("UPDATE visit SET state = 'accepted', accepted_at = now(), accepted_by = 'x'")
    for device in ("s1", "d1"):
        await swap.arrives(device=device)
    await swap.step(S.ACCEPTED)


async def test_an_exception_has_two_people_and_never_a_hub_that_was_not_heard(swap: Swap) -> None:
    await swap.go_to(S.PERIPHERALS_PAIRED)
    items = ["trigger:p1", "voice", "backup_path", "mains_fail", "mains_restored"]

    async def ask(who: str, wanted: list[str]) -> None:
        async with swap.database.transaction() as session:
            version = (await swap.visit()).version
            wish = ExceptionIn(items=wanted, why="no second path here", retest_on=swap.later(), as_of=version)
            await Swaps(session, swap.people[who]).ask_exception(swap.visit_id, wish)

    async def confirm(who: str) -> None:
        version = (await swap.visit()).version
        async with swap.database.transaction() as session:
            await Swaps(session, swap.people[who]).confirm_exception(swap.visit_id, version)

    await ask("ewan", items)
    with pytest.raises(RefusedError, match="somebody else"):
        await confirm("ewan")
    await swap.step(S.E2E_TESTED)
    await swap.step(S.SOAK)
    await swap.soak()
    with pytest.raises(RefusedError, match="by two people"):
        await swap.step(S.ACCEPTED)
    await confirm("sheila")
    with pytest.raises(RefusedError, match="has not shown everything"):
        await swap.step(S.ACCEPTED)
    with pytest.raises(IntegrityError, match="has not shown everything"):
        await swap.sql("UPDATE visit SET state = 'accepted', accepted_at = now(), accepted_by = 'x'")
    await swap.arrives()
    await swap.step(S.ACCEPTED)
    assert (await swap.visit()).exception_second == "user:sheila"

    await its_test_is_asked_for(swap)


async def its_test_is_asked_for(swap: Swap) -> None:
    """What was promised is not forgotten: it is a job before its day, once, until a human has closed it."""
    watch = PromiseWatch(swap.database)
    await swap.sql("UPDATE visit SET retest_on = current_date + 30")
    await watch.look()
    assert await jobs(swap) == []
    await swap.sql("UPDATE visit SET retest_on = current_date + 3")
    await watch.look()
    await watch.look()
    (job,) = await jobs(swap)
    assert (job.hub_id, job.kind, job.state) == ("NEW", "retest", "open")
    assert "voice" in str(job.evidence["items"])
    # A trigger that was left out shows itself: words close the job for a day, and only if that is said.
    with pytest.raises(RefusedError, match="No message has shown it yet"):
        await close(swap, job, still_there=False)
    await close(swap, job, still_there=True)
    await watch.look()
    assert [each.state for each in await jobs(swap)] == ["done"]
    await swap.sql("UPDATE job SET closed_at = closed_at - interval '2 days'")
    await watch.look()
    assert [each.state for each in await jobs(swap)] == ["done", "open"]
    # One that was taken away, or a hub that went, is not asked for day by day.
    async with swap.database.transaction() as session:
        assert await VisitRepository(session).unheard(await swap.visit()) == {"trigger:p1"}
    await swap.sql("DELETE FROM peripheral WHERE hub_id = 'NEW'")
    await swap.sql("UPDATE hub_live SET peripherals = NULL WHERE hub_id = 'NEW'")
    async with swap.database.transaction() as session:
        assert await VisitRepository(session).unheard(await swap.visit()) == {"trigger:"}


async def close(swap: Swap, job: Job, *, still_there: bool) -> None:
    async with swap.database.transaction() as session:
        await JobService(session).close(
            job.id, "tested all of it", "user:ewan", job.version, label="Ewan", still_there=still_there
        )


async def jobs(swap: Swap) -> list[Job]:
    async with swap.database.transaction() as session:
        return list((await session.execute(select(Job).order_by(Job.id))).scalars())


async def test_a_visit_whose_day_has_come_is_a_job_for_a_human(swap: Swap) -> None:
    await swap.go_to(S.CONFIRMED)
    await swap.step(S.NO_ACCESS, why="nobody opened", next_contact_on=swap.later())
    watch = PromiseWatch(swap.database)
    await watch.look()
    assert await jobs(swap) == []
    await swap.sql("UPDATE visit SET next_contact_on = current_date - 1")
    await watch.look()
    (job,) = await jobs(swap)
    assert (job.hub_id, job.kind) == ("OLD", "visit_waits")


async def test_voice_is_confirmed_by_an_operator_alone(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    await swap.arrives()
    with pytest.raises(ForbiddenError):
        await swap.voice("ewan")
    await swap.voice("fiona")


async def test_a_roll_back_leaves_the_old_hub_and_goes_on_with_another(swap: Swap) -> None:
    await swap.go_to(S.SOAK)
    await swap.step(S.ROLLED_BACK, why="no signal at night", next_contact_on=swap.later())
    visit = await swap.visit()
    assert (visit.new_hub_id, visit.soak_since) == (None, None)
    (row,) = await swap.sql("SELECT count(*) FROM installation WHERE upper_inf(period) AND hub_id = 'OLD'")
    assert row[0] == 1
    await swap.step(S.STOCK_ALLOCATED, new_hub_id="SPARE")
    for to in (S.BOOKED, S.CONFIRMED, S.ON_SITE, S.INSTALLED, S.PERIPHERALS_PAIRED):
        await swap.step(to)
    await swap.show_all("SPARE")
    await swap.step(S.E2E_TESTED)
    await swap.step(S.SOAK)
    await swap.soak(hub="SPARE")
    await swap.step(S.ACCEPTED)
    # The old one is there still: also what was accepted can be rolled back.
    await swap.step(S.ROLLED_BACK, why="it rings by itself", next_contact_on=swap.later())
    (row,) = await swap.sql("SELECT array_agg(hub_id) FROM installation WHERE upper_inf(period)")
    assert row[0] == ["OLD"]


async def test_whoever_is_not_reached_is_given_to_somebody_with_a_day(swap: Swap) -> None:
    await swap.go_to(S.PRIORITISED)
    with pytest.raises(RefusedError, match="two different ways"):
        await swap.step(S.UNREACHABLE, why="nobody answers", next_contact_on=swap.later(), owner="Sheila")
    for channel in (ContactChannel.PHONE, ContactChannel.LETTER):
        await swap.contact(channel, ContactOutcome.NO_ANSWER)
    with pytest.raises(RefusedError, match="nobody is dropped silently"):
        await swap.step(S.UNREACHABLE, why="nobody answers", next_contact_on=swap.later())
    await swap.step(S.UNREACHABLE, why="nobody answers", next_contact_on=swap.later(), owner="Sheila")
    with pytest.raises(IntegrityError, match="escalated"):
        await swap.sql("UPDATE visit SET owner = NULL")
    await swap.step(S.CONTACTED)
    with pytest.raises(RefusedError, match="Nobody has reached them"):
        await swap.step(S.CONSENTED)


async def test_of_two_who_go_on_with_what_they_saw_the_second_is_told(swap: Swap) -> None:
    await asyncio.gather(swap.step(S.DATA_VALIDATED, as_of=1), return_exceptions=True)
    with pytest.raises(StaleVisitError):
        await swap.step(S.DATA_VALIDATED, who="rory", as_of=1)


async def test_another_door_than_the_visit_is_shut(swap: Swap, database: Database) -> None:
    await swap.go_to(S.INSTALLED)

    async def accept() -> None:
        async with database.transaction() as session:
            await RegistryService(session, ALL).accept("NEW", [], "user:rory")

    async def take_away() -> None:
        async with database.transaction() as session:
            day = SwapDay(session, ALL)
            await day.registry.end_installation("OLD", None, await day.leaving("OLD", "user:rory"))

    with pytest.raises(RefusedError, match="accepted there, by its evidence"):
        await accept()
    with pytest.raises(RefusedError, match=r"visit of the switchover|without it this person"):
        await take_away()


REFUSED = {
    "the visit is deleted": "DELETE FROM visit",
    "its log is deleted": "DELETE FROM visit_log",
    "its log is written anew": "UPDATE visit_log SET text = 'x'",
    "evidence is deleted": "DELETE FROM visit_evidence",
    "visits are emptied": "TRUNCATE visit CASCADE",
    "it jumps to accepted": "UPDATE visit SET state = 'accepted', accepted_at = now(), accepted_by = 'x'",
    "the record is closed": "UPDATE visit SET state = 'record_closed', accepted_at = now(), accepted_by = 'x',"
    " over_at = now(), over_why = 'x'",
    "the old hub is gone": "UPDATE visit SET state = 'old_unit_decommissioned', accepted_at = now(), accepted_by = 'x'",
    "it is over with the new hub there": "UPDATE visit SET over_at = now(), over_why = 'x'",
    "the new hub is swapped for another": "UPDATE visit SET new_hub_id = 'SPARE'",
    "it turns to another old hub": "UPDATE visit SET old_hub_id = 'SPARE'",
    "the new hub is accepted beside it": "UPDATE installation SET accepted_at = now(), accepted_by = 'x'"
    " WHERE hub_id = 'NEW'",
    "the old hub leaves": "UPDATE installation SET period = tstzrange(lower(period), now()) WHERE hub_id = 'OLD'",
    "the old hub is withdrawn": "UPDATE installation SET period = tstzrange(lower(period), now()), withdrawn_why = 'x',"
    " withdrawn_by = 'x', withdrawn_with = 'y' WHERE hub_id = 'OLD'",
    "the old hub is relied on no more": "UPDATE installation SET accepted_at = NULL, accepted_by = NULL"
    " WHERE hub_id = 'OLD'",
    "the old place is deleted": "DELETE FROM installation WHERE hub_id = 'OLD'",
    "the old hub is retired": "UPDATE hub SET status = 'retired' WHERE hub_id = 'OLD'",
    "the old hub is deleted": "DELETE FROM hub WHERE hub_id = 'OLD'",
    "the new hub is retired": "UPDATE hub SET status = 'retired' WHERE hub_id = 'NEW'",
    "the person is deleted": "DELETE FROM person",
    "one name confirms itself": "UPDATE visit SET exception_why = 'x', exception_by = 'x', exception_at = now(),"
    " retest_on = '2030-01-01', exception_by_id = :ewan, exception_second = 'x', exception_second_id = :ewan,"
    " exception_confirmed_at = now()",
    "an operator is the second name": "UPDATE visit SET exception_why = 'x', exception_by = 'x', exception_at = now(),"
    " retest_on = '2030-01-01', exception_by_id = :ewan, exception_second = 'x', exception_second_id = :fiona,"
    " exception_confirmed_at = now()",
}


async def test_the_database_refuses_it_by_itself(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    await swap.arrives()
    await swap.voice()
    await swap.sql("UPDATE installation SET period = tstzrange(lower(period) - interval '1 day', NULL)")
    for words, statement in REFUSED.items():
        values = {name: swap.people[name].id for name in ("ewan", "fiona") if f":{name}" in statement}
        try:
            await swap.sql(statement, **values)
        except DBAPIError:
            continue
        pytest.fail(f"the database let it be that {words}")


EVIDENCE = (
    "INSERT INTO visit_evidence (id, council_id, visit_id, installation_id, kind, device_id, event_id, since, at,"
)
EVIDENCE += " by, by_id, words) SELECT gen_random_uuid(), v.council_id, v.id, i.id, {kind}, {device}, {event}, {since},"
EVIDENCE += " {at}, {by}, {by_id}, 'x' FROM visit v JOIN installation i ON i.hub_id = v.{hub}_hub_id"


MADE_UP: list[tuple[str, dict[str, str]]] = [
    ("does not show that", {"kind": "'mains_fail'"}),
    ("not of that trigger", {"device": "'p2'"}),
    ("new hub where it stands", {"hub": "old"}),
    ("a message of NEW", {"event": "gen_random_uuid()"}),
    ("a message of NEW", {"at": "now()"}),
    ("not lost before|does not show", {"kind": "'mains_restored'"}),
    ("no path of NEW was down", {"kind": "'backup_path'"}),
    ("by an operator", {"kind": "'voice'"}),
    ("by an operator", {"kind": "'voice'", "by": "'Ewan'", "by_id": ":ewan"}),
    ("was silent", {"kind": "'soak'", "event": "NULL", "since": "lower(i.period)", "at": "now()"}),
]


async def test_the_database_takes_no_made_up_evidence(swap: Swap) -> None:
    await swap.go_to(S.INSTALLED)
    event = await swap.arrives()
    for words, columns in MADE_UP:
        parts = {
            "kind": "'trigger'", "device": "'p1'" if "kind" not in columns else "''", "event": f"'{event}'",
            "since": "NULL", "at": f"(SELECT received_at FROM event WHERE id = '{event}')",  # noqa: S608
            "by": "NULL", "by_id": "NULL", "hub": "new",
        } | columns  # fmt: skip
        values = {"ewan": swap.people["ewan"].id} if ":ewan" in parts["by_id"] else {}
        with pytest.raises(DBAPIError, match=words):
            await swap.sql(EVIDENCE.format(**parts), **values)


OTHER_PATHS: list[tuple[str, tuple[tuple[str, str], ...]]] = [
    ("by no other path", (("test", "ethernet"), ("path_lost", "lte"), ("path_restored", "ethernet"), ("test", "lte"))),
    ("by no other path", (("test", "ethernet"), ("path_lost", "lte"), ("test", "ethernet"))),
    ("by no other path", (("path_lost", "lte"), ("test", "lte"))),
    ("by no other path", (("test", "lte"), ("path_lost", "lte"), ("test", "lte"))),
    ("", (("test", "ethernet"), ("path_lost", "lte"), ("path_lost", "lte"), ("test", "lte"))),
]


@pytest.mark.parametrize(("words", "heard"), OTHER_PATHS)
async def test_the_database_asks_of_the_other_path_what_the_rule_asks(
    swap: Swap, words: str, heard: tuple[tuple[str, str], ...]
) -> None:
    await swap.go_to(S.INSTALLED)
    for type_, path in heard:
        event = await swap.arrives(type_, "p1" if type_ == "test" else None, path)
    made = EVIDENCE.format(
        kind="'backup_path'", device="''", event=f"'{event}'", since="NULL", by="NULL", by_id="NULL", hub="new",
        at=f"(SELECT received_at FROM event WHERE id = '{event}')",  # noqa: S608
    )  # fmt: skip
    async with swap.database.transaction() as session:
        evidence = Evidence(session)
        shown = (await evidence.proofs(await evidence.visits.require(swap.visit_id))).fresh
    assert ("backup_path" in {each.key for each in shown}) == (not words)
    if not words:
        await swap.sql(made)
        return
    with pytest.raises(IntegrityError, match=words):
        await swap.sql(made)


async def test_what_two_names_have_signed_is_not_widened_by_sql(swap: Swap) -> None:
    await swap.go_to(S.PERIPHERALS_PAIRED)

    async def ask(items: list[str]) -> None:
        async with swap.database.transaction() as session:
            wish = ExceptionIn(
                items=items, why="no second path", retest_on=swap.later(), as_of=(await swap.visit()).version
            )
            await Swaps(session, swap.people["ewan"]).ask_exception(swap.visit_id, wish)

    await ask(["voice"])
    await ask(["backup_path"])
    version = (await swap.visit()).version
    async with swap.database.transaction() as session:
        await Swaps(session, swap.people["sheila"]).confirm_exception(swap.visit_id, version)
    for change in (
        "exception_items = exception_items || '{voice}'",
        "exception_by_id = NULL",
        "exception_items = '{}'",
    ):
        with pytest.raises(DBAPIError):
            await swap.sql(f"UPDATE visit SET {change}")  # noqa: S608
    with pytest.raises(IntegrityError, match="two names have signed stays"):
        await swap.sql("UPDATE visit SET exception_items = '{backup_path,soak}'")
    with pytest.raises(IntegrityError, match="two names have signed stays"):
        await swap.sql(
            "UPDATE visit SET exception_second = 'user:rory', exception_second_id = :rory", rory=swap.people["rory"].id
        )
    # Another one is asked for as before, and waits for its second name.
    await ask(["backup_path", "voice"])
    assert (await swap.visit()).exception_confirmed_at is None


async def test_a_hub_that_is_to_be_replaced_is_nobodys_new_one(swap: Swap) -> None:
    await swap.go_to(S.SURVEYED)
    with pytest.raises(RefusedError, match="not in stock"):
        await swap.step(S.STOCK_ALLOCATED, new_hub_id="OLD")


RETIRES_TOO: list[tuple[str, str, str]] = [
    ("radio_2g", "UPDATE device_model SET radio = '2g'", "speaks 2G and nothing newer"),
    ("pstn", "UPDATE hub SET connection = 'digital_ready' WHERE hub_id = 'NEW'", "digital-ready unit on an analogue"),
    (
        "certificate",
        "UPDATE hub SET certificate_expires_on = '2027-01-01' WHERE hub_id = 'NEW'",
        "certificate runs out",
    ),
    ("battery", "UPDATE device_model SET battery_hours = 4", "lasts 4 hours"),
]


@pytest.mark.parametrize(("cause", "change", "words"), RETIRES_TOO)
async def test_no_new_hub_is_one_that_its_programme_would_replace(
    swap: Swap, cause: str, change: str, words: str
) -> None:
    await swap.go_to(S.SURVEYED)
    await swap.sql("UPDATE switchover_programme SET cause = :cause, deadline = '2033-12-31'", cause=cause)
    visit = await swap.visit()
    async with swap.database.transaction() as session:
        assert await stock_for(session, visit) == ["NEW", "SPARE"]
    await swap.sql(change)
    async with swap.database.transaction() as session:
        assert "NEW" not in await stock_for(session, visit)
    with pytest.raises(RefusedError, match=rf"would have to replace NEW too: .*{words}"):
        await swap.step(S.STOCK_ALLOCATED)


async def test_a_hold_goes_on_where_it_was_but_not_into_a_time_that_has_passed(swap: Swap) -> None:
    await swap.go_to(S.BOOKED)
    await swap.step(S.HOLD, why="telco date moved", next_contact_on=swap.later())
    await swap.sql("UPDATE visit SET starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'")
    with pytest.raises(RefusedError, match="has passed"):
        await swap.step(S.BOOKED, starts_at=None, ends_at=None)
    await swap.step(S.RESCHEDULED, why="another day", next_contact_on=swap.later())
    await swap.step(S.BOOKED)
    assert await swap.state() == S.BOOKED


async def test_units_are_put_into_waves_by_somebody_of_all_councils_and_while_the_programme_lasts(swap: Swap) -> None:
    async with swap.database.transaction() as session:
        both = await ProgrammeService(session, frozenset()).make(
            name="2G", cause=Cause.PSTN, deadline=PSTN_ENDS, councils=[ARGYLL, FIFE], network=None, by="user:sheila"
        )
        wave = await ProgrammeService(session, frozenset()).add_wave(both.id, "First")
    async with swap.database.transaction() as session:
        with pytest.raises(ForbiddenError, match="other councils too"):
            await ProgrammeService(session, frozenset({ARGYLL})).assign(both.id, wave.id, wanted=UnitFilter())
    await swap.sql("UPDATE switchover_programme SET ended_at = now(), ended_by = 'user:sheila'")
    async with swap.database.transaction() as session:
        with pytest.raises(RefusedError, match="has ended"):
            await ProgrammeService(session, frozenset()).assign(both.id, wave.id, wanted=UnitFilter())
