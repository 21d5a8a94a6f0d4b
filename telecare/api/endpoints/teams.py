"""Teams: responders who are told together."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.service import PolicyService
from alarms.responders.models import Team
from alarms.responders.schemas import TeamIn, TeamOut, TeamPatch, show_team
from alarms.responders.service import ResponderService
from telecare.access.domain import Actor
from telecare.access.repository import AuditRepository
from telecare.api.deps import Transaction
from telecare.api.endpoints.responders import Administrator, Viewer, check_governs, require_council
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router
from telecare.kernel.errors import NotFoundError

router = api_router("/teams", "teams")


@router.get("")
async def list_teams(session: Transaction, actor: Viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[TeamOut]:
    """List teams with their members, newest first."""
    before = decode_cursor(cursor, UUID)
    teams = ResponderService(session).teams
    rows = await teams.page(actor.councils, before[0] if before else None, limit + 1)
    members = await teams.members([team.id for team in rows])
    return page_of(rows, limit, lambda team: show_team(team, members[team.id]), lambda team: (team.id,))


@router.post("", status_code=201)
async def create_team(body: TeamIn, session: Transaction, actor: Administrator) -> TeamOut:
    """Add a team; its members are responders of its council, or of all."""
    check_governs(actor, body.council_id, "teams")
    await require_council(session, body.council_id)
    service = ResponderService(session)
    team = await service.create_team(body.members, **body.model_dump(exclude={"members"}))
    await _note(session, actor, "team_created", team, members=[str(member) for member in body.members])
    return await _shown(session, team)


@router.get("/{team_id}")
async def get_team(team_id: UUID, session: Transaction, actor: Viewer) -> TeamOut:
    """Show a team with its members."""
    return await _shown(session, await _visible(session, actor, team_id))


@router.patch("/{team_id}")
async def change_team(team_id: UUID, body: TeamPatch, session: Transaction, actor: Administrator) -> TeamOut:
    """Change a team; what is left out stays, and `members` replaces all of them."""
    team = await _governed(session, actor, team_id)
    details: dict[str, object] = {}
    if body.name is not None:
        team.name = body.name
        await session.flush()
        details["name"] = body.name
    if body.members is not None:
        await ResponderService(session).put_members(team, body.members)
        details["members"] = [str(member) for member in body.members]
    await _note(session, actor, "team_changed", team, **details)
    return await _shown(session, team)


@router.delete("/{team_id}", status_code=204)
async def remove_team(team_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Remove a team; its members stay responders."""
    team = await _governed(session, actor, team_id)
    await PolicyService(session, {}).refuse_if_named(f"team:{team.key}", team.council_id)
    await ResponderService(session).teams.remove(team_id)
    await _note(session, actor, "team_removed", team, key=team.key)


async def _shown(session: AsyncSession, team: Team) -> TeamOut:
    return show_team(team, (await ResponderService(session).teams.members([team.id]))[team.id])


async def _visible(session: AsyncSession, actor: Actor, team_id: UUID, *, lock: bool = False) -> Team:
    team = await ResponderService(session).teams.get(team_id, lock=lock)
    if team is None or not actor.sees(team.council_id):
        raise NotFoundError(f"There is no team {team_id}")
    return team


async def _governed(session: AsyncSession, actor: Actor, team_id: UUID) -> Team:
    team = await _visible(session, actor, team_id, lock=True)
    check_governs(actor, team.council_id, "teams")
    return team


async def _note(session: AsyncSession, actor: Actor, action: str, team: Team, **details: object) -> None:
    await AuditRepository(session).add(actor, action, "team", team.id, team.council_id, details=details)
