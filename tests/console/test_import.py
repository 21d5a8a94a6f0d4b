"""A council's own list in a real browser: sent, its columns looked at, tried out, made live; without script too."""

import io

import pytest
import xlsxwriter
from playwright.async_api import expect

from telecare.embedded.lab import Lab
from tests.console.conftest import Login, needs_browser
from tests.console.test_pages import faults

pytestmark = needs_browser


def workbook(prefix: str) -> bytes:
    """Return a council's list: a title above it, a heading that nobody knows, one row that cannot be taken."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    headings = ["Council", "Ref", "Make", "Model", "Address 1", "Town", "Post Code", "Client Name", "D.O.B.", "Mobile"]
    rows = [
        ["Telecare users"], headings,
        ["S12000015", f"{prefix}-1", "Skerry", "Halo", "3 Kirk Lane", "Inverkell", "KY12 OAB", "KERR, Tam", "31-Jan-40",
         "7700900001"],
        ["Fife", f"{prefix}-2", "Skerry", "Halo", "4 Kirk Lane", "Inverkell", "KY12 0AB", "Una Kerr", "31/02/1940", ""],
    ]  # fmt: skip
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


@pytest.mark.parametrize(("width", "dark", "script"), [(1366, False, True), (360, True, False)])
async def test_a_list_is_sent_looked_at_tried_out_and_made_live(
    login: Login, lab: Lab, width: int, *, dark: bool, script: bool
) -> None:
    prefix = f"IMPORT-{width}"
    page = await login("admin", width=width, dark=dark, script=script)
    await page.goto(f"{lab.url}/switchover")
    await page.get_by_role("link", name="Import a list").click()
    await page.get_by_role("button", name="Send it").click()
    await expect(page.locator(".error-summary")).to_contain_text("Choose a file")
    if script:
        assert await faults(page) == []
    file = {"name": f"{prefix}.xlsx", "mimeType": "application/octet-stream", "buffer": workbook(prefix)}
    await page.locator("#file").set_input_files(files=[file])
    await page.get_by_role("button", name="Send it").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{prefix}.xlsx has been read")
    await expect(page.locator("main")).to_contain_text("above row 2 was passed over")
    if "remembered" not in await page.content() and width == 1366:
        await expect(page.locator("ul.notice")).to_contain_text("“Hub id”")
    await expect(page.locator("tr", has_text="Client Name")).to_contain_text("KERR, Tam · Una Kerr")
    if script:
        assert await faults(page) == []
    await page.get_by_label("Ref").select_option(label="Hub id")
    await page.get_by_role("button", name="Try it out").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("has been tried out; nothing has changed yet")
    await expect(page.locator("main")).to_contain_text("the calendar has no such day")
    if script:
        assert await faults(page) == []
    await page.get_by_role("button", name="Make 1 rows live").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{prefix}.xlsx is live")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="The report as a workbook").click()
    assert (await (await download.value).path()).read_bytes().startswith(b"PK")
    await page.goto(f"{lab.url}/fleet/{prefix}-1")
    await expect(page.locator("main")).to_contain_text("Tam Kerr")
