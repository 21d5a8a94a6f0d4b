"""Tells those who come on that they are on: a message each, once, behind every alarm's."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.domain import Address
from alarms.notify.notices import Notice, notice_row
from alarms.responders.domain import Reached
from alarms.responders.repository import LONDON, ResponderRepository
from alarms.rota.domain import Handover, Rota, RotaError, handovers, on_call, only_of, shifts
from alarms.rota.models import RotaPlan
from alarms.rota.repository import RotaRepository
from telecare.kernel.logging import get_logger
from telecare.kernel.outbox import OutboxRepository

log = get_logger("rota")

CLASS = "T"
"""A hand-over is told by the rules, and within the quiet hours, of technical alarms."""
AHEAD = timedelta(days=8)
"""How far the end of somebody's turn is looked for; of a longer one the message does not say it."""


async def queue_handovers(session: AsyncSession, since: datetime, until: datetime) -> int:
    """Queue a message to whoever came on after `since` and up to `until`, and still is; return how many.

    The key of each follows from rota, moment, person and address: asked again, or elsewhere, it queues nothing more.
    A rota that cannot be read is passed over here; alarms that need it say so.
    """
    repository = RotaRepository(session)
    plans = {plan.id: plan for plan in await repository.all()}
    rotas = await repository.rotas(list(plans.values()), since, until + AHEAD)
    due = [
        (plans[rota_id], rota, handover, member)
        for rota_id, rota in rotas.items()
        if not isinstance(rota, RotaError)
        for handover, member in _came_on(rota, since, until)
    ]
    reached = await ResponderRepository(session).reached({member for *_, member in due}, CLASS, until)
    rows = [
        row
        for plan, rota, handover, member in due
        if member in reached
        for row in _rows(plan, rota, handover, reached[member], until)
    ]
    OutboxRepository(session).add(rows)
    return len(rows)


def _came_on(rota: Rota, since: datetime, until: datetime) -> Iterator[tuple[Handover, UUID]]:
    still = on_call(rota, until)
    for handover in handovers(rota, since, until):
        yield from ((handover, member) for member in handover.on if member in still)


def _rows(plan: RotaPlan, rota: Rota, handover: Handover, who: Reached, now: datetime) -> Iterator[dict[str, Any]]:
    mine = only_of(UUID(who.party.id), shifts(rota, now, now + AHEAD))
    ends = mine[0].end if mine and mine[0].end < now + AHEAD else None
    for rule in who.party.rules:
        if rule.after_s == 0:
            yield notice_row(
                Notice.HANDOVER,
                f"{Notice.HANDOVER}:{plan.id}:{handover.at.isoformat()}:{who.party.id}:{_short(rule.to)}",
                rule.to,
                about=UUID(who.party.id),
                council_id=plan.council_id,
                subject=f"You are on call: {plan.name}",
                text=_words(plan.name, handover.at, ends),
                data={
                    "rota": plan.key,
                    "responder_id": who.party.id,
                    "since": handover.at.isoformat(),
                    "until": ends.isoformat() if ends else None,
                },
            )


def _words(name: str, since: datetime, until: datetime | None) -> str:
    ends = f", until {_local(until)}" if until else ""
    return f"You are on call for {name} since {_local(since)}{ends}."


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%H:%M on %A %d %B}"


def _short(to: Address) -> str:
    """Return a name for an address that does not tell it: some are keys to somebody's account."""
    return hashlib.sha256(f"{to.channel}:{to.address}".encode()).hexdigest()[:16]
