"""One row of any table, read by our columns: what was mended, and what cannot be taken. Pure."""

from collections.abc import Mapping, Sequence

from devices.registry.councils import COUNCILS
from devices.switchover.importing.columns import COLUMNS, Column
from devices.switchover.importing.domain import CellFault, FileKind, Mend, MendedRow
from devices.switchover.importing.menders import Setting, plain, says_nothing, split_address, split_name

HIDDEN = "•••"
"""Stands where a code would be shown."""


def mend_row(kind: FileKind, fields: Sequence[str | None], cells: Sequence[str], setting: Setting) -> MendedRow:
    """Read a row: `fields` names our column of each of its cells, None for those that are left out."""
    row = _Row(kind, setting)
    for field, typed in zip(fields, cells, strict=False):
        if field is not None and plain(typed):
            row.take(COLUMNS[kind][field], typed)
    if any(cell.strip() for cell in cells[len(fields) :]):
        row.fault(
            "", f"the row has {len(cells)} cells, the headings are {len(fields)}: put quotes around cells with commas"
        )
    row.join()
    if setting.council and "council" not in row.values and not row.is_faulty("council"):
        row.values["council"] = setting.council
    return MendedRow(row.values, tuple(row.mends), tuple(row.faults))


class _Row:
    def __init__(self, kind: FileKind, setting: Setting) -> None:
        self.kind = kind
        self.setting = setting
        self.values: dict[str, str] = {}
        self.mends: list[Mend] = []
        self.faults: list[CellFault] = []

    def take(self, column: Column, typed: str) -> None:
        if column.nothing and says_nothing(typed):
            self.mends.append(Mend(column.name, typed, "", "this says nothing"))
            return
        try:
            mended = column.mend(typed, column.name, self.setting)
        except ValueError as error:
            self.fault(column.name, str(error))
            return
        if mended.value:
            self.values[column.name] = mended.value
        if mended.words:
            self.mend(column, typed, mended.value, mended.words)

    def mend(self, column: Column, typed: str, value: str, words: str) -> None:
        shown = (HIDDEN, HIDDEN) if column.secret else (typed, value)
        self.mends.append(Mend(column.name, *shown, words))

    def fault(self, field: str, what: str) -> None:
        self.faults.append(CellFault(field, what))

    def is_faulty(self, field: str) -> bool:
        return any(fault.field == field for fault in self.faults)

    def join(self) -> None:
        """Put together what several columns hold, and take apart what one does."""
        lines = [self.values.pop(name, "") for name in ("address", "address_2", "address_3")]
        if address := ", ".join(line for line in lines if line):
            self.values["address"] = address
        if whole := self.values.pop("make_and_model", ""):
            make, _, model = whole.partition(" ")
            self._split("make_and_model", whole, {"make": make, "model": model}, "the first word is the make")
        if whole := self.values.pop("full_name", ""):
            try:
                given, family, how = split_name(whole, self.setting)
            except ValueError as error:
                self.fault("full_name", str(error))
            else:
                self._split("full_name", whole, {"given_name": given, "family_name": family}, how)
        if whole := self.values.pop("full_address", ""):
            try:
                address, town, postcode, how = split_address(whole, self.setting)
            except ValueError as error:
                self.fault("full_address", str(error))
            else:
                self._split("full_address", whole, {"address": address, "town": town, "postcode": postcode}, how)

    def _split(self, field: str, whole: str, parts: Mapping[str, str], how: str) -> None:
        """Take the parts of a cell, as far as no column of their own has them."""
        fresh = {name: value for name, value in parts.items() if value and name not in self.values}
        self.values.update(fresh)
        if fresh:
            self.mends.append(Mend(field, whole, " | ".join(fresh.values()), how))


def council_of(values: Mapping[str, str]) -> str | None:
    """Return the council of a mended row, None when it says none that there is."""
    code = values.get("council")
    return code if code in COUNCILS else None
