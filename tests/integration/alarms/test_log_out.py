"""Whoever logs out leaves no alarm behind (C27)."""

from functools import partial

import httpx

from alarms.escalation.domain import Holder
from alarms.escalation.inputs import Acked, Attended
from telecare.access.accounts import create_user
from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, LoggedIn, login
from telecare.api.deps import Services
from telecare.app import create_app
from tests.integration.alarms.world import World

PASSWORD = "three small boats"


async def test_who_logs_out_for_good_gives_back_all_their_alarms_and_nobody_elses(
    world: World, services: Services
) -> None:
    async with world.database.transaction() as session:
        make = partial(create_user, session, password=PASSWORD, role=UserRole.OPERATOR)
        ann = await make(username="ann", display_name="Ann")
        bob = await make(username="bob", display_name="Bob")
    holders = [Holder(str(ann.id), "Ann")] * 3 + [Holder(str(bob.id), "Bob")]
    alarms = [await world.raise_alarm("pendant", f"h{n}") for n in range(5)]
    for alarm_id, holder in zip(alarms, holders, strict=False):
        await world.feed(alarm_id, Acked(holder))
    await world.feed(alarms[2], Attended(holders[2], "Responder 7"))
    desk, second_screen = [await login(world.database, "ann", PASSWORD) for _ in range(2)]
    transport = httpx.ASGITransport(create_app(services))

    async def leave(entered: LoggedIn) -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            browser.cookies.set(SESSION_COOKIE, entered.session_token)
            reply = await browser.post("/logout", data={"csrf_token": entered.csrf_token})
        assert reply.status_code == 303, reply.text

    async def handling() -> list[str]:
        return [(await world.get(alarm_id)).handling for alarm_id in alarms]

    await leave(second_screen)
    assert await handling() == ["acked", "acked", "attending", "acked", "raised"]
    await leave(desk)
    assert await handling() == ["raised", "raised", "raised", "acked", "raised"]
    for alarm_id in alarms[:3]:
        assert (await world.log(alarm_id))[-1] == "Ann gave it back: logged out."
    await world.drive()
    assert [(await world.get(alarm_id)).version for alarm_id in alarms[:2]] == [4, 4], "and the ladder goes on at once"
