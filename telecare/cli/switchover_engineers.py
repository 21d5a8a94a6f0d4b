"""`telecare switchover engineer|away|rules`: who visits homes, who is away (and the plan anew), what binds visits."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.councils import UnknownCouncilError, present_code
from devices.switchover.planning.changes import Order, Since
from devices.switchover.planning.domain import REPLAN_SECONDS, PlanState
from devices.switchover.planning.models import SwitchoverPlan
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.schemas import AbsenceIn, EngineerIn, RulesIn
from telecare.access.models import User
from telecare.access.repository import AuditRepository, UserRepository
from telecare.cli.common import in_transaction, run_command, say
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError
from telecare.switchover.plan_runner import before_of, carry_out, part_of
from telecare.switchover.planning import Known, as_result, problem_of

Council = Annotated[str, typer.Option(help="a GSS code or a name")]
Username = Annotated[str, typer.Argument(help="the user name of their account")]


def engineer(
    username: Username,
    council: Council,
    latitude: Annotated[float, typer.Option(help="where their day begins and ends, WGS 84")],
    longitude: Annotated[float, typer.Option()],
    start: Annotated[int, typer.Option(help="of their day, in minutes since midnight")] = 510,
    end: Annotated[int, typer.Option(help="likewise")] = 990,
    weekday: Annotated[list[int] | None, typer.Option(help="0 is Monday; repeatable; Monday to Friday else")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="repeatable")] = None,
    hubs: Annotated[int, typer.Option(min=0, help="so many hubs their van holds")] = 8,
) -> None:
    """Say how somebody works who visits homes.

    Example: telecare switchover engineer ewan --council Fife --latitude 56.19 --longitude -3.02 --skill "key safe"
    """
    wanted: dict[str, Any] = {
        "council_id": council, "base_latitude": latitude, "base_longitude": longitude, "starts_at": start,
        "ends_at": end, "skills": skill or (), "van": {"hub": hubs},
    }  # fmt: skip
    body = _read(EngineerIn, wanted | ({"weekdays": weekday} if weekday else {}))

    async def work(session: AsyncSession) -> None:
        user = await _user(session, username)
        await PlanningRepository(session).put_engineer(
            user.id, name=user.display_name, **body.model_dump(mode="json")
        )  # fmt: skip
        await AuditRepository(session).add("system", "engineer_saved", "engineer", user.id, body.council_id)

    run_command(lambda: _done(work, f"{username} visits homes of {council}."))


def away(
    username: Username,
    council: Council,
    first: Annotated[str, typer.Option("--from", help="the first day, YYYY-MM-DD")],
    reason: Annotated[str, typer.Option()],
    last: Annotated[str | None, typer.Option("--to", help="the last day; the first one when left out")] = None,
    minute: Annotated[int, typer.Option(help="of the first day, since midnight, from which on")] = 0,
) -> None:
    """Say that somebody is away, and plan anew what the newest plan had for them; what changes is named with why.

    Code 1 when a household that was promised a time must be told of another one.

    Example: telecare switchover away ewan --council Fife --from 2026-12-03 --reason "called in sick"
    """
    body = _read(AbsenceIn, {"first_on": first, "last_on": last or first, "from_minute": minute, "reason": reason})
    code = _code(council)

    async def note(session: AsyncSession) -> tuple[Known, SwitchoverPlan] | None:
        repository, user = PlanningRepository(session), await _user(session, username)
        await repository.engineer(code, user.id)
        await repository.add_absence(council_id=code, user_id=user.id, made_by="system", **body.model_dump())
        await AuditRepository(session).add("system", "engineer_away", "engineer", user.id, code, reason=body.reason)
        plan = await repository.concerning(code, body.first_on, body.last_on)
        if plan is None:
            return None
        today = (await database_now(session)).date()
        return await problem_of(session, code, plan.first_on, plan.last_on, today, anew=True, part=part_of(plan)), plan

    def run() -> int:
        found = in_transaction(note)
        if found is None:
            say("It is written down. No plan has these days.")
            return 0
        known, plan = found
        since = Since(max(body.first_on, plan.first_on), body.from_minute if body.first_on >= plan.first_on else 0)
        answer = asyncio.run(carry_out(Order(known.problem, REPLAN_SECONDS, before_of(plan, known), since), _quiet))
        result = as_result(known, answer.plan, answer.done)
        in_transaction(lambda session: _keep(session, plan.id, result))
        for move in result["moves"]:
            promised = "PROMISED, " if move["was_confirmed"] and move["change"] != "engineer" else ""
            say(f"{promised}{move['change']}: {move['hub_id']}: {_times(move)}: {move['why']}")
        say(f"{len(result['moves'])} appointments differ; the new plan is kept.")
        broken = any(move["was_confirmed"] and move["change"] != "engineer" for move in result["moves"])
        return 1 if broken or result["faults"] else 0

    run_command(run)


def rules(
    council: Council, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON; see the docs")]
) -> None:
    """Save what binds all visits of a council: freezes, ferries, local holidays, the store, margins.

    Example: telecare switchover rules --council Fife rules.json
    """
    code = _code(council)
    try:
        body = RulesIn.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise typer.BadParameter(_words(error)) from error

    async def work(session: AsyncSession) -> None:
        await PlanningRepository(session).put_rules(code, body.model_dump(mode="json"), "system")
        await AuditRepository(session).add("system", "planning_rules_saved", "planning_rules", code, code)

    run_command(lambda: _done(work, "The rules are saved; plans that are made from now on follow them."))


async def _keep(session: AsyncSession, replaces: UUID, result: dict[str, Any]) -> None:
    before = await PlanningRepository(session).require(replaces)
    row = await PlanningRepository(session).add(
        council_id=before.council_id, state=PlanState.READY, first_on=before.first_on, last_on=before.last_on,
        seconds=REPLAN_SECONDS, progress=1.0, result=result, made_by="system", replaces_id=replaces,
        programme_id=before.programme_id, wave_id=before.wave_id,
    )  # fmt: skip
    await AuditRepository(session).add("system", "plan_made", "switchover_plan", row.id, before.council_id)


async def _user(session: AsyncSession, username: str) -> User:
    user = await UserRepository(session).by_username(username)
    if user is None:
        raise NotFoundError(f"There is no account {username}")
    return user


async def _quiet(_share: float, _words: str) -> None:
    """Say nothing: it takes seconds."""


def _done(work: Any, words: str) -> int:
    in_transaction(work)
    say(words)
    return 0


def _times(move: dict[str, Any]) -> str:
    def at(when: dict[str, Any] | None) -> str:
        if when is None:
            return "to be booked anew"
        return f"{date.fromisoformat(when['day']):%a %d %b} {when['start'] // 60:02d}:{when['start'] % 60:02d}"

    return f"{at(move['before'])} -> {at(move['after'])}"


def _read(model: type[Any], values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise typer.BadParameter(_words(error)) from error


def _words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _code(council: str) -> str:
    try:
        return present_code(council)
    except UnknownCouncilError as error:
        raise typer.BadParameter(str(error)) from error
