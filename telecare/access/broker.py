"""Accounts on the broker that are not a hub's."""

import secrets
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.repository import AuditRepository, BrokerAccountRepository
from telecare.kernel.errors import InvalidError
from telecare.kernel.pure.mqtt_credentials import hash_password
from telecare.wire.topics import CANARY_HUB

_SALT_BYTES = 12


class BrokerRole(StrEnum):
    """What an account on the broker is for."""

    SERVICE = "service"
    GATEWAY = "gateway"
    CANARY = "canary"


async def set_broker_account(session: AsyncSession, username: str, password: str, role: BrokerRole) -> None:
    """Create or replace an account: `service` for ourselves, `gateway` for one that speaks for hubs.

    `canary` is for the service's own test alarm, and there is one: InvalidError for another name.
    """
    if (role is BrokerRole.CANARY) != (username == CANARY_HUB):
        raise InvalidError(f"The canary's account is called {CANARY_HUB}, and no other account is")
    credential = hash_password(password, secrets.token_bytes(_SALT_BYTES))
    await BrokerAccountRepository(session).put(username, credential, role)
    await AuditRepository(session).add("system", "broker_account_set", "broker_account", username)
