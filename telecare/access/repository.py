"""All queries on people, sessions, tokens, addresses of calendars, broker accounts, audit and idempotent replies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Numeric,
    Text,
    any_,
    cast,
    column,
    delete,
    exists,
    func,
    select,
    table,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from telecare.access.domain import Actor, UserRole
from telecare.access.models import ApiToken, AuditEntry, BrokerAccount, CalendarFeed, IdempotentReply, Session, User
from telecare.kernel.among import among
from telecare.kernel.ids import new_id

# The register's; this room may not import it.
_council = table("council", column("code", Text))
_cover = table("cover", column("council_id", Text), column("partner_id", Text), column("ended_at"))  # of the alarms
_hub = table("hub", column("hub_id", Text), column("mqtt_credential", Text))


async def unknown_councils(session: AsyncSession, codes: Collection[str]) -> set[str]:
    """Return those codes that are no council's."""
    known = await session.execute(select(_council.c.code).where(among(_council.c.code, codes)))
    return set(codes) - set(known.scalars())


def _covered_by(councils: InstrumentedAttribute[list[str]]) -> Any:
    """Return the councils that are covered by these at this moment, as a column: it costs no question of its own."""
    running = select(_cover.c.council_id).where(_cover.c.partner_id == any_(councils), _cover.c.ended_at.is_(None))
    return func.array(running.scalar_subquery(), type_=ARRAY(Text))


class UserRepository:
    """People who log in."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, user: User) -> bool:
        """Add a user; False when the user name is taken, however it is capitalised."""
        columns = ("id", "username", "display_name", "password_hash", "role", "councils")
        values = {name: getattr(user, name) for name in columns}
        statement = insert(User).values(values).on_conflict_do_nothing().returning(User.id)
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def get(self, user_id: UUID) -> User | None:
        """Return a user, locked until the end of the transaction, or None."""
        return await self.session.get(User, user_id, with_for_update=True)

    async def by_username(self, username: str) -> User | None:
        """Return the user with this name, locked until the end of the transaction, or None."""
        statement = select(User).where(func.lower(User.username) == func.lower(username)).with_for_update()
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def page(self, actor: Actor, after: str | None, limit: int) -> list[User]:
        """Return users by user name, those of the actor's councils only."""
        statement = select(User).order_by(func.lower(User.username)).limit(limit)
        if actor.councils:
            statement = statement.where(User.councils != [], User.councils.contained_by(sorted(actor.councils)))
        if after is not None:
            statement = statement.where(func.lower(User.username) > after)
        return list((await self.session.execute(statement)).scalars())

    async def engineers(self, council_id: str | None = None) -> list[User]:
        """Return the active engineers, of one council or of all, by name."""
        statement = select(User).where(User.role == UserRole.ENGINEER, User.active).order_by(User.display_name)
        if council_id is not None:
            statement = statement.where((User.councils == []) | User.councils.contains([council_id]))
        return list((await self.session.execute(statement)).scalars())

    async def lock_administrators(self) -> list[UUID]:
        """Return the active administrators of all councils, locked: two of them cannot remove each other at once."""
        statement = (
            select(User.id)
            .where(User.role == UserRole.ADMINISTRATOR, User.active, User.councils == [])
            .order_by(User.id)
            .with_for_update()
        )
        return list((await self.session.execute(statement)).scalars())


class SessionRepository:
    """Log-ins of the console, by the hash of their token."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, token_hash: bytes, user_id: UUID, csrf_token: str, life: timedelta) -> None:
        """Open a session; those of this user that have run out go."""
        now = func.now()
        await self.session.execute(delete(Session).where(Session.user_id == user_id, Session.expires_at <= now))
        row = {"token_hash": token_hash, "user_id": user_id, "csrf_token": csrf_token, "expires_at": now + life}
        await self.session.execute(insert(Session).values(row))

    async def find(self, token_hash: bytes) -> tuple[Session, User, list[str]] | None:
        """Return a session that has not run out, with its active user and the councils that theirs cover now."""
        statement = (
            select(Session, User, _covered_by(User.councils))
            .join(User, User.id == Session.user_id)
            .where(Session.token_hash == token_hash, Session.expires_at > func.now(), User.active)
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    async def end(self, token_hash: bytes) -> UUID | None:
        """End one session; return whose it was."""
        statement = delete(Session).where(Session.token_hash == token_hash).returning(Session.user_id)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def has_any(self, user_id: UUID) -> bool:
        """Say whether a user is logged in somewhere."""
        statement = select(exists().where(Session.user_id == user_id, Session.expires_at > func.now()))
        return bool((await self.session.execute(statement)).scalar_one())

    async def end_all(self, user_id: UUID) -> None:
        """End every session of a user."""
        await self.session.execute(delete(Session).where(Session.user_id == user_id))

    async def forget_run_out(self) -> None:
        """Remove the sessions that have run out, also of those who never log in again."""
        await self.session.execute(delete(Session).where(Session.expires_at <= func.now()))

    async def logged_in(self, roles: Collection[UserRole]) -> int:
        """Return how many people of these roles are logged in."""
        statement = (
            select(func.count(User.id.distinct()))
            .join(Session, Session.user_id == User.id)
            .where(User.active, User.role.in_(roles), Session.expires_at > func.now())
        )
        return (await self.session.execute(statement)).scalar_one()


class FeedRepository:
    """The tokens with which calendar programs read. A calendar is a `rota_id`, a `responder_id` or a `user_id`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, **columns: Any) -> None:
        """Add a token by its hash."""
        await self.session.execute(insert(CalendarFeed).values(**columns))

    async def opens(self, token_hash: bytes, **subject: UUID) -> bool:
        """Say whether a token that is not revoked opens this calendar."""
        statement = select(CalendarFeed.token_hash).where(CalendarFeed.token_hash == token_hash, *_of(subject))
        return (await self.session.execute(statement)).scalar_one_or_none() is not None

    async def user(self, token_hash: bytes, user_id: UUID) -> User | None:
        """Return whose visits a token opens; None when it does not, or when the account is closed."""
        statement = (
            select(User)
            .join(CalendarFeed, CalendarFeed.user_id == User.id)
            .where(CalendarFeed.token_hash == token_hash, *_of({"user_id": user_id}), User.active)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def revoke(self, **subject: UUID) -> int:
        """Revoke every token of this calendar; return how many there were."""
        statement = update(CalendarFeed).where(*_of(subject)).values(revoked_at=func.now())
        return len((await self.session.execute(statement.returning(CalendarFeed.token_hash))).all())


def _of(subject: Mapping[str, UUID]) -> list[ColumnElement[bool]]:
    """Return what picks the tokens of a calendar that are not revoked."""
    ((name, value),) = subject.items()
    return [getattr(CalendarFeed, name) == value, CalendarFeed.revoked_at.is_(None)]


class ApiTokenRepository:
    """Keys of programs, by their hash."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, token: ApiToken) -> None:
        """Add a token and read back what the database fills in."""
        self.session.add(token)
        await self.session.flush()
        await self.session.refresh(token)

    async def find(self, token_hash: bytes) -> tuple[ApiToken, list[str]] | None:
        """Return a token that is neither revoked nor expired, with the councils that its own cover now."""
        statement = select(ApiToken, _covered_by(ApiToken.councils)).where(
            ApiToken.token_hash == token_hash,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at.is_(None) | (ApiToken.expires_at > func.now()),
        )
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def get(self, token_id: UUID) -> ApiToken | None:
        """Return a token, locked until the end of the transaction, or None."""
        return await self.session.get(ApiToken, token_id, with_for_update=True)

    async def page(self, actor: Actor, before: UUID | None, limit: int) -> list[ApiToken]:
        """Return tokens, newest first, those of the actor's councils only."""
        statement = select(ApiToken).order_by(ApiToken.id.desc()).limit(limit)
        if actor.councils:
            statement = statement.where(ApiToken.councils != [], ApiToken.councils.contained_by(sorted(actor.councils)))
        if before is not None:
            statement = statement.where(ApiToken.id < before)
        return list((await self.session.execute(statement)).scalars())

    async def revoke(self, token_id: UUID) -> None:
        """Revoke a token; the moment of the first revocation stays."""
        await self.session.execute(
            update(ApiToken).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None)).values(revoked_at=func.now())
        )


class BrokerAccountRepository:
    """Accounts on the broker that are not a hub's."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def put(self, username: str, credential: str, role: str) -> None:
        """Create the account or replace its credential and role."""
        statement = insert(BrokerAccount).values(username=username, credential=credential, role=role)
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["username"],
                set_={"credential": statement.excluded.credential, "role": statement.excluded.role},
            )
        )

    async def all(self) -> list[BrokerAccount]:
        """Return every account that is not a hub's."""
        return list((await self.session.execute(select(BrokerAccount))).scalars())

    async def hub_credentials(self) -> dict[str, str]:
        """Return the credential of every hub that has one, by hub id."""
        statement = select(_hub.c.hub_id, _hub.c.mqtt_credential).where(_hub.c.mqtt_credential.is_not(None))
        return {row.hub_id: row.mqtt_credential for row in await self.session.execute(statement)}

    async def fingerprint(self) -> str:
        """Return a value that is another one after any account of hubs or others has changed."""
        lines = union_all(
            select(func.concat_ws(":", _hub.c.hub_id, _hub.c.mqtt_credential).label("line")).where(
                _hub.c.mqtt_credential.is_not(None)
            ),
            select(func.concat_ws(":", BrokerAccount.username, BrokerAccount.credential, BrokerAccount.role)),
        ).subquery()
        # The database adds up the hashes: a poll moves one number, not a line for each hub of a nation.
        total = func.coalesce(func.sum(cast(func.hashtextextended(lines.c.line, 0), Numeric)), 0)
        return str((await self.session.execute(select(total))).scalar_one())


@dataclass(frozen=True)
class AuditFilter:
    """Which entries of the audit to show."""

    actor: str | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    council_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRepository:
    """The record of who did and looked at what; rows are only ever added."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(
        self,
        actor: Actor | str,
        action: str,
        subject_kind: str,
        subject_id: str | UUID,
        council_id: str | None = None,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Write one entry in the transaction of what it is about; `actor` may be a label such as `system`."""
        await self.session.execute(
            insert(AuditEntry).values(
                id=new_id(),
                actor=actor.label if isinstance(actor, Actor) else actor,
                action=action,
                subject_kind=subject_kind,
                subject_id=str(subject_id),
                council_id=council_id,
                reason=reason,
                details=details,
            )
        )

    async def add_unless_lately(
        self, actor: Actor, action: str, subject_kind: str, subject_id: UUID, council_id: str, within: timedelta
    ) -> None:
        """Write an entry unless this actor has the same one of so short a time ago: who follows looks all the time."""
        same = {"actor": actor.label, "action": action, "subject_kind": subject_kind, "subject_id": str(subject_id)}
        known = select(AuditEntry.id).filter_by(**same, council_id=council_id)
        known = known.where(AuditEntry.at > func.statement_timestamp() - within).limit(1)
        if (await self.session.execute(known)).scalar_one_or_none() is None:
            await self.add(actor, action, subject_kind, subject_id, council_id)

    async def page(self, actor: Actor, wanted: AuditFilter, before: UUID | None, limit: int) -> list[AuditEntry]:
        """Return entries, newest first. Who sees some councils only sees entries of those only."""
        statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
        for name in ("actor", "action", "subject_kind", "subject_id", "council_id"):
            if (value := getattr(wanted, name)) is not None:
                statement = statement.where(getattr(AuditEntry, name) == value)
        if wanted.since is not None:
            statement = statement.where(AuditEntry.at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(AuditEntry.at < wanted.until)
        if actor.councils:
            statement = statement.where(AuditEntry.council_id.in_(actor.councils))
        if before is not None:
            statement = statement.where(AuditEntry.id < before)
        return list((await self.session.execute(statement)).scalars())


class IdempotencyRepository:
    """Replies of POSTs that carried an `Idempotency-Key`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def claim(self, actor: str, key: str, request_hash: bytes) -> IdempotentReply | None:
        """Take the key for this transaction and return None, or return the reply that it already has.

        The same key in a transaction that still runs makes this one wait on the primary key: it then finds the reply,
        or, when the other was rolled back, has the key.
        """
        mine = insert(IdempotentReply).values(actor=actor, key=key, request_hash=request_hash, status=0, body=b"")
        taken = await self.session.execute(mine.on_conflict_do_nothing().returning(IdempotentReply.key))
        if taken.scalar_one_or_none() is not None:
            return None
        stored = select(IdempotentReply).where(IdempotentReply.actor == actor, IdempotentReply.key == key)
        return (await self.session.execute(stored)).scalar_one()

    async def save(self, actor: str, key: str, status: int, body: bytes) -> None:
        """Store the reply of the key that this transaction has claimed."""
        await self.session.execute(
            update(IdempotentReply)
            .where(IdempotentReply.actor == actor, IdempotentReply.key == key)
            .values(status=status, body=body)
        )

    async def forget(self, older_than: timedelta) -> None:
        """Remove replies that nobody will ask for again."""
        await self.session.execute(delete(IdempotentReply).where(IdempotentReply.created_at < func.now() - older_than))
