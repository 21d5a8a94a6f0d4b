"""Accounts on the broker that are not a hub's."""

import secrets
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.repository import AuditRepository, BrokerAccountRepository
from telecare.kernel.pure.mqtt_credentials import hash_password

_SALT_BYTES = 12


class BrokerRole(StrEnum):
    """What an account on the broker is for."""

    SERVICE = "service"
    GATEWAY = "gateway"


async def set_broker_account(session: AsyncSession, username: str, password: str, role: BrokerRole) -> None:
    """Create or replace an account: `service` for ourselves, `gateway` for one that speaks for hubs."""
    credential = hash_password(password, secrets.token_bytes(_SALT_BYTES))
    await BrokerAccountRepository(session).put(username, credential, role)
    await AuditRepository(session).add("system", "broker_account_set", "broker_account", username)
