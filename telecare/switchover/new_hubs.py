"""Which hubs of the stock may be the new one of a visit: none that its own programme would have to replace again."""

from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.models import DeviceModel, Hub
from devices.switchover.programmes.domain import Cause, Reason, UnitFacts, concerns, reasons
from devices.switchover.programmes.models import Programme
from devices.switchover.programmes.repository import ProgrammeRepository
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitRepository

MOST = 200
"""So many are offered at once."""


async def programme_of(session: AsyncSession, visit: Visit) -> Programme:
    """Return the programme for which a visit was made."""
    programmes = ProgrammeRepository(session)
    return await programmes.require((await programmes.unit(visit.unit_id)).programme_id)


async def stock_for(session: AsyncSession, visit: Visit) -> list[str]:
    """Return hubs in stock that may be the new one of a visit, by id; the first 200."""
    programme = await programme_of(session, visit)
    rows = await VisitRepository(session).stock(visit.council_id)
    return [hub.hub_id for hub, model in rows if not why_not(programme, hub, model)][:MOST]


def why_not(programme: Programme, hub: Hub, model: DeviceModel) -> tuple[Reason, ...]:
    """Return the reasons for which a programme would have to replace this hub too.

    Lines are those of a home, and what it told of its battery is of where it was before: neither counts in stock.
    """
    facts = UnitFacts(
        connection=hub.connection,
        radio=model.radio,
        network=hub.mobile_network,
        support_ends_on=model.support_ends_on,
        retires_on=model.retires_on,
        certificate_expires_on=hub.certificate_expires_on,
        battery_hours=model.battery_hours,
    )
    return concerns(Cause(programme.cause), programme.deadline, programme.network, facts, reasons(facts))
