"""Calendars for programs that cannot log in: an address that nobody can guess, and that can be revoked."""

import secrets
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.domain import Actor, Permission
from telecare.access.repository import FeedRepository
from telecare.access.service import actor_of, token_hash


class FeedService:
    """Tokens of calendars. A calendar is a `rota_id`, a `responder_id` (their shifts) or a `user_id` (their visits)."""

    def __init__(self, session: AsyncSession) -> None:
        self.feeds = FeedRepository(session)

    async def issue(self, by: str, council_id: str | None, **subject: UUID) -> str:
        """Return a fresh token that opens a calendar; only its hash is kept."""
        token = f"cal_{secrets.token_urlsafe(32)}"
        await self.feeds.add(token_hash=token_hash(token), council_id=council_id, made_by=by, **subject)
        return token

    async def opens(self, token: str, **subject: UUID) -> bool:
        """Say whether a token opens this calendar."""
        return await self.feeds.opens(token_hash(token), **subject)

    async def reader(self, token: str, user_id: UUID) -> Actor | None:
        """Return as whom a token reads the visits of a user, with what that user may see now.

        None for a token that opens another calendar or none, and for whoever is no more of those who visit homes.
        """
        user = await self.feeds.user(token_hash(token), user_id)
        reader = None if user is None else actor_of(user)
        return reader if reader is not None and reader.may(Permission.SWITCH_OVER) else None

    async def revoke(self, **subject: UUID) -> int:
        """Revoke every token of this calendar; return how many there were."""
        return await self.feeds.revoke(**subject)
