"""Looks after rotas: plans with a version, overrides and temporary schedules as single acts."""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.responders.service import ResponderService
from alarms.rota.document import (
    RotationDocument,
    WeeklyDocument,
    dump_layers,
    dump_turns,
    layer_of,
    load_documents,
    with_layer,
)
from alarms.rota.domain import Rota, RotaError, Turn, members_of, without_member
from alarms.rota.models import RotaOverride, RotaPlan, RotaTemporary
from alarms.rota.repository import RotaRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, InvalidError, NotFoundError, StaleError

Documents = Sequence[RotationDocument | WeeklyDocument]


class StaleRotaError(StaleError):
    """The change was made on an older version of the rota than the present one."""

    title = "The rota has changed"


class UnreadableRotaError(ConflictError):
    """The stored rota cannot be read: it must be written anew, and until then nobody is on call by it."""

    slug, title = "unreadable-rota", "The rota cannot be read"


class RotaService:
    """Rotas in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.rotas = RotaRepository(session)
        self.responders = ResponderService(session)

    async def create(self, layers: Documents, **columns: Any) -> RotaPlan:
        """Add a rota; ConflictError when the council has one of this key."""
        await self._check(layers, columns["council_id"])
        plan = await self.rotas.create(plan=dump_layers(layers), **columns)
        if plan is None:
            raise ConflictError(f"There is a rota with the key {columns['key']} already")
        return plan

    async def replace(self, plan: RotaPlan, as_of: int, layers: Documents, **columns: Any) -> None:
        """Put another plan in place of a locked rota's; StaleRotaError when it has changed since `as_of`."""
        check_version(plan, as_of)
        await self._check(layers, plan.council_id)
        await self.rotas.change(plan, plan=dump_layers(layers), **columns)

    async def take_out(self, plan: RotaPlan, member: UUID) -> bool:
        """Take somebody out of a locked rota's layers; whoever else has the turn keeps it. False when not in it."""
        documents = documents_of(plan)
        layers = [layer_of(document) for document in documents]
        if member not in members_of(layers):
            return False
        left = without_member(layers, member, await database_now(self.session), plan.zone)
        changed = [with_layer(document, layer) for document, layer in zip(documents, left, strict=True)]
        await self.rotas.change(plan, plan=dump_layers(changed))
        return True

    async def take_out_everywhere(self, member: UUID, council_id: str | None) -> list[RotaPlan]:
        """Take somebody out of the layers of every rota; return those that they were in."""
        left = []
        for found in await self.rotas.of_member(member, council_id):
            plan = await self.rotas.get(found.id, lock=True)
            # One that cannot be read puts nobody on, and must be written anew anyway.
            with contextlib.suppress(UnreadableRotaError):
                if plan is not None and await self.take_out(plan, member):
                    left.append(plan)
        return left

    async def override(self, plan: RotaPlan, **columns: Any) -> RotaOverride:
        """Write down one act that puts somebody on, takes somebody off, or both (R35)."""
        named = [columns[name] for name in ("member_id", "instead_of_id") if columns[name] is not None]
        await self.responders.check_members(named, plan.council_id, "body")
        return await self.rotas.add_override(rota_id=plan.id, council_id=plan.council_id, **columns)

    async def temporary(self, plan: RotaPlan, turns: Sequence[Turn], **columns: Any) -> RotaTemporary:
        """Write down a period in which these turns, and nothing else, say who is on."""
        await self.responders.check_members([turn.member for turn in turns], plan.council_id, "body.turns")
        row = {"rota_id": plan.id, "council_id": plan.council_id, "plan": dump_turns(turns), **columns}
        return await self.rotas.add_temporary(**row)

    async def undo_override(self, plan: RotaPlan, override_id: UUID, by: str) -> RotaOverride:
        """Undo an override as one; it stays in the history."""
        override = await self.rotas.undo_override(plan.id, override_id, by)
        if override is None:
            raise NotFoundError(f"The rota has no override {override_id}")
        return override

    async def undo_temporary(self, plan: RotaPlan, temporary_id: UUID, by: str) -> RotaTemporary:
        """Undo a temporary schedule; it stays in the history."""
        schedule = await self.rotas.undo_temporary(plan.id, temporary_id, by)
        if schedule is None:
            raise NotFoundError(f"The rota has no temporary schedule {temporary_id}")
        return schedule

    async def read(self, plan: RotaPlan, start: datetime, end: datetime) -> Rota:
        """Return a rota as the domain knows it for a period; UnreadableRotaError when it cannot be read."""
        rota = (await self.rotas.rotas([plan], start, end))[plan.id]
        if isinstance(rota, RotaError):
            raise UnreadableRotaError(f"The rota {plan.key} cannot be read: {rota}. Write its layers anew")
        return rota

    async def _check(self, layers: Documents, council_id: str | None) -> None:
        members = members_of(layer_of(document) for document in layers)
        await self.responders.check_members(sorted(members), council_id, "body.layers")


def check_version(plan: RotaPlan, as_of: int) -> None:
    """Raise StaleRotaError when a rota has changed since somebody looked at it."""
    if plan.version != as_of:
        raise StaleRotaError("The rota has changed since you saw it: look and try again", version=plan.version)


def documents_of(plan: RotaPlan) -> list[RotationDocument | WeeklyDocument]:
    """Return a rota's layers as they were written; UnreadableRotaError when they cannot be read."""
    try:
        return load_documents(plan.plan)
    except RotaError as error:
        raise UnreadableRotaError(f"The rota {plan.key} cannot be read: {error}. Write its layers anew") from error


def check_period(start: datetime, end: datetime, most_days: int) -> None:
    """Raise InvalidError when a period ends before it starts or is longer than a question may be."""
    if end <= start:
        raise InvalidError("The period is empty", errors=[{"where": "query.to", "what": "it must lie after `from`"}])
    if end - start > timedelta(days=most_days):
        errors = [{"where": "query.to", "what": f"ask for {most_days} days at most"}]
        raise InvalidError("The period is too long", errors=errors)


def everybody(spans: Iterable[Sequence[UUID]]) -> set[UUID]:
    """Return everybody who is on in some spans."""
    return {member for members in spans for member in members}
