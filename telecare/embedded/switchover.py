"""The demo's switchover: the end of the analogue network in its councils, with visits on their way. Fictional."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.models import Hub
from devices.registry.service import RegistryService
from devices.switchover.planning.domain import REPLAN_SECONDS
from devices.switchover.planning.repository import PlanningRepository
from devices.switchover.programmes.domain import PSTN_ENDS, Cause
from devices.switchover.programmes.repository import ProgrammeRepository, UnitFilter
from devices.switchover.programmes.service import ProgrammeService
from devices.switchover.visits.domain import WAY, ContactChannel, ContactOutcome, VisitState
from devices.switchover.visits.models import Visit
from devices.switchover.visits.schemas import StepIn
from telecare.access.domain import Actor, UserRole
from telecare.access.models import User
from telecare.access.repository import UserRepository
from telecare.kernel.db import database_now
from telecare.switchover.plan_facts import homes_of
from telecare.switchover.swaps import LONDON, Swaps

S = VisitState
STOPS = (
    S.PRIORITISED, S.CONTACTED, S.UNREACHABLE, S.SURVEYED, S.BOOKED, S.CONFIRMED, S.NO_ACCESS, S.ON_SITE, S.INSTALLED,
)  # fmt: skip
"""Where one visit each stands."""
WAITING = {
    S.UNREACHABLE: (S.PRIORITISED, "Two letters and three calls, nobody has answered", "Sheila Munro"),
    S.NO_ACCESS: (S.CONFIRMED, "Nobody opened; a neighbour says she is with her daughter", None),
}
"""What got in between, after which state, and who has it."""
FIRST_HOUR, LAST_HOUR, SLOT, SLOTS = 9, 17, timedelta(minutes=90), 5
PLANNED_DAYS = 11
"""So many days from tomorrow on the demo's first plan has."""


async def add_switchover(session: AsyncSession) -> None:
    """Put it in at the first start of a folder; after that it is the visitor's to change."""
    programmes = ProgrammeRepository(session)
    ewan = await UserRepository(session).by_username("ewan")
    councils = await programmes.with_units()
    if await programmes.all() or ewan is None or not councils:
        return
    service = ProgrammeService(session, frozenset())
    programme = await service.make(
        name="Analogue network closes", cause=Cause.PSTN, deadline=PSTN_ENDS, councils=councils, network=None, by="demo"
    )
    await service.find(programme.id)
    first = await service.add_wave(programme.id, "On a digital line already", starts_on=date(2026, 11, 2))
    await service.assign(programme.id, first.id, wanted=UnitFilter(reason="on_voip"))
    engineer = Actor("user", ewan.id, ewan.display_name, UserRole.ENGINEER, username=ewan.username)
    units = await programmes.page(programme.id, UnitFilter(), None, len(STOPS))
    for number, (unit, stop) in enumerate(zip(units, STOPS, strict=False)):
        swaps = Swaps(session, engineer)
        await _go(swaps, await swaps.make(unit["id"]), stop, number)
    await _plan(session, ewan, councils)


async def _plan(session: AsyncSession, engineer: User, councils: Sequence[str]) -> None:
    """Let the engineer start among the homes of each council, and order a plan of the one that has most to do."""
    planning, most = PlanningRepository(session), ("", 0)
    for council in councils:
        homes = [each for each in await homes_of(session, council) if each.latitude and each.longitude]
        if not homes:
            continue
        await planning.put_engineer(
            engineer.id, council_id=council, name=engineer.display_name, base_latitude=homes[0].latitude,
            base_longitude=homes[0].longitude, weekdays=[0, 1, 2, 3, 4], starts_at=510, ends_at=990, skills=[],
            van={"hub": 8},
        )  # fmt: skip
        most = max(most, (council, len(homes)), key=lambda each: each[1])
    if most[1]:
        tomorrow = (await database_now(session)).astimezone(LONDON).date() + timedelta(days=1)
        await planning.order(
            council_id=most[0], first_on=tomorrow, last_on=tomorrow + timedelta(days=PLANNED_DAYS),
            seconds=REPLAN_SECONDS, made_by="demo",
        )  # fmt: skip


def begins(now: datetime, number: int) -> datetime:
    """Return when a visit begins: every second one today while the day has room for it, all others tomorrow.

    One engineer has them all, so no two are at a time: as many as have a time lie one behind the other.
    """
    hour = max(FIRST_HOUR, now.hour + 1) + number // 2 % 2 * 2
    if number % 2 and hour < LAST_HOUR:
        return datetime.combine(now.date(), time(hour), LONDON)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(FIRST_HOUR), LONDON)
    return tomorrow + (number + 1) % SLOTS * SLOT


async def _go(swaps: Swaps, visit: Visit, stop: VisitState, number: int) -> None:
    """Take a visit as far as it is to be, by the same steps as everybody."""
    last, why, owner = WAITING.get(stop, (stop, None, None))
    for to in WAY[1 : WAY.index(last) + 1]:
        if to is S.CONTACTED:
            await swaps.contact(visit.id, ContactChannel.LETTER, ContactOutcome.SENT, None)
            await swaps.contact(visit.id, ContactChannel.PHONE, ContactOutcome.REACHED, "Friendly; mornings are best")
        visit = await swaps.step(visit.id, StepIn(to=to, as_of=visit.version, **await _needs(swaps, visit, to, number)))
    if why is not None:
        if stop is S.UNREACHABLE:
            await swaps.contact(visit.id, ContactChannel.LETTER, ContactOutcome.SENT, None)
            await swaps.contact(visit.id, ContactChannel.PHONE, ContactOutcome.NO_ANSWER, None)
        again = (await database_now(swaps.session)).date() + timedelta(days=2)
        step = StepIn(to=stop, as_of=visit.version, why=why, next_contact_on=again, owner=owner)
        await swaps.step(visit.id, step)


async def _needs(swaps: Swaps, visit: Visit, to: VisitState, number: int) -> dict[str, Any]:
    if to is S.STOCK_ALLOCATED:
        hub_id = f"DEMO-NEW-{number:02d}"
        if await swaps.session.get(Hub, hub_id) is None:
            registry = RegistryService(swaps.session, frozenset())
            await registry.register(
                council_id=visit.council_id, model="Skerry Halo", model_id=None, connection=None, hub_id=hub_id
            )
            hub = await registry.hubs.row(hub_id)
            await registry.hubs.pair(hub, device_id="p1", kind="pendant", room=None)
        return {"new_hub_id": hub_id}
    if to is S.BOOKED:
        start = begins((await database_now(swaps.session)).astimezone(LONDON), number)
        return {"engineer_id": swaps.actor.id, "starts_at": start, "ends_at": start + SLOT}
    return {}
