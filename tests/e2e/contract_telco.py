"""What the contract's test needs of the exposure list, and a provider's loop."""

from typing import Any
from uuid import UUID

from devices.switchover.exposure.service import ExposureService
from devices.switchover.telco.models import TelcoCheck
from devices.switchover.telco.repository import TelcoRepository
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database, database_now
from telecare.kernel.ids import new_id


async def look_for_exposed(lab: Lab) -> None:
    """Let the list be kept, as the engine does each minute."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        await ExposureService(session).look()
    await database.dispose()


def analogue() -> dict[str, Any]:
    """Return a line that exposes an analogue unit."""
    return {"kind": "voip_ata", "number": "01632 960123", "provider": "Norvik", "checked_on": "2026-01-05"}


def agreement(council: str, number: int) -> dict[str, Any]:
    """Return an agreement with a provider of its own."""
    return {
        "council_id": council,
        "provider": f"Norvik {number}",
        "legal_basis": "Social Work (Scotland) Act 1968",
        "dpia_reference": "DPIA-7",
        "starts_on": "2026-01-01",
        "review_on": "2099-01-01",
    }


async def check_of(lab: Lab, notice_id: str, hub_id: str) -> str:
    """Put in a check that nobody has rung yet; return its id."""
    database, check_id = Database(lab.settings()), new_id()
    async with database.transaction() as session:
        now = await database_now(session)
        row = TelcoCheck(
            id=check_id, council_id="S12000047", notice_id=UUID(notice_id), hub_id=hub_id, planned_at=now,
            state="to_ring", look_at=now.replace(year=2099),
        )  # fmt: skip
        await TelcoRepository(session).add(row)
    await database.dispose()
    return str(check_id)
