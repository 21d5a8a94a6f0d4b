"""Trying triggers out (C15): the engineer's page ticks itself, the board has a quiet line, and what is real rings."""

from uuid import uuid4

from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser, row
from tests.console.test_pages import faults

pytestmark = needs_browser


async def press(homes: Homes, hub: str, device: str) -> dict[str, str]:
    event_id = uuid4().hex
    body = {"event_id": event_id, "type": "pendant", "device": {"id": device}}
    await homes.gateway.publish(f"telecare/v1/{hub}/alarm", body)
    return await homes.gateway.ack(event_id)


async def test_a_window_from_its_beginning_to_its_end(login: Login, lab: Lab, homes: Homes) -> None:
    hub = homes.hub()
    reply = await homes.api.post(f"/hubs/{hub}/peripherals", json={"device_id": "second", "kind": "pendant"})
    assert reply.status_code == 201, reply.text
    board, page = await login("fiona"), await login("ewan", width=360)
    await page.goto(f"{lab.url}/fleet/{hub}#testing")
    panel = page.locator("#testing")
    for box in await panel.locator("input[name=device]:not([value=p1])").all():
        await box.uncheck()
    await panel.get_by_role("button", name="Begin the test").click()
    await expect(panel).to_contain_text("Any other trigger is real")
    await expect(panel.locator(".ticks")).to_contain_text("Press it")
    assert await faults(page) == []

    assert (await press(homes, hub, "p1"))["status"] == "test"
    await expect(panel.locator(".ticks")).to_contain_text("Arrived")
    line = board.locator("#tests-now")
    await expect(line).to_contain_text(f"{hub}, ")
    await expect(line).to_contain_text("test arrived: pendant")
    assert await faults(board) == []

    real = await press(homes, hub, "second")
    await expect(board.locator(row(real["alarm_id"]))).to_be_visible()
    await board.goto(f"{lab.url}/alarms/{real['alarm_id']}")
    await expect(board.locator("main")).to_contain_text("but real: it is not from a trigger under test")

    await panel.get_by_role("button", name="End the test now").click()
    await expect(panel).to_contain_text("Every press is real")
    assert (await press(homes, hub, "p1"))["alarm_id"] == real["alarm_id"], "it joins, for it is as real"
    await panel.get_by_role("button", name="Begin the test").click()
    await expect(panel.get_by_role("alert")).to_contain_text("An alarm of this hub is open")
    await homes.close(await homes.alarm(real["alarm_id"]))
