"""Coming in: log-in with lock-out, log-out, and who a request acts for.

Only hashes of tokens are stored: a copy of the database lets nobody in.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from telecare.access.browsers import Browser, KnownBrowsers
from telecare.access.domain import Actor, UserRole
from telecare.access.models import User
from telecare.access.passwords import check_room, hash_password, needs_rehash, verify_password
from telecare.access.repository import ApiTokenRepository, AuditRepository, SessionRepository, UserRepository
from telecare.kernel.db import Database, database_now
from telecare.kernel.errors import ForbiddenError, StaleFormError, UnauthenticatedError
from telecare.kernel.pure.jsonsafe import clean_text

SESSION_COOKIE = "telecare_session"
SESSION_LIFE = timedelta(hours=12)
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
LOCK_AFTER = 10
LOCK_FOR = timedelta(minutes=15)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_REFUSED = "The user name or the password is not right, or the account is locked for 15 minutes after 10 failures"


class LoggedIn(NamedTuple):
    """A fresh log-in: the token goes into the cookie, the CSRF token into forms."""

    user: User
    session_token: str
    csrf_token: str


def token_hash(token: str) -> bytes:
    """Return what is stored of a token; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def actor_of(user: User, covered: Iterable[str] = ()) -> Actor:
    """Return the actor that a user is, while their councils cover these others."""
    councils = frozenset(user.councils)
    return Actor("user", user.id, user.display_name, UserRole(user.role), councils, user.username).covering(covered)


class FromBrowser(NamedTuple):
    """The browser that a log-in comes from, and who knows it."""

    known: KnownBrowsers
    browser: Browser

    def may_try(self, user: User) -> bool:
        """Count a try of this browser; False when it is not known for the user."""
        return user.active and self.known.may_try(self.browser, user.id, LOCK_AFTER)


async def login(
    database: Database, username: str, password: str, replaced: str | None = None, sender: FromBrowser | None = None
) -> LoggedIn:
    """Open a session, or raise UnauthenticatedError in the same words and time whatever was wrong.

    `replaced` is the token of the session that this browser had before; it ends.

    It takes the database and not the request's transaction: a failure must count although the reply is an error. The
    try counts before the password is checked, so a hundred guesses at once are still ten; one that will not be checked,
    because too many wait, does not count. Where this user has logged in before (`sender`), strangers' failures do not
    lock anybody out, and such a log-in does not forgive them.
    """
    check_room(known=sender is not None and bool(sender.browser.people))
    async with database.transaction() as session:
        user = await UserRepository(session).by_username(clean_text(username))
        known = user is not None and sender is not None and sender.may_try(user)
        tried = known or (user is not None and _may_try(user, await database_now(session)))
        stored = user.password_hash if user is not None and tried else None
    if not await verify_password(stored, password, known=known):
        await _audit_failure(database, user)
        raise UnauthenticatedError(_REFUSED)
    fresh_hash = await hash_password(password) if needs_rehash(stored or "") else None
    async with database.transaction() as session:
        if replaced is not None:
            await SessionRepository(session).end(token_hash(replaced))
        return await _open_session(session, user, fresh_hash, forgive=not known)


def _may_try(user: User, now: datetime) -> bool:
    """Count this try; False when the account is locked or switched off."""
    if not user.active or (user.locked_until is not None and user.locked_until > now):
        return False
    user.failed_logins = user.failed_logins + 1 if user.locked_until is None else 1
    user.locked_until = now + LOCK_FOR if user.failed_logins >= LOCK_AFTER else None
    return True


async def _audit_failure(database: Database, user: User | None) -> None:
    """Write down a refused try. What was typed is not kept: people type passwords into the field for the name."""
    async with database.transaction() as session:
        await AuditRepository(session).add("anonymous", "login_failed", "user", "unknown" if user is None else user.id)


async def _open_session(session: AsyncSession, user: User | None, fresh_hash: str | None, *, forgive: bool) -> LoggedIn:
    """Forgive the failures, open the session and write it down; the user may be gone since the password was checked."""
    present = await UserRepository(session).get(user.id) if user is not None else None
    if present is None or not present.active:
        raise UnauthenticatedError(_REFUSED)
    if forgive:
        present.failed_logins, present.locked_until = 0, None
    present.password_hash = fresh_hash or present.password_hash
    token, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    await SessionRepository(session).add(token_hash(token), present.id, csrf_token, SESSION_LIFE)
    await AuditRepository(session).add(actor_of(present), "logged_in", "user", present.id)
    return LoggedIn(present, token, csrf_token)


def check_own_form(request: Request) -> None:
    """Raise ForbiddenError for a log-in that another site's page sends: it would make somebody work as somebody else.

    There is no session yet whose CSRF token could be asked for; browsers say themselves who sends (Fetch Metadata).
    """
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise ForbiddenError("Another site sent this log-in: open the log-in page itself")


async def logout(session: AsyncSession, token: str, actor: Actor) -> bool:
    """End the session of this cookie; ending it twice is no error. Return whether the user is logged in nowhere now."""
    sessions = SessionRepository(session)
    user_id = await sessions.end(token_hash(token))
    if user_id is not None:
        await AuditRepository(session).add(actor, "logged_out", "user", user_id)
    return not await sessions.has_any(user_id or actor.id)


async def authenticate(session: AsyncSession, request: Request) -> Actor:
    """Return who acts, by `Authorization: Bearer` or by the session cookie.

    Raises UnauthenticatedError when nobody does, and ForbiddenError when a cookie alone would change something: a
    browser sends cookies with other sites' requests too, so those need the session's CSRF token in the header
    `X-CSRF-Token` or the form field `csrf_token`. Pages find that token in `request.state.csrf_token`.
    """
    header = request.headers.get("authorization")
    if header is not None:
        return await _by_bearer(session, header)
    return await _by_cookie(session, request)


async def _by_bearer(session: AsyncSession, header: str) -> Actor:
    scheme, _, token = header.partition(" ")
    found = await ApiTokenRepository(session).find(token_hash(token.strip())) if scheme.lower() == "bearer" else None
    if found is None:
        raise UnauthenticatedError("The token is not valid: send Authorization: Bearer TOKEN with one not revoked")
    token_row, covered = found
    councils = frozenset(token_row.councils)
    return Actor("token", token_row.id, token_row.name, UserRole(token_row.role), councils).covering(covered)


async def _by_cookie(session: AsyncSession, request: Request) -> Actor:
    token = request.cookies.get(SESSION_COOKIE)
    found = await SessionRepository(session).find(token_hash(token)) if token else None
    if found is None:
        raise UnauthenticatedError("Log in, or send Authorization: Bearer TOKEN")
    row, user, covered = found
    if request.method not in _SAFE_METHODS and not await _has_csrf_token(request, row.csrf_token):
        raise StaleFormError(f"This request lacks the session's CSRF token in {CSRF_HEADER} or {CSRF_FIELD}")
    request.state.csrf_token = row.csrf_token
    return actor_of(user, covered)


async def _has_csrf_token(request: Request, expected: str) -> bool:
    sent: object = request.headers.get(CSRF_HEADER)
    if sent is None and request.headers.get("content-type", "").lower().startswith(_FORMS):
        sent = (await request.form()).get(CSRF_FIELD)
    return isinstance(sent, str) and hmac.compare_digest(sent.encode(), expected.encode())
