"""All queries on policies and their versions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.policy.document import PolicyDocument
from alarms.policy.matching import Live
from alarms.policy.models import Policy, PolicyVersion
from alarms.responders.repository import seen_by
from alarms.work.repository import COVERING
from telecare.kernel.among import among
from telecare.kernel.asking import Question, ask
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger

log = get_logger("policy")

_LIVE = """
    SELECT v.policy_id, v.version, v.document, p.key
      FROM policy p JOIN policy_version v ON v.policy_id = p.id AND v.version = p.version
     WHERE p.retired_at IS NULL AND (p.council_id IS NULL OR p.council_id = :council_id)
"""
_GOVERNING = f"""
    SELECT work.until, found.policy_id, found.version, found.document, found.key
      FROM ({COVERING}) AS work LEFT JOIN ({_LIVE}) AS found ON true
"""  # noqa: S608 - our own statements
"""Both in one, as each new alarm needs both."""


class Governing(NamedTuple):
    """What a new alarm goes by: its council's policies and those that serve all, and planned work where it was raised.

    `unreadable`: the keys of policies that could not be read. `work_until`: until when planned work goes on there.
    """

    live: list[Live]
    unreadable: tuple[str, ...] = ()
    work_until: datetime | None = None


@lru_cache
def governing(council: str = ":council_id") -> Question[Governing]:
    """Return the question what governs an alarm of `hub_id` raised at `raised_at`, with the clock at `now`.

    `council`: its council in SQL, where that is not known beforehand.
    """
    return Question(_GOVERNING.replace(":council_id", council), _governing)


_READ: dict[tuple[UUID, int], PolicyDocument] = {}
"""Versions never change, so each is read once in a process."""


class PolicyRepository:
    """Reads and writes of policies in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def live(self, council_id: str | None) -> Governing:
        """Return the policies that a council's alarms can go by: its own and those that serve all."""
        return _readable((await self.session.execute(text(_LIVE), {"council_id": council_id})).all(), None)

    async def governing(self, council_id: str | None, hub_id: str, raised_at: datetime, now: datetime) -> Governing:
        """Return what `live` does, and until when planned work goes on where a new alarm of a hub was raised."""
        asked = {"council_id": council_id, "hub_id": hub_id, "raised_at": raised_at, "now": now}
        return await ask(self.session, governing(), asked)

    async def documents(self, councils: Collection[str]) -> list[tuple[Policy, PolicyDocument | None]]:
        """Return the live policies that users of these councils see, each as it is read; None where it cannot be."""
        found: list[tuple[Policy, PolicyDocument | None]] = []
        newest = (PolicyVersion.policy_id == Policy.id) & (PolicyVersion.version == Policy.version)
        statement = (
            select(Policy, PolicyVersion.document)
            .join(PolicyVersion, newest)
            .where(Policy.retired_at.is_(None), seen_by(Policy.council_id, councils))
            .order_by(Policy.key, Policy.id)
        )
        for policy, document in await self.session.execute(statement):
            try:
                found.append((policy, _read(policy.id, policy.version, document)))
            except ValidationError:
                found.append((policy, None))
        return found

    async def page(self, councils: Collection[str], before: UUID | None, limit: int) -> list[Policy]:
        """Return policies, newest first: those of these councils (none means all) and those that serve all."""
        statement = select(Policy).where(Policy.retired_at.is_(None)).order_by(Policy.id.desc()).limit(limit)
        if councils:
            statement = statement.where(Policy.council_id.in_(councils) | Policy.council_id.is_(None))
        if before is not None:
            statement = statement.where(Policy.id < before)
        return list((await self.session.execute(statement)).scalars())

    async def get(self, policy_id: UUID, *, lock: bool = False) -> Policy | None:
        """Return a policy, retired or not; locked when it is to be changed."""
        statement = select(Policy).where(Policy.id == policy_id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def by_key(self, key: str, council_id: str | None) -> Policy | None:
        """Return the live policy with this key of a council, or of all (None)."""
        same = (Policy.key == key, Policy.council_id.is_not_distinct_from(council_id), Policy.retired_at.is_(None))
        return (await self.session.execute(select(Policy).where(*same))).scalar_one_or_none()

    async def version(self, policy_id: UUID, version: int) -> PolicyVersion | None:
        """Return a version, or None."""
        return await self.session.get(PolicyVersion, (policy_id, version))

    async def versions(self, policies: Collection[tuple[UUID, int]]) -> dict[UUID, PolicyVersion]:
        """Return these versions by their policy."""
        ids = dict(policies)
        if not ids:
            return {}
        statement = select(PolicyVersion).where(among(PolicyVersion.policy_id, ids))
        found = (await self.session.execute(statement)).scalars()
        return {row.policy_id: row for row in found if ids[row.policy_id] == row.version}

    async def history(self, policy_id: UUID) -> Sequence[PolicyVersion]:
        """Return all versions of a policy, the newest first."""
        statement = (
            select(PolicyVersion).where(PolicyVersion.policy_id == policy_id).order_by(PolicyVersion.version.desc())
        )
        return (await self.session.execute(statement)).scalars().all()

    async def create(self, council_id: str | None, key: str) -> Policy | None:
        """Add a policy whose first version follows; None when its council has one of this key."""
        statement = (
            insert(Policy)
            .values(id=new_id(), council_id=council_id, key=key, version=1)
            .on_conflict_do_nothing()
            .returning(Policy)
        )
        return (await self.session.execute(statement)).scalar_one_or_none()

    async def add_version(self, policy: Policy, **columns: Any) -> PolicyVersion:
        """Add the policy's present version."""
        statement = (
            insert(PolicyVersion)
            .values(policy_id=policy.id, version=policy.version, council_id=policy.council_id, **columns)
            .returning(PolicyVersion)
        )
        return (await self.session.execute(statement)).scalar_one()

    async def retire(self, policy_id: UUID) -> None:
        """Let no new alarm go by it; its versions stay."""
        await self.session.execute(
            update(Policy).where(Policy.id == policy_id).values(retired_at=func.clock_timestamp())
        )

    async def naming(self, target: str, council_id: str | None) -> list[str]:
        """Return the keys of live policies that name a target such as `rota:wardens`, which must outlive it."""
        found = text(
            """
            SELECT p.key FROM policy p JOIN policy_version v ON v.policy_id = p.id AND v.version = p.version
             WHERE p.retired_at IS NULL
               AND (CAST(:council_id AS text) IS NULL OR p.council_id IS NULL OR p.council_id = :council_id)
               AND jsonb_path_exists(
                       v.document, '$.** ? (@ == $target)', jsonb_build_object('target', CAST(:target AS text)))
             ORDER BY p.key
            """
        )
        return list((await self.session.execute(found, {"target": target, "council_id": council_id})).scalars())


def _governing(rows: Sequence[tuple[Any, ...]]) -> Governing:
    return _readable([tuple(found) for _, *found in rows if found[0] is not None], rows[0][0])


def _readable(rows: Iterable[Sequence[Any]], work_until: datetime | None) -> Governing:
    live, unreadable = [], []
    for policy_id, version, document, key in rows:
        try:
            live.append(Live(_read(policy_id, version, document), version))
        except ValidationError:
            # A document of another release that this one cannot read must not keep an alarm from opening.
            log.exception("policy_not_read", policy_id=str(policy_id), version=version)
            unreadable.append(key)
    return Governing(live, tuple(unreadable), work_until)


def _read(policy_id: UUID, version: int, document: dict[str, Any]) -> PolicyDocument:
    known = _READ.get((policy_id, version))
    if known is None:
        known = _READ[policy_id, version] = PolicyDocument.model_validate(document)
    return known
