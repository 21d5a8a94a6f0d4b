"""The demo's own policy: in one council wardens are sent before the supervisor hears of it. Fictional."""

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.repository import PolicyRepository
from alarms.policy.service import PolicyService
from telecare.api.endpoints.policies import CLASSES
from telecare.embedded.responders import ARGYLL

KEY = "wardens"
TEXT = f"""\
# Argyll and Bute sends its own wardens. docs/policies.md says what else may stand here.
key: {KEY}
name: Wardens first
council: {ARGYLL}
for: {{classes: [L]}}
steps:
  - {{tell: [queue], wait: 30s}}
  - tell: [second_queue, "rota:wardens-on-call"]
    wait: 60s
  - tell: ["team:mobile-wardens", supervisor]
    one_by_one: 20s
    wait: 60s
  - tell: [partner_arc, contacts]
    wait: 60s
catch_all: {{tell: [queue, supervisor, duty_manager], every: 60s}}
"""


async def add_policy(session: AsyncSession) -> None:
    """Save it at the first start of a folder; after that it is the visitor's to change."""
    if await PolicyRepository(session).by_key(KEY, ARGYLL) is None:
        await PolicyService(session, CLASSES).create(TEXT, "The demo's own", "Ailsa Grant")
