"""Tables as workbooks (XLSX): row by row into a file, so that memory stays flat however long they are."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import xlsxwriter
from fastapi.responses import StreamingResponse

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"description": "a workbook", "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}
LONDON = ZoneInfo("Europe/London")
CHUNK = 256 * 1024
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Book:
    """A workbook in the making. A text is a text, whatever it begins with; times are London's."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
        self._book = xlsxwriter.Workbook(self.file, _OPTIONS)
        self._bold = self._book.add_format({"bold": True})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheet: Any = None
        self._row = 0

    def sheet(self, name: str, head: Sequence[str]) -> None:
        """Begin a worksheet."""
        self._sheet, self._row = self._book.add_worksheet(name), 1
        self._sheet.freeze_panes(1, 0)
        for column, title in enumerate(head):
            self._sheet.write_string(0, column, title, self._bold)

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows under those that are there."""
        for row in rows:
            for column, value in enumerate(row):
                self._write(column, value)
            self._row += 1

    def _write(self, column: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self._sheet.write_string(self._row, column, "yes" if value else "no")
        elif isinstance(value, int | float):
            self._sheet.write_number(self._row, column, value)
        elif isinstance(value, datetime):
            there = value.astimezone(LONDON).replace(tzinfo=None)
            self._sheet.write_datetime(self._row, column, there, self._moment)
        elif isinstance(value, date):
            self._sheet.write_datetime(self._row, column, value, self._day)
        else:
            self._sheet.write_string(self._row, column, str(value)[:32_767])

    def close(self) -> IO[bytes]:
        """End the workbook; return its file, to be read from the beginning."""
        self._book.close()
        self.file.seek(0)
        return self.file


def reply(book: Book, name: str) -> StreamingResponse:
    """Return a workbook as a file of a reply, sent piece by piece.

    It is packed as it is sent, which takes seconds for a long one: by then the transaction that it was read in is over.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return StreamingResponse(_packed(book), media_type=MEDIA_TYPE, headers=headers)


def reply_csv(file: IO[bytes], name: str) -> StreamingResponse:
    """Return a table that was written to a file as a file of a reply, sent piece by piece."""
    file.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(_pieces(file), media_type="text/csv; charset=utf-8", headers=headers)


def _packed(book: Book) -> Iterator[bytes]:
    yield from _pieces(book.close())


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            yield piece
