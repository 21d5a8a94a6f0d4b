"""A plan in a real browser: ordered, made, read as a timetable and a picture; somebody is ill, and it is made anew."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from playwright.async_api import Locator, expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser
MADE_MS = 90_000


def monday() -> date:
    """Return a Monday far enough ahead for no other test, and never of a holiday."""
    day = date.fromisoformat("2028-01-17")
    return day - timedelta(days=day.weekday())


async def test_a_plan_is_ordered_read_and_made_anew_when_somebody_is_ill(login: Login, lab: Lab, homes: Homes) -> None:
    hub, council = await waiting(homes)
    ewan = next(each for each in (await homes.api.get("/users")).json()["items"] if each["username"] == "ewan")
    home = (await homes.api.get(f"/premises/{hub['premises_id']}")).json()
    base = {"council_id": council, "base_latitude": home["latitude"], "base_longitude": home["longitude"]}
    assert (await homes.api.put(f"/switchover/engineers/{ewan['id']}", json=base)).status_code == 200
    assert (await homes.api.put(f"/switchover/rules/{council}", json={"lines_end_on": None})).status_code == 200
    lines = await programme_of(homes, council)
    page = await login("sheila")
    await page.goto(f"{lab.url}/switchover")
    await page.get_by_role("link", name="Plan", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Who visits whom, when")
    await page.locator("#order-council_id").select_option(council)
    await page.locator("#order-first_on").fill("2020-01-06")
    await page.locator("#order-last_on").fill("2020-01-07")
    await page.get_by_role("button", name="Make the plan").click()
    await expect(page.locator(".error-summary")).to_contain_text("A plan begins tomorrow at the earliest")
    await page.locator("#order-first_on").fill(monday().isoformat())
    await page.locator("#order-last_on").fill((monday() + timedelta(days=1)).isoformat())
    await page.locator("#order-part").select_option(label=lines)
    await page.get_by_role("button", name="Make the plan").click()
    await expect(page.locator(".page-head .badge")).to_contain_text("Ready", timeout=MADE_MS)
    await expect(page.locator("main")).to_contain_text(f"only {lines}")
    await page.locator(".timetable summary").first.click()
    await every_factor_is_said(page.locator(".timetable details[open]").first, homes)
    await expect(page.locator(".ways svg circle").first).to_be_visible()
    assert await faults(page) == []
    address = page.url
    await page.get_by_role("button", name="Book this day's visits").click()
    await expect(page.get_by_role("status")).to_contain_text("Not booked: ")
    became = page.get_by_role("region", name="What became of")
    await expect(became.get_by_role("row").nth(1)).to_contain_text("Not booked")
    assert await faults(page) == []
    await page.goto(address)
    await page.locator("#ill-engineer").select_option(label=f"{ewan['display_name']}, {await _name(homes, council)}")
    await page.locator("#ill-first_on").fill(monday().isoformat())
    await page.locator("#ill-reason").fill("called in sick")
    await page.get_by_role("button", name="Plan these days anew").click()
    await expect(page.locator(".page-head .badge")).to_contain_text("Ready", timeout=MADE_MS)
    await expect(page.get_by_role("heading", name="What moves, promises first")).to_be_visible()
    assert await faults(page) == []
    pocket = await login("sheila", width=360)
    await pocket.goto(address)
    await expect(pocket.get_by_role("button", name="Book this day's visits")).to_be_visible()
    assert await pocket.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone = await login("fiona", width=360, dark=True)
    await phone.goto(address)
    await expect(phone.locator(".timetable summary").first).to_be_visible()
    await expect(phone.get_by_role("button", name="Make the plan")).to_have_count(0)
    assert await faults(phone) == []
    assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def every_factor_is_said(visit: Locator, homes: Homes) -> None:
    """Look that an open visit of the timetable says why it is worth what it is, as the plan has it."""
    hub_id = await visit.get_by_role("link").inner_text()
    plan_id = visit.page.url.rpartition("/")[2].partition("?")[0]
    made = (await homes.api.get(f"/switchover/plans/{plan_id}")).json()["result"]["appointments"]
    (factors,) = [each["factors"] for each in made if each["hub_id"] == hub_id]
    assert any(words.startswith("risk tier ") for words in factors)
    assert await visit.get_by_role("listitem").all_inner_texts() == factors


async def waiting(homes: Homes) -> tuple[dict[str, Any], str]:
    """Return a hub and its council: of those with no visit under way, where most homes wait."""
    visits = (await homes.api.get("/switchover/visits", params={"limit": 500})).json()["items"]
    busy = {hub_id for each in visits for hub_id in (each["old_hub_id"], each["new_hub_id"])}
    hubs = (await homes.api.get("/hubs", params={"limit": 500})).json()["items"]
    free = [each for each in hubs
            if each["connection"] != "digital" and each["person_id"] and each["hub_id"] not in busy]  # fmt: skip
    ((council, _),) = Counter(each["council_id"] for each in free).most_common(1)
    return next(each for each in free if each["council_id"] == council), council


async def programme_of(homes: Homes, council: str) -> str:
    """Make a programme of all lines of a council; return its name."""
    lines = {"name": f"Lines of {monday()}", "cause": "pstn", "deadline": "2028-12-31", "councils": [council]}
    made = await homes.api.post("/switchover/programmes", json=lines)
    assert (await homes.api.post(f"/switchover/programmes/{made.json()['id']}/find-units")).status_code == 200
    return str(lines["name"])


async def _name(homes: Homes, council: str) -> str:
    found = (await homes.api.get("/councils")).json()
    items = found["items"] if isinstance(found, dict) else found
    return next(str(each["name"]) for each in items if each["code"] == council)
