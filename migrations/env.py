"""How Alembic reaches the database: one engine from the settings, a short lock timeout, no offline mode."""

import asyncio
import re

from alembic import context
from sqlalchemy import Connection, text

from alarms.cover import models as cover
from alarms.handling import models as handling
from alarms.incidents import models as incidents
from alarms.intake import models as intake
from alarms.invitations import models as invitations
from alarms.notify import models as notify
from alarms.policy import models as policy
from alarms.responders import models as responders
from alarms.rota import models as rota
from alarms.welfare import models as welfare
from alarms.work import models as work
from devices.commands import models as commands
from devices.firmware import models as firmware
from devices.jobs import models as jobs
from devices.presence import models as presence
from devices.registry import models as registry
from devices.switchover.awards import models as awards
from devices.switchover.exposure import models as exposure
from devices.switchover.importing import models as importing
from devices.switchover.planning import models as planning
from devices.switchover.programmes import models as programmes
from devices.switchover.telco import models as telco
from devices.switchover.visits import models as visits
from devices.testing import models as testing
from telecare.access import models as access
from telecare.kernel import looking, outbox
from telecare.kernel.db import Base, Database
from telecare.kernel.settings import Settings
from telecare.protection import models as protection
from telecare.watch import models as watch

TABLES_OF = (
    importing,
    cover,
    incidents,
    planning,
    invitations,
    handling,
    intake,
    notify,
    policy,
    responders,
    rota,
    welfare,
    work,
    commands,
    firmware,
    jobs,
    presence,
    exposure,
    telco,
    awards,
    programmes,
    registry,
    testing,
    visits,
    access,
    looking,
    outbox,
    protection,
    watch,
)
"""Each of these declares its tables on the base when it is imported."""

PARTITIONS = re.compile(r"(heartbeat|telemetry_hour)_(\d+|default|before)$")
"""Made and dropped as time passes: no model has them."""

LOCK_TIMEOUT = "4s"
"""A migration that cannot have its lock at once gives up: alarms must not queue behind it."""


def run(connection: Connection) -> None:
    """Run the migrations in one transaction on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        include_name=lambda name, kind, _: kind != "table" or not PARTITIONS.match(name or ""),
    )
    with context.begin_transaction():
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        context.run_migrations()


async def main() -> None:
    """Open a connection of our own, as the command line has none to lend."""
    database = Database(Settings())
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await database.dispose()


lent: Connection | None = context.config.attributes.get("connection")
if lent is not None:
    run(lent)
else:
    asyncio.run(main())
