"""Exports of the fleet at two sizes: how long, how large, and how much memory whoever makes them needs.

Each is made in a process of its own, by what answers the request, and read to its end as a browser would.
"""

import asyncio
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from starlette.responses import StreamingResponse

from devices.registry.repository import HubFilter
from telecare.access.domain import Actor, UserRole
from telecare.api.endpoints.fleet_export import workbook
from telecare.console.pages.fleet import fleet_csv
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings

FEW, MANY = "S12000036", "S12000049"
"""Whose hubs the smaller and the larger list are."""
_MODEL = text(
    "INSERT INTO device_model (id, make, name, connection) VALUES (gen_random_uuid(), 'Skerry', 'Sheet', 'digital')"
)
_HUBS = text(
    """
    INSERT INTO hub (hub_id, council_id, model_id, serial, connection, status)
    SELECT 'sheet-' || CAST(:council AS text) || '-' || n, :council, m.id, 'S' || n, 'digital', 'stock'
      FROM generate_series(1, CAST(:hubs AS integer)) n, device_model m WHERE m.name = 'Sheet'
    """
)
_FORMS = {"XLSX": workbook, "CSV": fleet_csv}


@dataclass(frozen=True)
class Sheet:
    """One export: seconds, MiB of the file, the most memory of its process in MiB."""

    form: str
    hubs: int
    seconds: float
    mib: float
    peak_mib: float


@dataclass
class ExportsReport:
    """What was seen."""

    sheets: list[Sheet] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return it for people."""
        found = [
            f"{each.form}, {each.hubs:,} hubs: {each.seconds:.1f} s, a file of {each.mib:.1f} MiB, "
            f"{each.peak_mib:.0f} MiB of memory at the most"
            for each in self.sheets
        ]
        return [*found, f"memory, most over fewest hubs: {self.ratio():.2f}"]

    def values(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"sheets": [vars(each) for each in self.sheets], "memory_ratio": self.ratio()}

    def ratio(self) -> float:
        """Return the most memory with the most hubs over that with the fewest, of the form where it is largest."""
        fewest, most = min(each.hubs for each in self.sheets), max(each.hubs for each in self.sheets)
        peaks = {(each.form, each.hubs): each.peak_mib for each in self.sheets}
        forms = {each.form for each in self.sheets if each.hubs == most}
        return max(peaks[form, most] / peaks[form, fewest] for form in forms if (form, fewest) in peaks)


async def exports_run(url: str, hubs: int, tell: Callable[[str], None]) -> ExportsReport:
    """Put hubs into a register, and take a tenth of them and all of them out in both forms."""
    report = ExportsReport()
    sizes = {FEW: hubs // 10, MANY: hubs}
    database = Database(Settings.model_validate({"database_url": url}))
    async with database.transaction() as session:
        await session.execute(_MODEL)
        for council, number in sizes.items():
            await session.execute(_HUBS, {"council": council, "hubs": number})
    async with database.transaction() as session:
        await session.execute(text("ANALYZE hub"))
    await database.dispose()
    for form in _FORMS:
        for council, number in sizes.items():
            fresh = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=fresh) as pool:
                work = partial(_take, url, form, council)
                seconds, size, peak = await asyncio.get_running_loop().run_in_executor(pool, work)
            report.sheets.append(Sheet(form, number, seconds, size / 1024**2, peak))
            tell(report.lines()[len(report.sheets) - 1])
    return report


def _take(url: str, form: str, council: str) -> tuple[float, int, float]:
    """Take one list out, in a process of its own: seconds, bytes, MiB of memory at the most."""
    begun = time.monotonic()
    size = asyncio.run(_read(url, form, council))
    return time.monotonic() - begun, size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _read(url: str, form: str, council: str) -> int:
    database = Database(Settings.model_validate({"database_url": url}))
    actor = Actor("token", uuid4(), "bench", UserRole.ADMINISTRATOR)
    async with database.transaction() as session:
        answer = await _FORMS[form](session, actor, HubFilter(council=council))
    assert isinstance(answer, StreamingResponse)  # noqa: S101 - both are
    size = 0
    async for piece in answer.body_iterator:
        size += len(piece)
    await database.dispose()
    return size
