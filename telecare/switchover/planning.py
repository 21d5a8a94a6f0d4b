"""From the register to a problem, and from a plan to what is kept and shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from devices.switchover.planning import schemas as told
from devices.switchover.planning.changes import Replanned
from devices.switchover.planning.figures import figures
from devices.switchover.planning.geography import Flat, Guesses, district_of
from devices.switchover.planning.models import EngineerAbsence, EngineerProfile, VisitNeed
from devices.switchover.planning.prize import Factors, LineState, assess, until_of
from devices.switchover.planning.problem import (
    Appointment,
    Deadline,
    Engineer,
    Ferry,
    Freeze,
    Home,
    Place,
    Plan,
    Problem,
    Rules,
    Stock,
    Travel,
    Unplanned,
    Window,
)
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.planning.validate import validate
from devices.switchover.programmes.domain import Part
from devices.switchover.programmes.repository import ProgrammeRepository
from devices.switchover.working_days import WorkingDays
from telecare.kernel.errors import RefusedError
from telecare.switchover.plan_bookings import as_booked, keep_booked
from telecare.switchover.plan_facts import HomeFacts, failure_rates, homes_of
from telecare.switchover.plan_visits import not_before, said, why_left_out

USUAL_MINUTES, EACH_PERIPHERAL = 50, 8
"""How long a swap takes that nobody has said anything about: so long, and more for each peripheral."""
HUB = "hub"


@dataclass(frozen=True)
class Known:
    """A problem, and the homes that cannot be in it, with why: nowhere known, waiting, or booked against rules.

    `promised` are the visits that are booked within these days.
    """

    problem: Problem
    left_out: tuple[Unplanned, ...]
    flat: Flat
    promised: tuple[Appointment, ...] = ()


async def problem_of(
    session: AsyncSession, council: str, first: date, last: date, today: date, *, anew: bool = False,
    part: Part | None = None,
) -> Known:  # fmt: skip
    """Return the problem of a council between two days; RefusedError when nobody or no day is there to plan.

    What is booked is kept as it is, but for a plan that is made `anew`, which may have to move it. Of a `part` only its
    homes are planned; what is booked for others takes the time of engineers all the same.
    """
    repository = PlanningRepository(session)
    row = await repository.rules(council)
    rules = told.RulesIn.model_validate(row.document) if row is not None else told.RulesIn()
    engineers = await repository.engineers(council)
    if not engineers:
        raise RefusedError("Nobody visits homes of this council yet: say who does, and from where", field="engineers")
    worked = WorkingDays(council, local=frozenset(rules.local_holidays))
    days = tuple(worked.between(first, last))
    if not days:
        raise RefusedError("There is no working day from the first day to the last one", field="first_on")
    eves = frozenset(day for day in days if worked.eve(day))
    facts, needs = await homes_of(session, council), await repository.needs(council)
    only = None if part is None else await ProgrammeRepository(session).hubs_of(part)
    if only is not None and not only & {each.hub_id for each in facts}:
        raise RefusedError("No home of it is left to be visited in this council")
    rates = await failure_rates(session, council, {each.model: each.percent / 100 for each in rules.models})
    absences = await repository.absences(council, first)
    flat = Flat(engineers[0].base_latitude, engineers[0].base_longitude)
    homes, left_out = _homes(facts, Binding(needs, rules, rates, days[0], days[-1], today, only), flat)
    booked = [each.booking for each in facts if each.booking is not None]
    homes, promised = _with_booked(homes, booked, days)
    problem = Problem(
        homes,
        tuple(_engineer(each, absences, flat) for each in engineers),
        days,
        until_of(days[-1]),
        eves,
        tuple(_ferry(each, flat) for each in rules.ferries),
        tuple(Stock(each.item, each.on, each.quantity) for each in rules.stock),
        tuple(_freeze(each) for each in rules.freezes),
        Travel(metres_a_minute=rules.metres_a_minute),
        Rules(rules.undo_minutes, rules.before_holiday_minutes),
    )
    if anew:
        return Known(problem, left_out, flat, promised)
    problem, against = keep_booked(problem, promised)
    return Known(problem, (*left_out, *against), flat, problem.booked)


def _with_booked(
    homes: Iterable[Home], booked: Iterable[Appointment], days: Collection[date]
) -> tuple[tuple[Home, ...], tuple[Appointment, ...]]:
    """Return the homes of a plan and the visits that are booked in it; who is booked for another day needs no plan."""
    by_home = {each.home_id: each for each in booked}
    found = tuple(
        as_booked(home, by_home[home.id]) if home.id in by_home else home
        for home in homes
        if home.id not in by_home or by_home[home.id].day in days
    )
    there = {home.id for home in found}
    return found, tuple(each for each in by_home.values() if each.home_id in there)


@dataclass(frozen=True)
class Binding:
    """What is said of homes beside the facts: needs of premises, the council's rules, failure rates of models.

    `only` are the hubs that are to be planned, beside what is booked; None means all.
    """

    needs: Mapping[UUID, VisitNeed]
    rules: told.RulesIn
    rates: Mapping[UUID, float]
    first: date
    last: date
    today: date
    only: frozenset[str] | None = None


def _homes(facts: Iterable[HomeFacts], by: Binding, flat: Flat) -> tuple[tuple[Home, ...], tuple[Unplanned, ...]]:
    facts = list(facts)
    guesses = Guesses((f.postcode, f.latitude, f.longitude) for f in facts if f.latitude and f.longitude)
    islands = {area: ferry.island for ferry in by.rules.ferries for area in ferry.areas}
    homes: list[Home] = []
    left_out: list[Unplanned] = []
    for each in facts:
        if by.only is not None and each.hub_id not in by.only and each.booking is None:
            continue
        waits = why_left_out(each, by.today, by.last)
        if waits:
            left_out.append(Unplanned(each.hub_id, waits))
            continue
        place = _place(each, guesses, islands, flat)
        if place is None:
            why = f"nobody knows where it is: give latitude and longitude, there are none near {each.postcode}"
            left_out.append(Unplanned(each.hub_id, why))
            continue
        homes.append(_home(each, by, place))
    return tuple(homes), tuple(left_out)


def _place(each: HomeFacts, guesses: Guesses, islands: Mapping[str, str], flat: Flat) -> Place | None:
    latitude, longitude, guessed = each.latitude, each.longitude, ""
    if latitude is None or longitude is None:
        found = guesses.of(each.postcode)
        if found is None:
            return None
        latitude, longitude, guessed = found
    return Place(*flat.metres(latitude, longitude), islands.get(district_of(each.postcode), ""), guessed)


def _home(each: HomeFacts, by: Binding, place: Place) -> Home:
    telco, why = _line_ends(each, by.rules)
    assessed = assess(
        Factors(
            each.line,
            telco,
            failed_calls=each.failed_calls,
            failed_handshakes=each.failed_handshakes,
            handshakes_until=each.handshakes_until,
            model_failure_rate=by.rates.get(each.model_id),
            only_2g=each.radio == "2g",
            battery_years=each.battery_years(by.today),
            battery_low_on=each.battery_low_at.date() if each.battery_low_at else None,
            risk_tier=each.risk_tier,
            lives_alone=each.lives_alone,
            no_mobile=each.no_phone,
            life_safety_detectors=each.detectors,
            days_since_proven=each.days_since_proven(by.today),
        ),
        by.today,
    )
    home = Home(
        each.hub_id, place, USUAL_MINUTES + EACH_PERIPHERAL * each.peripherals, assessed.harm,
        district_of(each.postcode), needs={HUB: 1}, deadline=_first(_deadline(telco, why, by), _due(each, by)),
        not_before=not_before(each), exposed=each.line is LineState.ANALOGUE_ON_DIGITAL,
        factors=(*assessed.factors, *said(each)),
    )  # fmt: skip
    need = by.needs.get(each.premises_id)
    if need is None:
        return home
    return replace(
        home,
        minutes=need.minutes or home.minutes,
        people=need.people,
        skills=frozenset(need.skills),
        open=tuple(_window(span) for span in need.open),
        busy=tuple(_window(span) for span in need.busy),
    )


def _line_ends(each: HomeFacts, rules: told.RulesIn) -> tuple[date | None, str]:
    """Return when the line of a home stops being analogue, and who says so: its provider, or the council for all."""
    if each.line in {LineState.ANALOGUE_ON_DIGITAL, LineState.DIGITAL}:
        return None, ""
    ends = rules.lines_end_on if each.line is not LineState.UNKNOWN else None
    notified = each.notified
    if notified is not None and (ends is None or notified < ends):
        return notified, f"{each.notice_by} moves the line on {notified:%d %B %Y}"
    return ends, f"analogue lines end on {ends:%d %B %Y}" if ends is not None else ""


def _due(each: HomeFacts, by: Binding) -> Deadline | None:
    """Return by when a programme of another cause than the line must have replaced the unit."""
    return _deadline(each.due_on, f"{each.due_by} has it due by {each.due_on:%d %B %Y}" if each.due_on else "", by)


def _deadline(ends: date | None, why: str, by: Binding) -> Deadline | None:
    """Return the last day for a visit; where the margin is used up already, the day before the line or the unit ends.

    What is late already is not left out for it.
    """
    if ends is None or ends <= by.first:
        return None
    last = ends - timedelta(days=by.rules.margin_days)
    return Deadline(last if last >= by.first else ends - timedelta(days=1), why)


def _first(*deadlines: Deadline | None) -> Deadline | None:
    return min((each for each in deadlines if each is not None), key=lambda each: each.on, default=None)


def _window(span: Mapping[str, Any]) -> Window:
    return Window(span["start"], span["end"], frozenset(span["weekdays"]), span.get("why") or "")


def _engineer(each: EngineerProfile, absences: Sequence[EngineerAbsence], flat: Flat) -> Engineer:
    away: dict[date, int] = {}
    for absence in absences:
        if absence.user_id == each.user_id:
            for number in range((absence.last_on - absence.first_on).days + 1):
                day = absence.first_on + timedelta(days=number)
                away[day] = min(away.get(day, 24 * 60), absence.from_minute if number == 0 else 0)
    return Engineer(
        str(each.user_id), each.name, Place(*flat.metres(each.base_latitude, each.base_longitude)),
        (Window(each.starts_at, each.ends_at, frozenset(each.weekdays)),), frozenset(each.skills), each.van, away,
    )  # fmt: skip


def _ferry(each: told.FerryIn, flat: Flat) -> Ferry:
    return Ferry(
        each.island,
        Place(*flat.metres(each.port_latitude, each.port_longitude)),
        Place(*flat.metres(each.landing_latitude, each.landing_longitude), each.island),
        tuple(sorted(each.out)),
        tuple(sorted(each.back)),
        each.minutes,
    )


def _freeze(each: told.Freeze) -> Freeze:
    return Freeze(each.start, each.end, each.why, each.area or "", each.island or "", each.item or "")


def as_result(known: Known, plan: Plan, done: Replanned | None = None) -> dict[str, Any]:
    """Return what is kept of a plan. It was checked once more: what the validator finds would be told as a fault."""
    problem = known.problem
    homes = {home.id: home for home in problem.homes}
    names = {engineer.id: engineer.name for engineer in problem.engineers}
    return {
        "appointments": [_appointment(each, homes[each.home_id], names) for each in plan.appointments],
        "unplanned": [asdict(each) for each in (*plan.unplanned, *known.left_out)],
        "moves": [
            {
                "hub_id": move.before.home_id,
                "change": move.change,
                "was_confirmed": move.before.confirmed,
                "before": _when(move.before, names),
                "after": _when(move.after, names) if move.after else None,
                "why": move.why,
            }
            for move in (done.moves if done else ())
        ],
        "figures": asdict(figures(problem, plan)),
        "faults": [fault.words for fault in validate(problem, plan)],
        "engineers": names,
        "days": [day.isoformat() for day in problem.days],
        "bases": {e.id: [e.base.east, e.base.north] for e in problem.engineers},
    }


def _when(each: Appointment, names: Mapping[str, str]) -> dict[str, Any]:
    who = [names.get(name, name) for name in each.crew]
    return {"day": each.day.isoformat(), "start": each.start, "end": each.end, "slot": each.slot, "engineers": who}


def _appointment(each: Appointment, home: Home, names: Mapping[str, str]) -> dict[str, Any]:
    return _when(each, names) | {
        "hub_id": each.home_id,
        "crew": list(each.crew),
        "confirmed": each.confirmed,
        "area": home.area,
        "east": home.place.east,
        "north": home.place.north,
        "island": home.place.island,
        "guessed": home.place.guessed,
        "deadline": home.deadline.on.isoformat() if home.deadline else None,
        "harm": round(home.harm.a_day, 3),
        "factors": [factor.words for factor in home.factors],
    }


def plan_of(result: Mapping[str, Any]) -> Plan:
    """Return a plan from what was kept of it."""
    return Plan(
        tuple(
            Appointment(
                each["hub_id"], date.fromisoformat(each["day"]), each["start"], each["end"], tuple(each["crew"]),
                each["confirmed"],
            )
            for each in result["appointments"]
        ),
        tuple(Unplanned(each["home_id"], each["why"]) for each in result["unplanned"]),
    )  # fmt: skip
