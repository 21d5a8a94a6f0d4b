"""Plans from a real register: made by the command, made in the background, made anew when somebody is ill."""

import asyncio
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from devices.registry.models import Hub, Premises
from devices.registry.seed import seed_fleet
from devices.switchover.planning.changes import Answer, Order
from devices.switchover.planning.domain import PlanState
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import RulesIn
from devices.switchover.programmes.domain import Part
from devices.switchover.programmes.repository import ProgrammeRepository
from telecare.access.models import User
from telecare.api.deps import Services
from telecare.cli.main import app
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings
from telecare.kernel.waiting import first_of
from telecare.switchover import plan_runner
from telecare.switchover.plan_facts import homes_of
from telecare.switchover.plan_runner import PlanRunner, Tell, carry_out
from telecare.switchover.planning import problem_of
from tests.programmes import programme

ARGYLL = "S12000035"
SECRET = "5e" * 32
FIRST, LAST = date(2026, 11, 23), date(2026, 12, 4)
BOOK = text(
    """
    INSERT INTO visit (id, council_id, unit_id, person_id, premises_id, old_hub_id, new_hub_id, made_by, state,
                       engineer_id, engineer, starts_at, ends_at)
    SELECT gen_random_uuid(), u.council_id, u.id, u.person_id, u.premises_id, u.hub_id, n.hub_id, 'test', 'booked',
           :engineer, 'Mairi Ross', CAST(:day AS date) + interval '10 hours', CAST(:day AS date) + interval '11 hours'
      FROM switchover_unit u
      JOIN LATERAL (SELECT hub_id FROM hub WHERE council_id = u.council_id AND connection = 'digital' LIMIT 1) n ON true
     WHERE u.hub_id = :hub
    """
)
ENGINEERS = {"Mairi Ross": (56.41, -5.47), "Rory Nairn": (56.28, -5.05)}


async def telecare(settings: Settings, *arguments: str) -> Any:
    environment = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["switchover", *arguments], env=environment)


@pytest.fixture
async def engineers(services: Services) -> dict[str, UUID]:
    """A fleet of which a third is of Argyll, and two who visit its homes."""
    ids = {}
    async with services.database.transaction() as session:
        await seed_fleet(session, services.sealer, SECRET, 90)
        for name, (latitude, longitude) in ENGINEERS.items():
            ids[name] = new_id()
            row = {"username": name.split()[0].lower(), "display_name": name, "password_hash": "x", "role": "engineer"}
            session.add(User(id=ids[name], councils=[ARGYLL], **row))
            await session.flush()
            await PlanningRepository(session).put_engineer(
                ids[name], council_id=ARGYLL, name=name, base_latitude=latitude, base_longitude=longitude,
                weekdays=[0, 1, 2, 3, 4], starts_at=510, ends_at=990, skills=[], van={"hub": 8},
            )  # fmt: skip
    return ids


async def homes_to_do(database: Database) -> int:
    async with database.transaction() as session:
        query = select(func.count()).where(Hub.council_id == ARGYLL, Hub.connection != "digital")
        return (await session.execute(query)).scalar_one()


@pytest.mark.usefixtures("engineers")
async def test_the_command_plans_says_and_keeps_unless_it_is_a_dry_run(database: Database, settings: Settings) -> None:
    days = ("plan", "--council", "Argyll and Bute", "--from", str(FIRST), "--to", str(LAST), "--seconds", "0.3")
    tried = await telecare(settings, *days, "--dry-run", "--json")
    result = json.loads(tried.stdout)
    assert result["faults"] == []
    assert len(result["appointments"]) + len(result["unplanned"]) == await homes_to_do(database)
    assert result["appointments"][0]["factors"]
    assert {name for each in result["appointments"] for name in each["engineers"]} == set(ENGINEERS)
    assert all(each["day"] != "2026-11-30" for each in result["appointments"]), "St Andrew's Day"
    async with database.transaction() as session:
        assert await PlanningRepository(session).page(None, None, 10) == []
    kept = await telecare(settings, *days)
    assert "visits" in kept.stdout
    async with database.transaction() as session:
        (row,) = await PlanningRepository(session).page(ARGYLL, None, 10)
        assert (row.state, row.made_by) == (PlanState.READY, "system")


async def test_an_engineer_is_set_falls_ill_and_the_plan_is_made_anew_by_commands(
    database: Database, settings: Settings, engineers: dict[str, UUID], tmp_path: Path
) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"lines_end_on": null, "undo_minutes": 30}', encoding="utf-8")
    assert (await telecare(settings, "rules", "--council", ARGYLL, str(file))).exit_code == 0
    place = ("--council", ARGYLL, "--latitude", "56.41", "--longitude", "-5.47")
    assert (await telecare(settings, "engineer", "mairi", *place, "--end", "960")).exit_code == 0
    assert (await telecare(settings, "engineer", "nobody", *place)).exit_code == 1
    assert (await telecare(settings, "engineer", "mairi", *place, "--end", "100")).exit_code == 2
    days = ("plan", "--council", ARGYLL, "--from", "2027-11-22", "--to", "2027-11-26", "--seconds", "0.3", "--json")
    made = json.loads((await telecare(settings, *days)).stdout)
    mairi = str(engineers["Mairi Ross"])
    day = next(each["day"] for each in made["appointments"] if mairi in each["crew"])
    done = await telecare(settings, "away", "mairi", "--council", ARGYLL, "--from", day, "--reason", "called in sick")
    assert done.exit_code == 0, done.output
    assert "Mairi Ross is away" in done.stdout
    async with database.transaction() as session:
        new, old = await PlanningRepository(session).page(ARGYLL, None, 10)
        assert new.replaces_id == old.id
        assert new.result is not None
        assert not any(each["day"] == day and mairi in each["crew"] for each in new.result["appointments"])


@pytest.mark.usefixtures("database")
async def test_what_cannot_be_planned_is_said_in_words(settings: Settings) -> None:
    nobody = await telecare(settings, "plan", "--council", ARGYLL)
    assert (nobody.exit_code, "Nobody visits homes of this council yet" in nobody.stderr) == (1, True)
    assert (await telecare(settings, "plan", "--council", "Atlantis")).exit_code == 2
    assert (await telecare(settings, "plan", "--council", ARGYLL, "--from", "soon")).exit_code == 2


@pytest.mark.usefixtures("engineers")
async def test_a_home_without_coordinates_is_planned_by_its_neighbours_and_one_without_neighbours_is_named(
    database: Database,
) -> None:
    async with database.transaction() as session:
        known = await problem_of(session, ARGYLL, FIRST, LAST, FIRST)
        near, lone = known.problem.homes[0].id, known.problem.homes[1].id
        for hub_id, postcode in ((near, None), (lone, "ZZ9 9ZZ")):
            changed = {"latitude": None, "longitude": None} | ({"postcode": postcode} if postcode else {})
            where = text("premises.id = (SELECT premises_id FROM installation WHERE hub_id = :hub)").bindparams(
                hub=hub_id
            )
            await session.execute(update(Premises).where(where).values(**changed))
        again = await problem_of(session, ARGYLL, FIRST, LAST, FIRST)
    home = next(home for home in again.problem.homes if home.id == near)
    assert home.place.guessed.startswith("guessed: the middle of")
    (lost,) = again.left_out
    assert lost.home_id == lone
    assert "give latitude and longitude" in lost.why


@pytest.mark.usefixtures("engineers")
async def test_a_plan_of_a_wave_has_its_homes_and_what_is_booked_for_others_keeps_its_time(
    database: Database, engineers: dict[str, UUID]
) -> None:
    async with database.transaction() as session:
        today = (await database_now(session)).date()
        days = (today + timedelta(days=1), today + timedelta(days=14))
        inside, booked, *_ = [each.hub_id for each in await homes_of(session, ARGYLL)]
        whole = await programme(session, ARGYLL, deadline=days[1])
        wave = await ProgrammeRepository(session).add_wave(programme_id=whole, name="First")
        assert wave is not None
        put = text("UPDATE switchover_unit SET wave_id = :wave WHERE hub_id = :hub")
        await session.execute(put, {"wave": wave.id, "hub": inside})
        day = (await problem_of(session, ARGYLL, *days, today)).problem.days[1]
        await session.execute(BOOK, {"hub": booked, "engineer": engineers["Mairi Ross"], "day": day})
        parts = (Part(whole, wave.id), Part(whole))
        known, every = [await problem_of(session, ARGYLL, *days, today, part=part) for part in parts]
    assert {home.id for home in known.problem.homes} == {inside, booked}
    assert [each.home_id for each in known.promised] == [booked]
    assert len(every.problem.homes) == await homes_to_do(database)


@pytest.mark.usefixtures("engineers")
async def test_a_council_sets_what_binds_its_visits(database: Database) -> None:
    rules = {
        "freezes": [{"start": "2026-11-24", "end": "2026-11-24", "why": "red warning"}],
        "local_holidays": ["2026-11-26"],
        "lines_end_on": "2026-12-09",
        "margin_days": 7,
    }
    async with database.transaction() as session:
        repository = PlanningRepository(session)
        await repository.put_rules(ARGYLL, RulesIn.model_validate(rules).model_dump(mode="json"), "system")
        known = await problem_of(session, ARGYLL, FIRST, LAST, FIRST)
        first = known.problem.homes[0]
        need = {"people": 2, "minutes": 90, "skills": ["key safe"], "open": [], "busy": []}
        query = text("SELECT premises_id FROM installation WHERE hub_id = :hub").bindparams(hub=first.id)
        premises_id = (await session.execute(query)).scalar_one()
        await repository.put_need(premises_id, council_id=ARGYLL, **need)
        again = await problem_of(session, ARGYLL, FIRST, LAST, FIRST)
    assert date(2026, 11, 26) not in known.problem.days
    assert date(2026, 11, 25) in known.problem.eves
    assert known.problem.freezes[0].why == "red warning"
    assert {home.deadline.on for home in known.problem.homes if home.deadline} == {date(2026, 12, 2)}
    assert (again.problem.homes[0].people, again.problem.homes[0].minutes) == (2, 90)


@pytest.mark.usefixtures("engineers")
async def test_what_binds_a_home_is_entered_and_shown_by_a_command(database: Database, settings: Settings) -> None:
    async with database.transaction() as session:
        hub_id = (await homes_of(session, ARGYLL))[0].hub_id
    assert "nobody has said anything" in (await telecare(settings, "needs", hub_id)).stdout
    dialysis = ("--busy", "mon,wed,fri 00:00-24:00 dialysis")
    assert (await telecare(settings, "needs", hub_id, "--people", "2", *dialysis)).exit_code == 0
    shown = (await telecare(settings, "needs", hub_id)).stdout
    assert "people 2" in shown
    assert "busy: mon,wed,fri 00:00-24:00 dialysis" in shown
    assert (await telecare(settings, "needs", hub_id, "--busy", "daily 00:00-24:00")).exit_code == 1
    assert (await telecare(settings, "needs", hub_id, "--only", "mornings")).exit_code == 2
    assert (await telecare(settings, "needs", "nobody")).exit_code == 1


async def test_plans_are_made_in_the_background_and_anew_when_somebody_is_ill(
    database: Database, engineers: dict[str, UUID]
) -> None:
    runner = PlanRunner(database)
    assert not await runner.make_next()
    first = await _queue(database, None)
    assert await runner.make_next()
    made = await _plan(database, first)
    assert (made.state, made.progress) == (PlanState.READY, 1.0)
    assert made.result is not None
    ill = str(engineers["Mairi Ross"])
    day = next(each["day"] for each in made.result["appointments"] if ill in each["crew"])
    async with database.transaction() as session:
        await PlanningRepository(session).add_absence(
            council_id=ARGYLL, user_id=engineers["Mairi Ross"], first_on=date.fromisoformat(day),
            last_on=date.fromisoformat(day), from_minute=0, reason="ill", made_by="system",
        )  # fmt: skip
    second = await _queue(database, first)
    assert await runner.make_next()
    again = await _plan(database, second)
    assert again.result is not None, again.failed_why
    assert not any(each["day"] == day and ill in each["crew"] for each in again.result["appointments"])
    assert any("Mairi Ross is away" in move["why"] for move in again.result["moves"])


@pytest.mark.usefixtures("engineers")
async def test_a_plan_whose_maker_has_gone_is_made_by_the_next_one(database: Database) -> None:
    plan_id = await _queue(database, None)
    async with database.transaction() as session:
        now = await database_now(session)
        assert await PlanningRepository(session).claim(now) is not None
        assert await PlanningRepository(session).claim(now + timedelta(seconds=30)) is None
        taken_over = await PlanningRepository(session).claim(now + timedelta(minutes=2))
        assert taken_over is not None
        assert taken_over.id == plan_id


@pytest.mark.usefixtures("engineers")
async def test_a_plan_made_anew_is_claimed_before_whole_plans_that_wait_longer(database: Database) -> None:
    whole = await _queue(database, None)
    anew = await _queue(database, whole)
    async with database.transaction() as session:
        now = await database_now(session)
        found = [await PlanningRepository(session).claim(now) for _ in range(3)]
    assert [row.id if row else None for row in found] == [anew, whole, None]


@pytest.mark.usefixtures("engineers")
async def test_an_illness_is_planned_while_a_whole_plan_is_being_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await _queue(database, None)
    assert await PlanRunner(database).make_next()
    made_anew = asyncio.Event()

    async def whole_waits(order: Order, tell: Tell) -> Answer:
        if order.before is None:  # however quick a whole plan is, this one takes longer than the other
            await made_anew.wait()
        return await carry_out(order, tell)

    monkeypatch.setattr(plan_runner, "carry_out", whole_waits)
    whole, stop = await _queue(database, None), asyncio.Event()
    running = asyncio.create_task(PlanRunner(database).run(stop))
    try:
        await _until(database, whole, PlanState.RUNNING)
        anew = await _queue(database, before)
        await _until(database, anew, PlanState.READY)
        assert (await _plan(database, whole)).state == PlanState.RUNNING
        made_anew.set()
        await _until(database, whole, PlanState.READY)
    finally:
        made_anew.set()
        stop.set()
        await running


@pytest.mark.usefixtures("engineers")
async def test_a_booked_visit_stays_as_it_is_and_one_against_the_rules_is_said_and_its_time_left_free(
    database: Database, engineers: dict[str, UUID]
) -> None:
    async with database.transaction() as session:
        kept, late, *_ = [each.hub_id for each in await homes_of(session, ARGYLL)]
        await programme(session, ARGYLL, deadline=date(2028, 1, 31))
        await book(session, kept, engineers["Mairi Ross"], "2027-11-23 10:00", "2027-11-23 11:20")
        # Nobody could undo a swap that ends with the shift: no plan has it, and somebody has booked it.
        await book(session, late, engineers["Rory Nairn"], "2027-11-24 15:40", "2027-11-24 16:30")
    plan_id = await _queue(database, None)
    assert await PlanRunner(database).make_next()
    made = await _plan(database, plan_id)
    assert made.result is not None, made.failed_why
    assert made.result["faults"] == []
    (own,) = [each for each in made.result["appointments"] if each["hub_id"] == kept]
    mairi, rory = str(engineers["Mairi Ross"]), str(engineers["Rory Nairn"])
    assert (own["day"], own["start"], own["end"], own["crew"]) == ("2027-11-23", 600, 680, [mairi])
    assert own["confirmed"]
    (said,) = [each for each in made.result["unplanned"] if each["home_id"] == late]
    assert said["why"].startswith("it stays booked for 24 November 2027, 15:40, against a rule of every plan")
    that_day = [e for e in made.result["appointments"] if e["day"] == "2027-11-24" and rory in e["crew"]]
    assert all(each["end"] <= 15 * 60 + 10 for each in that_day)
    # Mairi falls ill: the promise is kept by Rory, or moved and said.
    async with database.transaction() as session:
        day = date(2027, 11, 23)
        await PlanningRepository(session).add_absence(
            council_id=ARGYLL, user_id=engineers["Mairi Ross"], first_on=day, last_on=day, from_minute=0, reason="ill",
            made_by="system",
        )  # fmt: skip
    second = await _queue(database, plan_id)
    assert await PlanRunner(database).make_next()
    again = await _plan(database, second)
    assert again.result is not None, again.failed_why
    (move,) = [each for each in again.result["moves"] if each["hub_id"] == kept]
    assert move["was_confirmed"]
    assert "Mairi Ross is away" in move["why"]


async def book(session: AsyncSession, hub_id: str, engineer_id: UUID, start: str, end: str) -> None:
    """Have a household be told of a visit; times are of the wall clock."""
    new_hub = "INSERT INTO hub (hub_id, council_id, model_id, connection) SELECT hub_id || '-N', council_id, model_id,"
    await session.execute(text(f"{new_hub} 'digital' FROM hub WHERE hub_id = :hub"), {"hub": hub_id})
    await session.execute(
        text(
            "INSERT INTO visit (id, council_id, unit_id, person_id, premises_id, old_hub_id, new_hub_id, state,"
            " engineer_id, engineer, starts_at, ends_at, made_by) SELECT gen_random_uuid(), council_id, id, person_id,"
            " premises_id, hub_id, hub_id || '-N', 'booked', :engineer, 'x',"
            " CAST(:start AS timestamp) AT TIME ZONE 'Europe/London',"
            " CAST(:end AS timestamp) AT TIME ZONE 'Europe/London', 'test' FROM switchover_unit WHERE hub_id = :hub"
        ),
        {"hub": hub_id, "engineer": engineer_id, "start": datetime.fromisoformat(start),
         "end": datetime.fromisoformat(end)},
    )  # fmt: skip


async def _until(database: Database, plan_id: UUID, state: PlanState) -> None:
    """Wait until a plan is in a state."""
    async with asyncio.timeout(200):
        while (await _plan(database, plan_id)).state != state:
            await first_of(asyncio.Event(), timeout_s=0.1)


async def _queue(database: Database, replaces: UUID | None, seconds: float = 0.3) -> UUID:
    async with database.transaction() as session:
        row = await PlanningRepository(session).add(
            council_id=ARGYLL, first_on=date(2027, 11, 22), last_on=date(2027, 12, 3), seconds=seconds,
            made_by="system", replaces_id=replaces,
        )  # fmt: skip
        return row.id


async def _plan(database: Database, plan_id: UUID) -> SwitchoverPlan:
    async with database.transaction() as session:
        return await PlanningRepository(session).require(plan_id)
