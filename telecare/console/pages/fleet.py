"""The fleet list and the page of a hub with its timeline."""

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from alarms.handling.repository import AlarmRepository
from alarms.intake.repository import IntakeRepository
from devices.presence.domain import Presence
from devices.presence.verdict_repository import VerdictRepository
from devices.registry.councils import UnknownCouncilError, present_code
from devices.registry.domain import Connection
from devices.registry.repository import ORDERS, HubFilter, HubRepository, ModelRepository
from telecare.access.domain import Actor, Permission
from telecare.api.deps import Transaction
from telecare.api.endpoints.fleet_export import pages, taken, workbook
from telecare.api.endpoints.heartbeat_rules import get_rule_of_hub
from telecare.api.endpoints.hubs import list_events, show_installation
from telecare.api.sheets import reply_csv
from telecare.console import fleet_filter, missed_view, presence_picture, timeline, view, work_view
from telecare.console.forms import NOTHING
from telecare.console.pages.acceptance import acceptance_facts
from telecare.console.pages.firmware import firmware_of_hub
from telecare.console.pages.fleet_health import telemetry_facts
from telecare.console.pages.hub_commands import command_facts
from telecare.console.pages.hub_then import then_facts
from telecare.console.pages.jobs_of_hub import jobs_of_hub
from telecare.console.pages.testing import testing_facts
from telecare.console.pages.work import work_of_hub
from telecare.console.render import PageNeeds, page
from telecare.kernel.db import database_now
from telecare.kernel.errors import NotFoundError

router = APIRouter()

Viewer = Annotated[Actor, Depends(PageNeeds(Permission.SEE_FLEET))]
Text = Annotated[str, Query(max_length=120)]
ON_A_PAGE = 50
TIMELINE = 100
ALARMS = 10
PERIODS = 200


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
    sort: Text = "hub",
    at: Annotated[int, Query(ge=1, le=100_000)] = 1,
    format: Literal["", "csv", "xlsx"] = "",  # noqa: A002 - the word in the address
) -> Response:
    """Show the fleet; every filter stands in the address, so a view can be kept and sent, or taken as a table."""
    hubs, shared = HubRepository(session, actor.councils), ModelRepository(session)
    chosen = {
        "council": council_code(council),
        "presence": presence,
        "connection": connection,
        "model": model,
        "q": q.strip(),
    }
    chosen |= {name: request.query_params.get(name, "").strip()[:120] for name in fleet_filter.TOLD}
    wanted = HubFilter(
        chosen["council"] or None,
        Presence(presence) if presence in list(Presence) else None,
        model or None,
        connection if connection in list(Connection) else None,
        chosen["q"] or None,
        **fleet_filter.told(chosen),
    )
    if format == "xlsx":
        return await workbook(session, actor, wanted)
    if format:
        return await fleet_csv(session, actor, wanted)
    order = sort.removeprefix("-")
    if order not in ORDERS:
        order, sort = "hub", "hub"
    total = await hubs.count(wanted)
    page_count = max(1, -(-total // ON_A_PAGE))
    at = min(at, page_count)
    by_connection: Counter[str] = Counter()
    by_presence: Counter[str] = Counter()
    for name, state, count in await hubs.counts(wanted.council):
        by_connection[name] += count
        if name == Connection.DIGITAL:
            by_presence[state] += count
    kept = {name: value for name, value in chosen.items() if value}
    return page(
        request,
        "fleet.html",
        actor,
        hubs=await hubs.sorted_page(
            wanted, order, descending=sort.startswith("-"), offset=(at - 1) * ON_A_PAGE, limit=ON_A_PAGE
        ),
        total=total,
        at=at,
        pages=page_count,
        chosen=chosen,
        sort=sort,
        kept=urlencode(kept),
        fleet_filter=fleet_filter,
        council_kept=urlencode({"council": kept["council"]}) + "&" if "council" in kept else "",
        councils=[row for row in await shared.councils() if not actor.councils or row.code in actor.councils],
        models=await shared.models(),
        connections=view.bars(dict(by_connection), view.CONNECTIONS),
        presences=view.bars(dict(by_presence), view.PRESENCES),
        now=await database_now(session),
    )


async def fleet_csv(session: AsyncSession, actor: Actor, wanted: HubFilter) -> Response:
    """Return the whole list as CSV; it has names and addresses, so it is written to the audit."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    await asyncio.to_thread(file.write, fleet_filter.head().encode())
    count = 0
    async for found in pages(HubRepository(session, actor.councils), wanted):
        await asyncio.to_thread(lambda rows=found: file.write(fleet_filter.lines(rows).encode()))  # type: ignore[misc]
        count += len(found)
    await taken(session, actor, wanted, count)
    return reply_csv(file, "hubs")


def council_code(council: str) -> str:
    """Return the present code of a council; one that nobody knows filters nothing out by accident, it finds nothing."""
    try:
        return present_code(council) if council else ""
    except UnknownCouncilError:
        return council


@router.get("/fleet/{hub_id}")
async def hub(
    request: Request,
    hub_id: str,
    session: Transaction,
    actor: Viewer,
    cursor: Text = "",
    kind: Text = "all",
    refused: str = "",
    span: Text = "24h",
    at: Text = "",
) -> Response:
    """Show a hub: what it last said, what is paired to it, where it is, and every message received from it."""
    kind = kind if kind in timeline.KINDS else "all"
    events = await list_events(hub_id, session, actor, TIMELINE, cursor or None, list(timeline.KINDS[kind][1]))
    hubs, alarms = HubRepository(session, actor.councils), AlarmRepository(session)
    try:
        shown = await hubs.require(hub_id)
    except NotFoundError:
        shown = None  # messages came, but nobody knows the hub
    now = await database_now(session)
    standings = VerdictRepository(session)
    periods = await standings.history(hub_id, None, PERIODS) if shown else []
    deaf = await standings.deaf_since(now - timedelta(days=presence_picture.DAYS))
    return page(
        request,
        "hub.html",
        actor,
        hub_id=hub_id,
        hub=shown,
        peripherals=await hubs.peripherals(hub_id) if shown else [],
        installations=[show_installation(row) for row in await hubs.installations(hub_id)] if shown else [],
        proofs=await IntakeRepository(session).proofs_of(hub_id),
        alarms=await alarms.latest(actor.councils, hub_id=hub_id, limit=ALARMS),
        history=await alarms.history_of_hub(hub_id, actor.councils),
        periods=periods,
        standing=presence_picture.picture(periods, deaf, now),
        deaf=deaf,
        **await then_facts(session, actor, shown, at),
        telemetry=await telemetry_facts(session, shown, span),
        days=timeline.days(events.items, now),
        timeline=timeline,
        kind=kind,
        older=events.next,
        newest=not cursor,
        refused=refused[:500],
        rule=await get_rule_of_hub(hub_id, session, actor) if shown else None,
        missed_view=missed_view,
        **await command_facts(session, actor, shown),
        **await testing_facts(request, session, shown),
        **await acceptance_facts(request, session, actor, shown),
        **await jobs_of_hub(session, actor, hub_id),
        **await firmware_of_hub(session, shown),
        work=await work_of_hub(session, actor, shown, now) if shown else [],
        work_view=work_view,
        nothing=NOTHING,
        now=now,
    )
