"""All queries on invitations."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Notify
from alarms.invitations.domain import CODE_RESTS, LINK_OUTLIVES, free_code
from alarms.invitations.models import Invitation
from telecare.kernel.db import LastWrite, write_last, write_now
from telecare.kernel.ids import new_id

WITH_CODES = frozenset({"sms"})
"""The channels by which people answer with a code."""

_TAKEN = text(
    """
    SELECT i.address, i.code, i.alarm_id
      FROM invitation i JOIN alarm a ON a.id = i.alarm_id
     WHERE i.channel = ANY(:channels) AND i.address = ANY(:addresses) AND i.code IS NOT NULL
       AND (a.handling <> 'closed' OR a.closed_at > clock_timestamp() - CAST(:rests AS interval))
    """
)

_LOCK_NUMBERS = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(number, 7005)) IS NULL"
    " FROM unnest(CAST(:numbers AS text[])) AS number"
)

_ADD = LastWrite(
    order=1,
    ctes="""
        asked AS (
            INSERT INTO invitation (id, alarm_id, council_id, effect_key, target, party_id, party_name, channel,
                                    address, token_hash, code)
            SELECT id, alarm_id, council_id, effect_key, target, party_id, party_name, channel, address, token_hash,
                   code
              FROM jsonb_to_recordset(CAST(:invitations AS jsonb))
                   AS row (id uuid, alarm_id uuid, council_id text, effect_key text, target text, party_id uuid,
                           party_name text, channel text, address text, token_hash bytea, code int)
                ON CONFLICT DO NOTHING
            RETURNING 1)
    """,
    result="(SELECT count(*) FROM asked)",
    values=lambda rows: {"invitations": msgspec.json.encode(rows).decode()},
)


@dataclass(frozen=True)
class Asked:
    """How somebody can answer a message: by the link's token, and by a code where they can text back."""

    token: str
    code: int | None


class InvitationRepository:
    """Reads and writes of invitations in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, alarm_id: UUID, council_id: str | None, effects: Sequence[Notify]) -> dict[str, Asked]:
        """Ask the parties of these messages; return how each message can be answered, by its effect key.

        They are written at the end of the transaction, with the messages.
        """
        asking = [effect for effect in effects if effect.party]
        if not asking:
            return {}
        codes = await self._codes(alarm_id, [e.to.address for e in asking if e.to.channel in WITH_CODES])
        asked = {
            effect.effect_key: Asked(
                secrets.token_urlsafe(24), codes.get(effect.to.address) if effect.to.channel in WITH_CODES else None
            )
            for effect in asking
        }
        rows = [
            {
                "id": new_id(),
                "alarm_id": alarm_id,
                "council_id": council_id,
                "effect_key": effect.effect_key,
                "target": effect.target,
                "party_id": UUID(effect.party),
                "party_name": effect.party_name,
                "channel": effect.to.channel,
                "address": effect.to.address,
                "token_hash": f"\\x{token_hash(asked[effect.effect_key].token).hex()}",
                "code": asked[effect.effect_key].code,
            }
            for effect in asking
        ]
        write_last(self.session, _ADD, rows)
        return asked

    async def by_token(self, token: str) -> Invitation | None:
        """Return the invitation of a link, as long as its alarm is open or has not ended long ago."""
        statement = select(Invitation).where(Invitation.token_hash == token_hash(token), _is_alive())
        return (await self.session.execute(statement, {"outlives": LINK_OUTLIVES})).scalar_one_or_none()

    async def by_effect(self, effect_key: str) -> Invitation | None:
        """Return the invitation of a message."""
        statement = select(Invitation).where(Invitation.effect_key == effect_key)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def of_number(self, channel: str, address: str) -> Sequence[Invitation]:
        """Return what a number was asked within the time in which codes rest, the newest first."""
        statement = (
            select(Invitation)
            .where(
                Invitation.channel == channel,
                Invitation.address == address,
                Invitation.created_at > func.clock_timestamp() - 2 * CODE_RESTS,
            )
            .order_by(Invitation.created_at.desc(), Invitation.id.desc())
            .limit(200)
        )
        return (await self.session.execute(statement)).scalars().all()

    async def forget(self, older_than: timedelta) -> int:
        """Forget the invitations of alarms that ended so long ago; return how many."""
        gone = text(
            """
            DELETE FROM invitation i USING alarm a
             WHERE a.id = i.alarm_id AND a.closed_at < clock_timestamp() - CAST(:older AS interval) RETURNING i.id
            """
        )
        return len((await self.session.execute(gone, {"older": older_than})).all())

    async def _codes(self, alarm_id: UUID, addresses: Sequence[str]) -> dict[str, int | None]:
        """Return a code for each number: the one it has for this alarm already, or the smallest that has rested."""
        if not addresses:
            return {}
        await write_now(self.session)
        # One at a time for each number: two alarms that ask it at once must not have the same code.
        await self.session.execute(_LOCK_NUMBERS, {"numbers": sorted({*addresses})})
        taken: dict[str, set[int]] = defaultdict(set)
        mine: dict[str, int] = {}
        values = {"channels": list(WITH_CODES), "addresses": list(addresses), "rests": CODE_RESTS}
        for address, code, of_alarm in await self.session.execute(_TAKEN, values):
            taken[address].add(code)
            if of_alarm == alarm_id:
                mine[address] = code
        return {address: mine.get(address) or free_code(taken[address]) for address in addresses}


def token_hash(token: str) -> bytes:
    """Return what is kept of a link's token."""
    return hashlib.sha256(token.encode()).digest()


def _is_alive() -> Any:
    alive = text(
        "EXISTS (SELECT FROM alarm a WHERE a.id = invitation.alarm_id AND (a.handling <> 'closed'"
        " OR a.closed_at > clock_timestamp() - CAST(:outlives AS interval)))"
    )
    return alive.bindparams(bindparam("outlives"))
