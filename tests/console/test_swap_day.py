"""Hubs that come, go and move, on the pages of those who see to it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser
FIFE = "S12000047"


async def made(homes: Homes, path: str, **body: object) -> dict[str, str]:
    reply = await homes.api.post(path, json=body)
    assert reply.status_code == 201, reply.text
    shown: dict[str, str] = reply.json()
    return shown


async def home(homes: Homes, name: str, street: str) -> dict[str, str]:
    """A person and where they live."""
    person = await made(homes, "/people", council_id=FIFE, given_name=name, family_name="Rennie")
    place = {"address": street, "town": "Cupar", "postcode": "KY15 4AA"}
    premises = await made(homes, "/premises", council_id=FIFE, **place)
    return {"person_id": person["id"], "premises_id": premises["id"]}


async def hub(homes: Homes) -> str:
    """A hub in stock."""
    model = (await homes.api.get("/device-models")).json()["items"][0]
    return (await made(homes, "/hubs", hub_id=f"SWAP-{uuid4().hex[:8]}", council_id=FIFE, model_id=model["id"]))[
        "hub_id"
    ]


async def test_a_press_from_before_a_move_that_comes_after_it_shows_both_homes(
    login: Login, lab: Lab, homes: Homes
) -> None:
    """C23, from the broker to the page of the case."""
    old, new, hub_id = await home(homes, "Jean", "1 High Street"), await home(homes, "Una", "9 Hill Road"), ""
    hub_id = await hub(homes)
    now = datetime.now(UTC)
    moved, pressed = now - timedelta(minutes=5), now - timedelta(minutes=7)
    await made(homes, f"/hubs/{hub_id}/installations", **old, since=(now - timedelta(days=2)).isoformat())
    await made(homes, f"/hubs/{hub_id}/installations", **new, since=moved.isoformat(), move=True)

    press = {"event_id": uuid4().hex, "type": "pendant", "at": pressed.isoformat()}
    await homes.gateway.publish(f"telecare/v1/{hub_id}/alarm", press)
    alarm_id = (await homes.gateway.ack(press["event_id"]))["alarm_id"]

    alarm = await homes.alarm(alarm_id)
    assert alarm["person_id"] == old["person_id"], "whoever sends somebody sends them there first"
    page = await login()
    await page.goto(f"{lab.url}/alarms/{alarm_id}")
    case = page.locator("main")
    await expect(case).to_contain_text("The hub has moved since: it was at 1 High Street, Cupar KY15 4AA")
    await expect(case).to_contain_text("now at 9 Hill Road, Cupar KY15 4AA. Check both")
    await expect(case).to_contain_text("Late by 7 min")
    await homes.close(alarm)


async def test_the_new_hub_proves_itself_is_accepted_and_only_then_the_old_one_goes(
    login: Login, lab: Lab, homes: Homes
) -> None:
    """C22, as an engineer does it with a phone."""
    person, old, new = await home(homes, "Morag", "4 Harbour Row"), await hub(homes), await hub(homes)
    for each in (old, new):
        await made(homes, f"/hubs/{each}/installations", **person)
        await made(homes, f"/hubs/{each}/peripherals", device_id="p1", kind="pendant")
    page = await login("ewan", width=360)
    await page.goto(f"{lab.url}/fleet/{old}#acceptance")
    panel = page.locator("#acceptance")
    await expect(panel).to_contain_text(f"Accept {new} first")
    assert await panel.get_by_role("button", name="Take it away").count() == 0

    await page.goto(f"{lab.url}/people/{person['person_id']}")
    await expect(page.locator("main")).to_contain_text("missing: pendant: an alarm or a test has arrived")
    await page.goto(f"{lab.url}/fleet/{new}#acceptance")
    await expect(panel.get_by_role("button", name="Accept it as")).to_be_disabled()
    assert await faults(page) == []
    await homes.gateway.publish(f"telecare/v1/{new}/heartbeat", {"seq": 1, "boot_id": "b"})
    test = {"event_id": uuid4().hex, "type": "pendant", "device": {"id": "p1"}, "test": True}
    await homes.gateway.publish(f"telecare/v1/{new}/alarm", test)
    await panel.get_by_role("button", name="Accept it as").click()
    await expect(panel).to_contain_text("Accepted")

    alarm_id = await homes.press(hub_id=new)
    await page.goto(f"{lab.url}/fleet/{old}#acceptance")
    await expect(panel).to_contain_text("an alarm of this home is open")
    await homes.close(await homes.alarm(alarm_id))
    await page.reload()
    await panel.get_by_role("button", name="Take it away").click()
    await expect(panel).to_contain_text("installed nowhere")
