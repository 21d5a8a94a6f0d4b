"""The canary's account has one name, and nothing else may have it."""

import pytest

from telecare.access.broker import BrokerRole, set_broker_account
from telecare.kernel.db import Database
from telecare.kernel.errors import InvalidError
from telecare.wire.topics import CANARY_HUB


@pytest.mark.parametrize(
    ("name", "role"),
    [("another", BrokerRole.CANARY), (CANARY_HUB, BrokerRole.SERVICE), (CANARY_HUB, BrokerRole.GATEWAY)],
)
async def test_the_name_and_the_role_of_the_canary_go_together(database: Database, name: str, role: BrokerRole) -> None:
    async with database.transaction() as session:
        with pytest.raises(InvalidError, match=CANARY_HUB):
            await set_broker_account(session, name, "a long password", role)
        await set_broker_account(session, CANARY_HUB, "a long password", BrokerRole.CANARY)
