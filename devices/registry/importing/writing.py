"""Statements that write many rows at once: each column is one array, one plan and one journey do for all rows."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, DateTime, String, Table, Text, Update, column, func, insert, literal, select, update
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.selectable import TableValuedAlias

from devices.registry.importing.plan import Row
from telecare.kernel.db import Base

BATCH = 500
"""Rows a statement: to put together one of thousands would keep the process from everything else."""


def inserts(kind: type[Base], rows: Sequence[Row]) -> Iterator[Insert]:
    """Yield statements that insert rows; what no row of a batch says is left to the column's default.

    `since` stands for the period of an installation, which has no end.
    """
    table = cast("Table", kind.__table__)
    for some in _batches(rows):
        names = sorted({name for row in some for name, value in row.items() if value is not None})
        grid = _grid(table, names, some)
        values = [func.tstzrange(grid.c.since, None, "[)") if name == "since" else grid.c[name] for name in names]
        targets = ["period" if name == "since" else name for name in names]
        yield insert(table).from_select(targets, select(*values), include_defaults=False)


def updates(kind: type[Base], rows: Sequence[Row]) -> Iterator[Update]:
    """Yield statements that change rows by their key: one for all that change the same columns."""
    table = cast("Table", kind.__table__)
    key = next(iter(table.primary_key.columns))
    merged: dict[Any, Row] = {}
    for row in rows:
        merged.setdefault(row[key.name], {}).update(row)
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in merged.values():
        alike.setdefault(tuple(sorted(row)), []).append(row)
    for names, group in alike.items():
        for some in _batches(group):
            grid = _grid(table, names, some)
            changed = {name: grid.c[name] for name in names if name != key.name}
            yield update(table).where(key == grid.c[key.name]).values(changed)


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _grid(table: Table, names: Sequence[str], rows: Sequence[Row]) -> TableValuedAlias:
    """Return rows as a table of these columns, made of one array a column."""
    columns = [_column(table, name) for name in names]
    arrays = [literal([row.get(each.name) for row in rows], ARRAY(each.type)) for each in columns]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived(name="given")


def _column(table: Table, name: str) -> ColumnClause[Any]:
    # A text whose length is limited would be cut to it by its cast, where the column itself refuses it.
    type_ = DateTime(timezone=True) if name == "since" else table.c[name].type
    return column(name, Text() if isinstance(type_, String) else type_)
