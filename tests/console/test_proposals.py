"""Ringing from a plan in a real browser: who is asked, what is said, and what each answer becomes."""

from datetime import date, timedelta

from playwright.async_api import Page, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults
from tests.console.test_plans import MADE_MS, waiting

pytestmark = needs_browser
TUESDAY = date.fromisoformat("2028-02-15")
"""Far from the days of other plans."""


async def ready(page: Page, lab: Lab, homes: Homes) -> tuple[str, str]:
    """Order a plan of homes of a programme, with an engineer and units in stock; return its address and council."""
    hub, council = await waiting(homes)
    users = (await homes.api.get("/users")).json()["items"]
    ewan = next(each for each in users if each["username"] == "ewan")
    home = (await homes.api.get(f"/premises/{hub['premises_id']}")).json()
    base = {"council_id": council, "base_latitude": home["latitude"], "base_longitude": home["longitude"]}
    assert (await homes.api.put(f"/switchover/engineers/{ewan['id']}", json=base)).status_code == 200
    assert (await homes.api.put(f"/switchover/rules/{council}", json={"lines_end_on": None})).status_code == 200
    programme = {"name": f"Rung {TUESDAY}", "cause": "pstn", "deadline": "2028-12-31", "councils": [council]}
    made = await homes.api.post("/switchover/programmes", json=programme)
    assert made.status_code == 201, made.text
    assert (await homes.api.post(f"/switchover/programmes/{made.json()['id']}/find-units")).status_code == 200
    models = (await homes.api.get("/device-models")).json()["items"]
    digital = next(each for each in models if each["connection"] == "digital")
    unit = {"hub_id": "RUNG-1", "council_id": council, "model_id": digital["id"]}
    assert (await homes.api.post("/hubs", json=unit)).status_code == 201
    days = {
        "council_id": council,
        "first_on": TUESDAY.isoformat(),
        "last_on": (TUESDAY + timedelta(days=1)).isoformat(),
    }
    ordered = await homes.api.post("/switchover/plans", json=days | {"seconds": 0.2})
    assert ordered.status_code == 202, ordered.text
    address = f"{lab.url}/switchover/plan/{ordered.json()['id']}"
    await page.goto(address)
    await expect(page.locator(".page-head .badge")).to_contain_text("Ready", timeout=MADE_MS)
    return address, council


async def say(page: Page, number: int, answer: str, **fields: str) -> str:
    """Fill in the form of a home on the list, and send it; return the home's name."""
    home = page.locator("section.card").nth(number)
    name = str(await home.locator("h2").text_content()).strip()
    await home.locator("summary", has_text="Write down what they answer").click()
    await home.get_by_label("They", exact=True).select_option(answer)
    for label, value in fields.items():
        field = home.get_by_label(label.replace("_", " "))
        await (field.select_option(value) if await field.evaluate("e => e.tagName") == "SELECT" else field.fill(value))
    await home.get_by_role("button", name="Write it down").click()
    return name


async def test_homes_are_rung_from_a_plan_and_each_answer_goes_where_it_belongs(
    login: Login, lab: Lab, homes: Homes
) -> None:
    page = await login("sheila")
    address, _ = await ready(page, lab, homes)
    await page.get_by_role("link", name="Whom to ring for this day").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Whom to ring for Tuesday 15 February 2028")
    first = page.locator("section.card").first
    await expect(first).to_contain_text("would come on Tuesday 15 February 2028")
    await expect(first.locator("a.tel").first).to_be_visible()
    assert await faults(page) == []
    await say(page, 0, "another_time")
    await expect(page.locator(".error-summary")).to_contain_text("Write down what they said")
    assert await faults(page) == []
    held = page.locator("section.card").first
    await held.get_by_label("What they said").fill("only in the afternoon")
    await held.get_by_role("button", name="Write it down").click()
    await expect(page.locator(".notice.good")).to_contain_text("The visit waits until its day")
    await expect(page.locator("section.card").first).to_contain_text("only in the afternoon")
    await say(page, 1, "agrees")
    await expect(page.locator(".notice", has_text="It does not go on yet")).to_contain_text("They were tried in 1 way")
    name = await say(page, 1, "agrees", How_else_they_were_told_of_it_before="letter")
    await expect(page.locator(".notice.good")).to_contain_text("booked and confirmed")
    await expect(page.locator("section.card h2", has_text=name)).to_have_count(0)
    await page.goto(f"{lab.url}/switchover/visits?state=confirmed")
    await expect(page.locator(".jobs tbody tr", has_text=name).first).to_contain_text("15 Feb 2028")
    await page.goto(address)
    await expect(page.locator(".page-head .badge")).to_contain_text("Accepted")
    for script in (True, False):
        phone = await login("ewan", width=360, dark=True, script=script)
        await phone.goto(f"{address}/ring")
        await expect(phone.get_by_role("heading", level=1)).to_have_text("Whom to ring")
        if script:
            assert await faults(phone) == []
        # By its hub: two households may have the same name.
        household = phone.locator("section.card").nth(2)
        home = phone.locator(f'section.card[aria-labelledby="{await household.get_attribute("aria-labelledby")}"]')
        await say(phone, 2, "not_reached")
        await expect(phone.locator(".notice.good")).to_contain_text("The attempt is written down")
        await expect(home).to_contain_text("no answer")
    operator = await login("fiona", quiet=True)
    reply = await operator.goto(f"{address}/ring")
    assert reply is not None
    assert reply.status == 403
