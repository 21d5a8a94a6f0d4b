"""Who may log in to the embedded broker, and what they may say and hear: each hub under its own id and no other.

Mosquitto gets the same rules from its ACL file. Accounts come from the database, one query a log-in; while the database
is away, whoever logged in before may log in again: its outage must not throw hubs out.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from telecare.kernel.pure.mqtt_credentials import verify
from telecare.wire.topics import CANARY_HUB, MARKER

FROM_HUB = frozenset({"alarm", "event", "heartbeat", "status", "result"})
TO_HUB = frozenset({"ack", "command"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")  # no user name that would be read as a part of a topic filter
FRESH_S = 5.0
READ_WITHIN_S = 3.0
LEAVE_ALONE_S = 1.0  # a database that is away is asked once in this time, not once for each hub that reconnects
ROOT = ["telecare", "v1"]

_ACCOUNT = """
    SELECT credential, role FROM broker_account WHERE username = $1
    UNION ALL
    SELECT mqtt_credential, 'hub' FROM hub
    WHERE hub_id = $1 AND mqtt_credential IS NOT NULL AND NOT EXISTS (SELECT FROM broker_account WHERE username = $1)
"""


@dataclass(frozen=True)
class Account:
    """What is known of an account; `read_at` is monotonic."""

    credential: str
    role: str
    read_at: float


ROLES: dict[str, str] = {}
"""The role of each user who has logged in to this broker process."""


def may(role: str | None, username: str, topic: str, action: Action) -> bool:
    """Say whether this account may publish to, subscribe to or receive this topic (or filter)."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[:2] != ROOT:  # noqa: PLR2004 - telecare/v1/{hub_id}/{lane}
        return False
    hub_id, lane = parts[2:]
    writing = action is Action.PUBLISH
    match role:
        case "hub" | "canary":
            return hub_id == username and lane in (FROM_HUB if writing else TO_HUB)
        case "service":
            return hub_id != "#" and (lane == MARKER or lane in (TO_HUB if writing else FROM_HUB))
        case "gateway":
            return hub_id not in {"#", CANARY_HUB} and lane in (FROM_HUB if writing else TO_HUB)
        case _:
            return False


class AccountPlugin(BaseAuthPlugin):
    """Checks user name and password at log-in, and the topic of the last will."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._accounts: dict[str, Account] = {}
        self._pool: asyncpg.Pool | None = None
        self._away_until = 0.0

    async def authenticate(self, *, session: Session) -> bool:
        """Let in whoever proves to be an account; nobody anonymous."""
        username, password = session.username, session.password
        if username is None or password is None or not NAME.fullmatch(username):
            return False
        account = await self._account(username)
        if account is None or not verify(password, account.credential):
            return False
        will = session.will_topic
        if session.will_flag and will and not may(account.role, username, will, Action.PUBLISH):
            return False
        ROLES[username] = account.role
        return True

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.terminate()

    async def _account(self, username: str) -> Account | None:
        known = self._accounts.get(username)
        asked_at = time.monotonic()
        if asked_at < self._away_until or (known is not None and asked_at - known.read_at < FRESH_S):
            return known
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                row = await self._read(username)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            self._away_until = time.monotonic() + LEAVE_ALONE_S
            return known
        if row is None:
            self._accounts.pop(username, None)
            return None
        self._accounts[username] = account = Account(row["credential"], row["role"], time.monotonic())
        return account

    async def _read(self, username: str) -> Any:
        if self._pool is None:
            dsn = self.config.database_dsn
            self._pool = await asyncpg.create_pool(dsn, min_size=0, max_size=4, timeout=3, command_timeout=3)
        return await self._pool.fetchrow(_ACCOUNT, username)

    @dataclass
    class Config:
        """Where the accounts are."""

        database_dsn: str = ""


class TopicPlugin(BaseTopicPlugin):
    """Checks each topic that is published, subscribed to or received."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Allow what the account may do, and nothing else."""
        if session is None or topic is None or action is None or session.username is None:
            return False
        return may(ROLES.get(session.username), session.username, topic, action)

    @dataclass
    class Config:
        """Nothing to configure; amqtt wants one."""
