"""Whatever the file, its reading ends in rows or in words; whatever the cells, the report is no formula."""

import contextlib
import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from devices.registry.importing.plan import Outcome
from devices.registry.importing.rows import Fault, read_fleet
from devices.registry.importing.service import ImportReport, report_csv
from telecare.kernel.errors import InvalidError
from tests.homes import HOME, sheet

cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(raw=st.binary(max_size=300))
@example(raw=b"\xff\xfe")
@example(raw=b'"')
def test_any_bytes(raw: bytes) -> None:
    with contextlib.suppress(InvalidError):
        read_fleet(raw)


@given(
    rows=st.lists(st.fixed_dictionaries({name: st.just(value) | cells for name, value in HOME.items()}), max_size=4),
    delimiter=st.sampled_from(",;\t"),
)
def test_any_cells(rows: list[dict[str, str]], delimiter: str) -> None:
    fleet = read_fleet(sheet(HOME, *rows, delimiter=delimiter))
    taken = [row for row in fleet.rows if row.home is not None]
    assert all(row.faults for row in fleet.rows if row.home is None)
    assert len({row.hub_id for row in taken}) == len(taken)


@given(words=cells, column=cells)
@example(words="=HYPERLINK(1)", column=" @x")
def test_a_report_is_never_computed(words: str, column: str) -> None:
    outcome = Outcome(2, words, "error", faults=(Fault(column, words),))
    text = report_csv(ImportReport(True, (outcome,), ()))
    for record in csv.reader(io.StringIO(text, newline="")):
        for cell in record:
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
