"""Whether a hub is accepted, what is missing for that, and why it could not be taken away now."""

from devices.registry.schemas import AcceptanceOut, RequirementOut
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.hubs import Editor, HubId, Viewer
from telecare.api.routing import api_router
from telecare.protection.swap_day import Standing, SwapDay

router = api_router("/hubs/{hub_id}/acceptance", "hubs")


@router.get("")
async def get_acceptance(hub_id: HubId, session: Transaction, actor: Viewer) -> AcceptanceOut:
    """Show what a hub has shown since it was installed, and what keeps it where it is; 404 when it is nowhere."""
    swap = SwapDay(session, actor.councils)
    return show_standing(await swap.standing(await swap.registry.hubs.require(hub_id)))


@router.post("")
async def accept(hub_id: HubId, session: Transaction, actor: Editor) -> AcceptanceOut:
    """Accept a hub: from now on its person relies on it. 409 lists what is `missing`; a second time changes nothing."""
    swap = SwapDay(session, actor.councils)
    installation = await swap.accept(hub_id, actor.label)
    details = {"installation_id": str(installation.id), "events": [str(each) for each in installation.accepted_events]}
    await AuditRepository(session).add(actor, "hub_accepted", "hub", hub_id, installation.council_id, details=details)
    return show_standing(await swap.standing(await swap.registry.hubs.require(hub_id)))


def show_standing(standing: Standing) -> AcceptanceOut:
    """Return it as programs see it."""
    row = standing.installation
    return AcceptanceOut(
        hub_id=row.hub_id,
        installation_id=row.id,
        person_id=row.person_id,
        accepted_at=row.accepted_at,
        accepted_by=row.accepted_by,
        events=list(row.accepted_events),
        requirements=[
            RequirementOut(what=each.what, met=each.met, event_id=each.event_id) for each in standing.requirements
        ],
        alone=standing.alone,
        stays=standing.stays,
    )
