"""The fleet list and the page of a hub with its timeline."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from alarms.handling.repository import AlarmRepository
from alarms.intake.repository import IntakeRepository
from devices.presence.domain import Presence
from devices.registry.councils import present_code
from devices.registry.domain import Connection
from devices.registry.repository import HubFilter, HubRepository, ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.hubs import list_events, show_installation
from telecare.console import view
from telecare.console.pages.hub_commands import command_facts
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Text = Annotated[str, Query(max_length=120)]
ON_A_PAGE = 50
TIMELINE = 100


@router.get("/fleet")
async def fleet(
    request: Request,
    session: Transaction,
    actor: Viewer,
    council: Text = "",
    presence: Text = "",
    connection: Text = "",
    model: Text = "",
    q: Text = "",
    after: Text = "",
) -> Response:
    """Show the fleet; every filter stands in the address, so a view can be kept and sent."""
    hubs, shared = HubRepository(session, actor.councils), ModelRepository(session)
    chosen = {"council": council, "presence": presence, "connection": connection, "model": model, "q": q}
    wanted = HubFilter(
        present_code(council) if council else None,
        Presence(presence) if presence in list(Presence) else None,
        model or None,
        connection if connection in list(Connection) else None,
        q or None,
    )
    rows = await hubs.page(wanted, after or None, ON_A_PAGE + 1)
    by_connection: Counter[str] = Counter()
    by_presence: Counter[str] = Counter()
    for name, state, count in await hubs.counts(wanted.council):
        by_connection[name] += count
        if name == Connection.DIGITAL:
            by_presence[state] += count
    mine = [row for row in await shared.councils() if not actor.councils or row.code in actor.councils]
    return page(
        request,
        "fleet.html",
        actor,
        hubs=rows[:ON_A_PAGE],
        more=rows[ON_A_PAGE - 1]["hub_id"] if len(rows) > ON_A_PAGE else None,
        chosen=chosen,
        councils=mine,
        council_names={row.code: row.name for row in mine},
        models=await shared.models(),
        connections=view.bars(dict(by_connection), view.CONNECTIONS),
        presences=view.bars(dict(by_presence), view.PRESENCES),
        now=await database_now(session),
    )


@router.get("/fleet/{hub_id}")
async def hub(
    request: Request, hub_id: str, session: Transaction, actor: Viewer, cursor: Text = "", refused: str = ""
) -> Response:
    """Show a hub: what it last said, what is paired to it, where it is, and every message received from it."""
    events = await list_events(hub_id, session, actor, TIMELINE, cursor or None)
    hubs = HubRepository(session, actor.councils)
    try:
        shown = await hubs.require(hub_id)
    except NotFoundError:
        shown = None  # messages came, but nobody knows the hub
    alarms = await AlarmRepository(session).page(
        actor.councils, handling=None, hub_id=hub_id, person_id=None, after=None, limit=100
    )
    return page(
        request,
        "hub.html",
        actor,
        hub_id=hub_id,
        hub=shown,
        peripherals=await hubs.peripherals(hub_id) if shown else [],
        installations=[show_installation(row) for row in await hubs.installations(hub_id)] if shown else [],
        proofs=await IntakeRepository(session).proofs_of(hub_id),
        alarms=sorted(alarms, key=lambda alarm: alarm.raised_at, reverse=True)[:20],
        events=events.items,
        older=events.next,
        refused=refused[:500],
        **await command_facts(session, actor, shown),
        now=await database_now(session),
    )
