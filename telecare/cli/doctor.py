"""What `telecare doctor` looks at."""

import asyncio
from urllib.parse import urlsplit

from alarms.escalation.domain import Target
from alarms.notify.repository import ContactPointRepository
from telecare.kernel.db import Database
from telecare.kernel.schema import expected_revision, present_revision
from telecare.kernel.settings import Settings
from telecare.watch.pager import Pager
from telecare.watch.watchdog import DEAF

TIMEOUT_S = 5


async def examine(settings: Settings) -> dict[str, str | None]:
    """Return each finding with what is wrong, or None when it is well."""
    findings = {"broker": await _broker(settings), "seal key": _seal_key(settings)}
    database = Database(settings)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            present = await present_revision(database.engine)
            findings["database"] = None
            expected = expected_revision()
            findings["schema"] = None if present == expected else f"at {present}, needs {expected}"
            if present == expected:
                findings["contact points"] = await _contact_points(database)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        findings["database"] = f"{type(error).__name__}: {error}"[:300]
    finally:
        await database.dispose()
    return findings


def watchers(settings: Settings) -> dict[str, str]:
    """Return who watches the service as far as these settings tell: a watchdog on another machine has its own."""
    ways = Pager(settings).ways
    every = f"each {settings.canary_every_s:g} s"
    return {
        "watchdog": f"pages by {' and '.join(ways)}" if ways else f"not set up here; {DEAF}",
        "dead man's switch": "set" if settings.deadman_url else "not set: TELECARE_DEADMAN_URL",
        "canary": f"a test alarm {every}" if settings.canary_mqtt_url else "not set: TELECARE_CANARY_MQTT_URL",
    }


async def _broker(settings: Settings) -> str | None:
    url = urlsplit(settings.mqtt_url.get_secret_value())
    port = url.port or (8883 if url.scheme == "mqtts" else 1883)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(url.hostname, port)
    except (OSError, TimeoutError) as error:
        return f"{url.hostname}:{port} does not answer ({type(error).__name__})"
    writer.close()
    return None


def _seal_key(settings: Settings) -> str | None:
    return (
        None if settings.seal_key.get_secret_value() else "TELECARE_SEAL_KEY is not set: no key-safe code can be kept"
    )


async def _contact_points(database: Database) -> str | None:
    async with database.transaction() as session:
        addresses = await ContactPointRepository(session).parties_for(None)
    missing = [target for target in (Target.SUPERVISOR, Target.DUTY_MANAGER) if target not in addresses]
    return f"nobody stands behind {', '.join(missing)} for all councils" if missing else None
