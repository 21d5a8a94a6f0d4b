"""What binds the visits of a council, entered in a real browser: faults at their fields, entries taken away again."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import Homes, Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser
COUNCILS = {1366: "S12000013", 360: "S12000023"}
"""Of which no other test makes a plan."""


@pytest.mark.parametrize(("width", "script"), [(1366, True), (360, False)])
async def test_the_rules_of_a_council_are_entered_changed_and_taken_away(
    login: Login, homes: Homes, width: int, *, script: bool
) -> None:
    council = COUNCILS[width]
    page = await login("sheila", width=width, script=script)
    await page.goto(f"{homes.lab.url}/switchover/plan")
    await page.get_by_role("link", name="What binds visits").click()
    await page.get_by_label("Council", exact=True).select_option(council)
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("main")).to_contain_text("Nobody has said anything yet")
    await page.locator("#margin_days").fill("99")
    await page.locator("#local_holidays").fill("2027-04-19, 2027-05-24")
    await page.locator("#lines_end_on").fill("")
    await page.locator("#freezes1_start").fill("2026-12-21")
    await page.locator("#freezes1_why").fill("Snow gates are shut")
    for name, text in (("island", "Stroma"), ("areas", "KW1, KW14"), ("port_latitude", "58.64"),
                       ("port_longitude", "-3.1"), ("landing_latitude", "58.68"), ("landing_longitude", "-3.12"),
                       ("out", "07:00, noon"), ("back", "08:20"), ("minutes", "25")):  # fmt: skip
        await page.locator(f"#ferries2_{name}").fill(text)
    await page.get_by_role("button", name="Write it down").click()
    await expect(page.locator("#margin_days-fault")).to_contain_text("0 to 60 days")
    await expect(page.locator("#freezes1_end-fault")).to_contain_text("the last day")
    await expect(page.locator("#ferries2_out-fault")).to_contain_text("07:00, 09:45")
    await expect(page.locator("#ferries2_areas")).to_have_value("KW1, KW14")
    if script:
        assert await faults(page) == []
    assert (await homes.api.get(f"/switchover/rules/{council}")).json()["saved_at"] is None
    await page.locator("#margin_days").fill("10")
    await page.locator("#freezes1_end").fill("2027-01-08")
    await page.locator("#freezes1_area").fill("KW14")
    await page.locator("#ferries2_out").fill("07:00, 09:45")
    await page.locator("#stock1_item").fill("hub")
    await page.locator("#stock1_on").fill("2026-12-10")
    await page.locator("#stock1_quantity").fill("40")
    (hub,) = (await homes.api.get("/hubs", params={"limit": 1})).json()["items"]
    for name, text in {"model": hub["model"], "percent": "4.5", "why": "the maker's letter"}.items():
        await page.locator(f"#models1_{name}").fill(text)
    await page.get_by_role("button", name="Write it down").click()
    await page.wait_for_url("**done=saved")
    said = (await homes.api.get(f"/switchover/rules/{council}")).json()
    assert (said["margin_days"], said["lines_end_on"]) == (10, None)
    assert said["local_holidays"] == ["2027-04-19", "2027-05-24"]
    assert said["freezes"] == [{"start": "2026-12-21", "end": "2027-01-08", "why": "Snow gates are shut",
                                "area": "KW14", "island": None, "item": None}]  # fmt: skip
    assert said["stock"] == [{"item": "hub", "on": "2026-12-10", "quantity": 40}]
    assert [(each["percent"], each["why"]) for each in said["models"]] == [(4.5, "the maker's letter")]
    (ferry,) = said["ferries"]
    assert (ferry["areas"], ferry["out"], ferry["back"], ferry["minutes"]) == (["KW1", "KW14"], [420, 585], [500], 25)
    await expect(page.locator("#ferries1_out")).to_have_value("07:00, 09:45")
    if script:
        assert await faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("start", "end", "why", "area"):
        await page.locator(f"#freezes1_{name}").fill("")
    await page.get_by_role("button", name="Write it down").click()
    await page.wait_for_url("**done=saved")
    said = (await homes.api.get(f"/switchover/rules/{council}")).json()
    assert (said["freezes"], len(said["ferries"]), len(said["stock"])) == ([], 1, 1)


async def test_an_engineer_reads_them_and_of_no_council_that_is_none(login: Login, homes: Homes) -> None:
    engineer = await login("ewan", quiet=True)
    await engineer.goto(f"{homes.lab.url}/switchover/rules?council={COUNCILS[360]}")
    await expect(engineer.locator("#margin_days")).to_be_disabled()
    await expect(engineer.get_by_role("button", name="Write it down")).to_have_count(0)
    assert (await engineer.request.get(f"{homes.lab.url}/switchover/rules?council=S99")).status == 404
