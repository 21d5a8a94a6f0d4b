"""The report of an import, row by row, with the file's own columns beside: to look at, and to hand back."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import xlsxwriter

from devices.registry.importing.service import inert
from devices.switchover.importing.columns import COLUMNS
from devices.switchover.importing.domain import REFUSED, FileKind, RowStatus
from devices.switchover.importing.mending import HIDDEN
from devices.switchover.importing.models import ImportFile, ImportRow
from devices.switchover.importing.outcome import fault_words, mended_words
from devices.switchover.importing.repository import ImportFileRepository
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer

BATCH = 200
OWN = ("Row", "What became of it", "Refused because", "Mended", "Worth a look", "Known as")
SAID = {
    RowStatus.CREATED: "Accepted, new",
    RowStatus.UPDATED: "Accepted, changed",
    RowStatus.UNCHANGED: "Accepted, nothing new",
    RowStatus.UNMATCHED: "Refused, not in the register",
    RowStatus.AMBIGUOUS: "Refused, could be several",
    RowStatus.ERROR: "Refused",
}
_WIDTHS = (6, 28, 50, 50, 40, 16)


def row_words(kind: FileKind, row: ImportRow, sealer: Sealer) -> list[str]:
    """Return a row of the report: `OWN`, without the file's own cells."""
    if row.status is None or row.told_sealed is None:
        return [str(row.number), "Not looked at yet", "", "", "", ""]
    told = json.loads(sealer.open(row.told_sealed))
    status = SAID[RowStatus(row.status)]
    changes = f": {'; '.join(told['changes'])}" if told["changes"] else ""
    return [
        str(row.number), f"{status}{changes}", "; ".join(fault_words(kind, told["faults"])),
        "; ".join(mended_words(kind, told["mends"])), "; ".join(told["remarks"]), row.key or "",
    ]  # fmt: skip


async def rows_of(
    database: Database, sealer: Sealer, file: ImportFile, statuses: Sequence[RowStatus] | None = None
) -> AsyncIterator[list[list[str]]]:
    """Yield the report's rows in batches, the headings first: however long the file, little of it is in memory."""
    kind = FileKind(file.kind)
    secret = {at for at, column in enumerate(file.columns) if column["field"] and COLUMNS[kind][column["field"]].secret}
    yield [[*OWN, *file.headings]]
    after = 0
    while True:
        async with database.transaction() as session:
            rows = await ImportFileRepository(session).rows(file.id, after, BATCH, statuses)
        if not rows:
            return
        after = rows[-1].number
        yield await asyncio.to_thread(_shown, kind, rows, secret, sealer)


def _shown(kind: FileKind, rows: Sequence[ImportRow], secret: set[int], sealer: Sealer) -> list[list[str]]:
    found = []
    for row in rows:
        cells = json.loads(sealer.open(row.sealed))
        shown = [HIDDEN if at in secret and cell.strip() else cell for at, cell in enumerate(cells)]
        found.append([*row_words(kind, row, sealer), *shown])
    return found


async def write_xlsx(rows: AsyncIterator[list[list[str]]], path: Path) -> None:
    """Write a report as a workbook in which every cell is text, refused rows marked."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    sheet = book.add_worksheet("Report")
    bold, bad = book.add_format({"bold": True}), book.add_format({"bg_color": "#FFF1CC"})
    refused = {SAID[status] for status in REFUSED}
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    number = 0

    def write(batch: list[list[str]]) -> None:
        nonlocal number
        for cells in batch:
            style = bold if number == 0 else bad if cells[1] in refused else None
            for column, cell in enumerate(cells):
                sheet.write_string(number, column, cell[:32767], style)
            number += 1

    async for batch in rows:
        await asyncio.to_thread(write, batch)
    sheet.freeze_panes(1, 2)
    await asyncio.to_thread(book.close)


async def write_csv(rows: AsyncIterator[list[list[str]]], path: Path) -> None:
    """Write a report as CSV that a spreadsheet program shows and never computes."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        async for batch in rows:
            out = io.StringIO()
            csv.writer(out).writerows([[inert(cell) for cell in cells] for cells in batch])
            file.write(out.getvalue())
