"""Administering who may come in: users and API tokens.

Whoever is bound to some councils gives nobody more than that. `by` is the acting administrator, or None for the command
line, whose user already holds the database.
"""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.domain import Actor, UserRole
from telecare.access.models import ApiToken, User
from telecare.access.passwords import hash_password
from telecare.access.repository import (
    ApiTokenRepository,
    AuditRepository,
    FeedRepository,
    SessionRepository,
    UserRepository,
    unknown_councils,
)
from telecare.access.service import token_hash
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RefusedError
from telecare.kernel.ids import new_id

USERNAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
PASSWORD_MIN = 12
PASSWORD_MAX = 1024
TOKEN_PREFIX = "tc_"  # noqa: S105 - what every token begins with, so that secret scanners know one

_SYSTEM = "system"


class IssuedToken(NamedTuple):
    """A fresh API token and its plain text, which is shown this once."""

    token: ApiToken
    plain: str


@dataclass(frozen=True)
class UserChange:
    """What changes of a user; None stays as it is."""

    display_name: str | None = None
    role: UserRole | None = None
    active: bool | None = None
    councils: frozenset[str] | None = None


async def create_user(
    session: AsyncSession,
    *,
    username: str,
    display_name: str,
    password: str,
    role: UserRole,
    councils: Collection[str] = (),
    by: Actor | None = None,
) -> User:
    """Create a user; ConflictError when the name is taken, InvalidError for what cannot be one."""
    await _check_councils(session, by, councils)
    if not re.fullmatch(USERNAME, username):
        what = "up to 64 letters, digits and . _ @ -, a letter or digit first"
        raise InvalidError("This cannot be a user name", errors=[{"where": "body.username", "what": what}])
    user = User(
        id=new_id(),
        username=username,
        display_name=display_name,
        password_hash=await _hashed(password),
        role=role,
        councils=sorted(councils),
    )
    users = UserRepository(session)
    if not await users.add(user):
        raise ConflictError(f"There is a user {username} already")
    await AuditRepository(session).add(
        by or _SYSTEM, "user_created", "user", user.id, details={"role": role, "councils": sorted(councils)}
    )
    return await _require_user(session, by, user.id)


async def change_user(session: AsyncSession, user_id: UUID, change: UserChange, by: Actor | None = None) -> User:
    """Change a user; RefusedError for the last administrator.

    Whoever is switched off is logged out at once, and the addresses of their calendar open nothing more.
    """
    administrators = await UserRepository(session).lock_administrators()
    user = await _require_user(session, by, user_id)
    if change.councils is not None:
        await _check_councils(session, by, change.councils)
    changed = {
        name: value
        for name, value in (
            ("display_name", change.display_name),
            ("role", change.role),
            ("active", change.active),
            ("councils", None if change.councils is None else sorted(change.councils)),
        )
        if value is not None and value != getattr(user, name)
    }
    for name, value in changed.items():
        setattr(user, name, value)
    still_one = user.active and user.role == UserRole.ADMINISTRATOR and not user.councils
    if administrators == [user.id] and not still_one:
        raise RefusedError("This is the last active administrator of all councils: make another one first")
    await session.flush()
    if not user.active:
        await SessionRepository(session).end_all(user.id)
        await FeedRepository(session).revoke(user_id=user.id)
    if changed:
        await AuditRepository(session).add(by or _SYSTEM, "user_changed", "user", user.id, details=changed)
    return user


async def set_password(session: AsyncSession, user_id: UUID, password: str, by: Actor | None = None) -> None:
    """Set a password, end the user's sessions and lift a lock-out."""
    hashed = await _hashed(password)
    user = await _require_user(session, by, user_id)
    user.password_hash, user.failed_logins, user.locked_until = hashed, 0, None
    await session.flush()
    await SessionRepository(session).end_all(user.id)
    await AuditRepository(session).add(by or _SYSTEM, "password_set", "user", user.id)


async def create_api_token(
    session: AsyncSession,
    *,
    name: str,
    role: UserRole,
    councils: Collection[str] = (),
    expires_at: datetime | None = None,
    by: Actor | None = None,
) -> IssuedToken:
    """Issue a token for a program; its plain text is in the reply and nowhere else."""
    await _check_councils(session, by, councils)
    plain = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        id=new_id(),
        token_hash=token_hash(plain),
        name=name,
        role=role,
        councils=sorted(councils),
        expires_at=expires_at,
    )
    await ApiTokenRepository(session).add(token)
    await AuditRepository(session).add(
        by or _SYSTEM, "token_created", "token", token.id, details={"role": role, "councils": sorted(councils)}
    )
    return IssuedToken(token, plain)


async def revoke_api_token(session: AsyncSession, token_id: UUID, by: Actor | None = None) -> None:
    """Revoke a token; once more is no error. NotFoundError when there is none."""
    tokens = ApiTokenRepository(session)
    token = await tokens.get(token_id)
    if token is None or not _governs(by, token.councils):
        raise NotFoundError(f"There is no token {token_id}")
    if token.revoked_at is None:
        await tokens.revoke(token_id)
        await AuditRepository(session).add(by or _SYSTEM, "token_revoked", "token", token_id)


async def _require_user(session: AsyncSession, by: Actor | None, user_id: UUID) -> User:
    user = await UserRepository(session).get(user_id)
    if user is None or not _governs(by, user.councils):
        raise NotFoundError(f"There is no user {user_id}")
    return user


async def _check_councils(session: AsyncSession, by: Actor | None, councils: Collection[str]) -> None:
    if not _governs(by, councils):
        raise ForbiddenError("You may give access to your own councils only")
    unknown = await unknown_councils(session, councils)
    if unknown:
        errors = [{"where": "body.councils", "what": f"{code} is no council's code"} for code in sorted(unknown)]
        raise InvalidError("There is no such council", errors=errors)


def _governs(by: Actor | None, councils: Collection[str]) -> bool:
    """Say whether these councils (none means all) lie within the acting administrator's."""
    return by is None or by.governs(councils)


async def _hashed(password: str) -> str:
    if len(password) < PASSWORD_MIN:
        raise InvalidError(
            "The password is too short",
            errors=[{"where": "body.password", "what": f"at least {PASSWORD_MIN} characters"}],
        )
    if len(password) > PASSWORD_MAX:
        raise InvalidError(
            "The password is too long",
            errors=[{"where": "body.password", "what": f"at most {PASSWORD_MAX} characters"}],
        )
    return await hash_password(password)
