"""Evidence collects itself: what the new hub of a visit has sent since it was installed, as it stands in the intake."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.intake.domain import OLDEST_PLAUSIBLE
from alarms.intake.models import Event
from alarms.intake.types import TRIGGERS, TYPES
from devices.registry.models import Installation
from devices.switchover.visits.evidence import Heard, Item, Shown, checklist, find, soak, soaked
from devices.switchover.visits.models import Visit
from devices.switchover.visits.repository import VisitRepository
from telecare.ingest.subject import MOVE_SLACK
from telecare.kernel.db import database_now
from telecare.wire.payloads import read_message

MOST = 2000
"""So many messages of a hub are looked at, the first ones since it was installed."""
PROVING = frozenset({"alarm", "joined", "test"})
"""What a message was taken for that came from a trigger; a repeat of another proves nothing new."""


@dataclass(frozen=True)
class Proofs:
    """How a new hub stands with its evidence: the checklist, and how far the soak is (None: it has not begun)."""

    items: tuple[Item, ...]
    place: Installation | None
    soaked: timedelta | None
    fresh: tuple[Shown, ...]
    broken_at: datetime | None = None
    """When the soak was last broken; it counts anew from the end of that silence."""
    silent_since: datetime | None = None
    """Since when it has not been online, where it is not now; whatever it has shown before."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What it has not shown yet, by key."""
        return tuple(item.key for item in self.items if item.shown is None)

    @property
    def events(self) -> list[UUID]:
        """The messages that have shown it."""
        return [item.shown.event_id for item in self.items if item.shown is not None and item.shown.event_id]


class Evidence:
    """Evidence of visits in the transaction of `session`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.visits = VisitRepository(session)

    async def proofs(self, visit: Visit) -> Proofs:
        """Return what the new hub of a visit has shown by now, kept or not; it writes nothing."""
        place = await self.visits.place(visit.new_hub_id, visit.person_id)
        if place is None or place.since is None or visit.new_hub_id is None:
            paired = await self.visits.devices(visit.new_hub_id) if visit.new_hub_id else []
            return Proofs(checklist(paired, {}), None, None, ())
        paired = await self.visits.devices(visit.new_hub_id)
        known = await self.visits.evidence_of(visit.id, place.id)
        fresh = list(find(paired, await self.heard(visit.new_hub_id, place.since), known))
        passed: timedelta | None = None
        broken: datetime | None = None
        if visit.soak_since is not None:
            since, now = max(visit.soak_since, place.since), await database_now(self.session)
            silences = await self.visits.silences(visit.new_hub_id, since)
            passed = soaked(since, silences, now)
            broken = max((one.since for one in silences if not one.ours and one.since > since), default=None)
            done = soak(since, silences, now)
            if done is not None and done.key not in known:
                fresh.append(done)
        shown = known | {each.key: each for each in fresh}
        silent = await self.visits.silent_since(visit.new_hub_id, place.since)
        return Proofs(checklist(paired, shown), place, passed, tuple(fresh), broken, silent)

    async def collect(self, visit: Visit) -> Proofs:
        """Keep what the new hub has shown; the visit's row is locked."""
        proofs = await self.proofs(visit)
        if proofs.place is not None:
            for each in proofs.fresh:
                if await self.visits.keep(visit, proofs.place.id, each):
                    await self.visits.say(visit, "evidence", "system", f"{_kind(each)}: {each.words}")
        return proofs

    async def heard(self, hub_id: str, since: datetime) -> list[Heard]:
        """Return what a hub has sent since a moment, without repeats and what nobody could read."""
        statement = (
            select(Event.id, Event.received_at, Event.type, Event.treatment, Event.payload)
            .where(Event.hub_id == hub_id, Event.received_at >= since)
            .where(Event.treatment != "duplicate", Event.type.is_not(None))
            .order_by(Event.received_at, Event.id)
            .limit(MOST)
        )
        found = []
        for row in await self.session.execute(statement):
            message = read_message(row.payload)
            if message.at is not None and row.received_at - OLDEST_PLAUSIBLE < message.at < since - MOVE_SLACK:
                continue  # held back from where the hub was before: of this home it shows nothing
            proves = row.treatment in PROVING and _of_a_trigger(row.type)
            found.append(Heard(row.id, row.received_at, row.type, message.device_id or "", message.path, proves=proves))
        return found


def _of_a_trigger(name: str) -> bool:
    """Say whether a type is what somebody sets off, or a test; one that nobody knows may be."""
    return name == "test" or name in TRIGGERS or name not in TYPES


def _kind(shown: Shown) -> str:
    return str(shown.kind).replace("_", " ")
