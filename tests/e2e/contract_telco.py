"""What the contract's test needs of the exposure list."""

from typing import Any

from devices.switchover.exposure.service import ExposureService
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database


async def look_for_exposed(lab: Lab) -> None:
    """Let the list be kept, as the engine does each minute."""
    database = Database(lab.settings())
    async with database.transaction() as session:
        await ExposureService(session).look()
    await database.dispose()


def analogue() -> dict[str, Any]:
    """Return a line that exposes an analogue unit."""
    return {"kind": "voip_ata", "number": "01632 960123", "provider": "Norvik", "checked_on": "2026-01-05"}
