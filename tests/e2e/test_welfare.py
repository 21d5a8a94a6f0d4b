"""The service is away while somebody presses: minutes after it is back there is a list of who else could have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from telecare.embedded.lab import Lab
from telecare.embedded.process import Supervised
from telecare.kernel.db import Database
from tests.e2e.conftest import until
from tests.wire import WireHub

GAP = timedelta(minutes=10)


async def sql(lab: Lab, statement: str) -> int:
    """Run a statement; return how many rows it touched."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        count: int = (await session.execute(text(statement))).rowcount  # type: ignore[attr-defined]
    await database.dispose()
    return count


async def served(api: httpx.AsyncClient) -> tuple[str, list[str]]:
    """A council, and its digital hubs that serve somebody."""
    hubs = (await api.get("/api/v1/hubs", params={"limit": 500})).json()["items"]
    found: dict[str, list[str]] = {}
    for hub in hubs:
        if hub["connection"] == "digital" and hub["person_id"]:
            found.setdefault(hub["council_id"], []).append(hub["hub_id"])
    return max(found.items(), key=lambda item: len(item[1]))


async def away(service: Supervised, lab: Lab, gateway: WireHub, pressed: str) -> None:
    """Let the service be away for ten minutes, as its own books say it, in which somebody presses."""
    await until(lambda: sql(lab, "UPDATE listening SET heard_at = heard_at"))  # it has heard once
    await service.stop()
    await sql(lab, f"UPDATE listening SET heard_at = heard_at - interval '{GAP.total_seconds()} s'")  # noqa: S608
    at = (datetime.now(UTC) - timedelta(minutes=3)).isoformat()
    await gateway.publish(f"telecare/v1/{pressed}/alarm", {"event_id": "in-the-gap", "type": "pendant", "at": at})
    await service.start()


async def test_after_an_outage_everybody_who_could_have_pressed_is_on_a_list(
    lab: Lab, api: httpx.AsyncClient, gateway: WireHub
) -> None:
    council, hub_ids = await served(api)
    pressed, back, *others = hub_ids
    await away(lab.service, lab, gateway, pressed)
    assert (await gateway.ack("in-the-gap"))["status"] == "accepted"

    async def made() -> dict[str, Any] | None:
        found = (await api.get("/api/v1/welfare/campaigns", params={"council": council})).json()["items"]
        return found[0] if found else None

    campaign = await until(made)
    gap_to, made_at = (datetime.fromisoformat(campaign[name]) for name in ("gap_to", "made_at"))
    assert made_at - gap_to < timedelta(minutes=5)
    assert gap_to - datetime.fromisoformat(campaign["gap_from"]) >= GAP
    for hub_id in (pressed, back):  # both are heard again, and one has sent what it had kept
        await gateway.publish(f"telecare/v1/{hub_id}/heartbeat", {"seq": 1, "boot_id": "b"})

    async def ranked() -> list[dict[str, Any]]:
        await sql(lab, "UPDATE welfare_campaign SET looked_at = NULL")  # look again now
        reply = await api.get(f"/api/v1/welfare/campaigns/{campaign['id']}/people", params={"limit": 500})
        people: list[dict[str, Any]] = reply.json()["items"]
        return people if {"back", "delivered"} <= {person["standing"] for person in people} else []

    people = await until(ranked)
    assert len(people) == campaign["people"]
    assert [(person["hub_id"], person["standing"]) for person in people[-2:]] == [
        (back, "back"),
        (pressed, "delivered"),
    ]
    assert {person["standing"] for person in people[:-2]} == {"silent"}
    tiers = [person["tier"] for person in people[:-2]]
    assert tiers == sorted(tiers)
    assert {person["hub_id"] for person in people} <= {pressed, back, *others}
    alarm = (await api.get(f"/api/v1/alarms/{campaign['alarm_id']}")).json()
    assert (alarm["type"], alarm["class"], alarm["council_id"]) == ("welfare_campaign", "U", council)
