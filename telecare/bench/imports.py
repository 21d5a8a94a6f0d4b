"""Imports of many homes: how long they take, how much memory whoever does it needs, and what an alarm waits meanwhile.

Each import is the command line's own, in a process of its own. Homes are taken in, then all of them are changed, UPRNs
too, then the same file comes again, then one in which each home has another UPRN: all of its rows are refused, for an
import moves nobody. Meanwhile a probe takes, again and again, what an alarm of a home must have before
it is stored: the share of the rows that it refers to.
"""

import asyncio
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import xlsxwriter
from cryptography.fernet import Fernet
from sqlalchemy import text

from telecare.kernel.db import ALARM_PATH, Database
from telecare.kernel.settings import Settings

_MODEL = text(
    "INSERT INTO device_model (id, make, name, connection) VALUES (gen_random_uuid(), 'Skerry', 'Bench', 'digital')"
)
_HOMES = text("SELECT hub_id, person_id, premises_id FROM installation ORDER BY hub_id LIMIT 20")
_SHARE = text(
    """
    SELECT 1 FROM hub, person, premises
     WHERE hub.hub_id = :hub AND person.id = :person AND premises.id = :premises FOR KEY SHARE
    """
)
EACH_S = 0.02
MOVED = "moved"
_LISTS = (("new", False, False), ("changed", True, False), ("the same again", True, False), (MOVED, True, True))
"""What comes one after the other, whether it says more of each home, and whether that is elsewhere."""


@dataclass(frozen=True)
class Run:
    """One import: seconds, the most memory of its process or of the reader's in MiB, the longest wait of an alarm."""

    what: str
    form: str
    homes: int
    seconds: float
    peak_mib: float
    waited_s: float

    def line(self) -> str:
        """Return it for people."""
        return (
            f"{self.what}, {self.form}, {self.homes:,} homes: {self.seconds:.1f} s from the file to its end, "
            f"{self.homes / self.seconds:,.0f} rows/s, "
            f"{self.peak_mib:.0f} MiB at the most, an alarm waited {self.waited_s * 1000:.0f} ms at the most"
        )


@dataclass
class ImportsReport:
    """What was seen."""

    runs: list[Run] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return it for people."""
        ratios = ", ".join(f"{ratio:.2f} {form}" for form, ratio in self.ratios().items())
        return [*(run.line() for run in self.runs), f"memory, most over fewest homes: {ratios}"]

    def values(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"runs": [vars(run) for run in self.runs], "memory_ratio": self.ratios()}

    def ratios(self) -> dict[str, float]:
        """Return by form of file the most memory with the most homes over that with the fewest."""
        found = {}
        for form in dict.fromkeys(run.form for run in self.runs):
            peaks: dict[int, float] = {}
            for run in self.runs:
                if run.form == form:
                    peaks[run.homes] = max(run.peak_mib, peaks.get(run.homes, 0.0))
            found[form] = peaks[max(peaks)] / peaks[min(peaks)]
        return found


def rows(homes: int, prefix: str, *, later: bool, moved: bool = False) -> Iterator[list[str]]:
    """Yield a list as a council has it, the headings first; `later` it says more of each, and `moved` where else."""
    yield [
        "Council", "Unit No", "Make", "Model", "Address 1", "Town", "Post Code", "Client Name", "D.O.B.", "Tel No",
        "Mobile", "NOK Name", "NOK Tel", "Lives Alone", "Line type", "UPRN",
    ]  # fmt: skip
    for number in range(homes):
        born = f"{number % 28 + 1}/{number // 28 % 12 + 1}/{1925 + number // 336 % 40}"
        yield [
            "S12000015", f"{prefix}{number}", "Skerry", "Bench", f"{number % 40 + 1} Kirk Lane, {prefix}", "Inverkell",
            f"KY{number // 40 // 9 % 90 + 10} {number // 40 % 9 + 1}{'ABDE'[number // 32400 % 4]}A",
            f"KERR-{prefix}, Tam", born, f"(01632) 960 {number % 1000:03}", f"7700900{number % 1000:03}",
            "Una Kerr", f"07700 900{(number + (7 if later else 0)) % 1000:03}", "Y",
            "Digital Voice" if later else "PSTN",
            f"{homes + moved}{number:06}" if later else "",
        ]  # fmt: skip


def write_csv(path: Path, table: Iterator[list[str]]) -> None:
    """Write a list as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)


def write_xlsx(path: Path, table: Iterator[list[str]]) -> None:
    """Write a list as a workbook."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate(table):
        sheet.write_row(number, 0, row)
    book.close()


WRITERS = {"CSV": write_csv, "XLSX": write_xlsx}


async def imports_run(
    url: str, sizes: Sequence[int], tell: Callable[[str], None], forms: Sequence[str] = tuple(WRITERS)
) -> ImportsReport:
    """Import lists of these sizes one after another: as CSV all that is done with one, as a workbook new homes only."""
    report = ImportsReport()
    key = Fernet.generate_key().decode()
    database = Database(Settings.model_validate({"database_url": url}), ALARM_PATH)
    async with database.transaction() as session:
        await session.execute(_MODEL)
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
        for form, size in product(forms, sizes):
            for what, later, moved in _LISTS if form == "CSV" else _LISTS[:1]:
                path = Path(folder) / f"list.{form.lower()}"
                WRITERS[form](path, rows(size, f"{form[0]}{size}-", later=later, moved=moved))
                report.runs.append(await _import(database, url, key, (what, form, size), path))
                tell(report.runs[-1].line())
    await database.dispose()
    return report


async def _import(database: Database, url: str, key: str, listed: tuple[str, str, int], path: Path) -> Run:
    environment = os.environ | {"TELECARE_DATABASE_URL": url, "TELECARE_SEAL_KEY": key}
    begun = time.monotonic()
    command = [sys.executable, "-m", "telecare.cli", "switchover", "import", str(path), "--json"]
    quiet = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, quiet, 0), (os.POSIX_SPAWN_DUP2, quiet, 1)]
    pid = os.posix_spawn(  # noqa: ASYNC221 - it is waited for with what it used, as only wait4 tells
        sys.executable, command, environment, file_actions=actions
    )
    os.close(quiet)
    ended = asyncio.ensure_future(asyncio.to_thread(os.wait4, pid, 0))
    waited = await _probe(database, ended)
    _, status, used = await ended
    if os.waitstatus_to_exitcode(status) != (1 if listed[0] == MOVED else 0):
        raise RuntimeError(f"the import of {path.name} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(*listed, time.monotonic() - begun, used.ru_maxrss / 1024, waited)


async def _probe(database: Database, ended: "asyncio.Future[Any]") -> float:
    """Take what an alarm needs of homes until the import has ended; return the longest wait in seconds."""
    longest = 0.0
    async with database.transaction() as session:
        homes = [{"hub": row[0], "person": row[1], "premises": row[2]} for row in await session.execute(_HOMES)]
    while not ended.done():
        for home in homes:
            begun = time.monotonic()
            async with database.transaction() as session:
                await session.execute(_SHARE, home)
            longest = max(longest, time.monotonic() - begun)
            await asyncio.sleep(EACH_S)
        if not homes:
            await asyncio.sleep(EACH_S)
    return longest
