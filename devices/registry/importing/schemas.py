"""The report of an import, row by row."""

from typing import Literal

from pydantic import Field

from devices.registry.fields import Output


class FaultOut(Output):
    """What is wrong with a cell, and how to mend it; no column when it is the whole row."""

    column: str
    what: str


class OutcomeOut(Output):
    """What became of a row; `row` is its number in a spreadsheet program, the header being 1."""

    row: int = Field(validation_alias="number")
    hub_id: str
    status: Literal["created", "updated", "unchanged", "error"]
    changes: list[str]
    errors: list[FaultOut] = Field(validation_alias="faults")
    remarks: list[str]


class ImportOut(Output):
    """What became of a file. After a dry run nothing has changed."""

    dry_run: bool
    counts: dict[str, int]
    notes: list[str]
    rows: list[OutcomeOut] = Field(validation_alias="outcomes")
