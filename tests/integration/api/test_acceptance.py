"""Accepting hubs and taking them away over the API: what is missing, why one stays, whose two names end a service."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
from sqlalchemy import text

from alarms.handling.domain import Subject
from telecare.access.domain import UserRole
from telecare.kernel.db import Database
from tests.integration.alarms.world import World
from tests.integration.api.register import FIFE, GLASGOW, Register
from tests.integration.api.test_test_windows import arrives

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


async def swap(register: Register) -> tuple[str, str, dict[str, str]]:
    """Somebody with two hubs, each with a pendant."""
    home = await register.home()
    hubs = [await register.hub() for _ in range(2)]
    for hub in hubs:
        await register.send("POST", f"/hubs/{hub}/peripherals", {"device_id": "p1", "kind": "pendant"})
        await register.install(hub, **home)
    return hubs[0], hubs[1], home


async def comes_online(database: Database, hub: str) -> None:
    async with database.transaction() as session:
        statement = "INSERT INTO hub_presence (hub_id, state, since) VALUES (:hub, 'online', now())"
        await session.execute(text(statement), {"hub": hub})


async def test_what_is_missing_is_said_until_it_is_shown(register: Register, database: Database) -> None:
    old, new, _ = await swap(register)
    stands = await register.send("GET", f"/hubs/{new}/acceptance", status=200)
    assert [each["met"] for each in stands["requirements"]] == [False, False]
    assert (stands["alone"], stands["accepted_at"], stands["stays"]) == (True, None, None)
    refused = await register.send("POST", f"/hubs/{new}/acceptance", status=409)
    assert refused["missing"] == [each["what"] for each in stands["requirements"]]
    event_id = await arrives(database, new, "p1")
    await comes_online(database, new)
    accepted = await register.send("POST", f"/hubs/{new}/acceptance", status=200)
    assert (accepted["events"], accepted["alone"]) == ([str(event_id)], False)
    assert accepted["accepted_by"].startswith("token:")
    (entry, *_) = (await register.send("GET", f"/audit?subject_id={new}", status=200))["items"]
    assert (entry["action"], entry["details"]["events"]) == ("hub_accepted", [str(event_id)])
    assert (await register.send("GET", f"/hubs/{old}/acceptance", status=200))["stays"] is None
    await register.send("POST", f"/hubs/{old}/installations/end", {}, 200)
    await register.send("GET", f"/hubs/{old}/acceptance", status=404)


async def test_a_refusal_says_what_why_and_how_to_mend_it(register: Register, database: Database) -> None:
    old, new, home = await swap(register)
    refused = await register.send("POST", f"/hubs/{old}/installations/end", {}, 409)
    assert "no accepted hub" in refused["detail"]
    assert f"Accept {new} first" in refused["detail"]
    other = await register.home()
    moved = await register.send("POST", f"/hubs/{old}/installations", {**other, "move": True}, 409)
    assert moved["detail"] == refused["detail"]
    subject = Subject(council_id=FIFE, person_id=UUID(home["person_id"]))
    await World(database).raise_alarm("pendant", new, subject)
    refused = await register.send("POST", f"/hubs/{old}/installations/end", {}, 409)
    assert "an alarm of this home is open (“Pendant pressed”)" in refused["detail"]
    assert "close it first" in refused["detail"]
    assert (await register.send("GET", f"/hubs/{old}/acceptance", status=200))["stays"] == refused["detail"]


async def test_the_last_hub_goes_with_the_service_and_two_names(register: Register, database: Database) -> None:
    _, hub, _ = await swap(register)
    await arrives(database, hub, "p1")
    await comes_online(database, hub)
    await register.send("POST", f"/hubs/{hub}/acceptance", status=200)
    (first,) = [one for one in (await register.send("GET", "/hubs", status=200))["items"] if one["hub_id"] != hub]
    await register.send("POST", f"/hubs/{first['hub_id']}/installations/end", {}, 200)
    assert "only hub" in (await register.send("POST", f"/hubs/{hub}/installations/end", {}, 409))["detail"]
    own = {"withdrawal": {"reason": "moves to a care home", "agreed_with": "A test's administrator"}}
    refused = await register.send("POST", f"/hubs/{hub}/installations/end", own, 422)
    assert refused["errors"][0]["where"] == "body.withdrawal.agreed_with"
    own["withdrawal"]["agreed_with"] = "Sheila Reid"
    ended = await register.send("POST", f"/hubs/{hub}/installations/end", own, 200)
    assert (ended["withdrawn_why"], ended["withdrawn_with"]) == ("moves to a care home", "Sheila Reid")
    (entry, *_) = (await register.send("GET", f"/audit?subject_id={hub}", status=200))["items"]
    assert (entry["action"], entry["details"]["agreed_with"]) == ("service_withdrawn", "Sheila Reid")


async def test_an_engineer_accepts_and_others_look(client_for: ClientFor, register: Register) -> None:
    _, hub, _ = await swap(register)
    address = f"/api/v1/hubs/{hub}/acceptance"
    operator, stranger = await client_for(UserRole.OPERATOR, FIFE), await client_for(UserRole.ENGINEER, GLASGOW)
    assert (await operator.get(address)).status_code == 200
    assert (await operator.post(address)).status_code == 403
    assert (await stranger.get(address)).status_code == 404
    assert (await (await client_for(UserRole.ENGINEER, FIFE)).post(address)).status_code == 409
