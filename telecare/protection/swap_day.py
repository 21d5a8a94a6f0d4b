"""Hubs that are accepted, and hubs that leave: what register, alarms and proofs of triggers say together."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.repository import AlarmRepository
from alarms.intake.repository import IntakeRepository
from devices.presence.domain import Presence
from devices.registry.leaving import Leaving, Proof, Requirement, Withdrawal, requirements
from devices.registry.models import Installation
from devices.registry.service import RegistryService
from telecare.kernel.errors import NotFoundError, RefusedError


@dataclass(frozen=True)
class Standing:
    """How a hub stands with its person: what it has shown, and why it could not leave now."""

    installation: Installation
    requirements: tuple[Requirement, ...]
    stays: str | None
    alone: bool  # this person has no accepted hub

    @property
    def missing(self) -> list[str]:
        """What it has not shown yet."""
        return [each.what for each in self.requirements if not each.met]


class SwapDay:
    """Accepting and taking away as a user of these councils may (empty: all), in the transaction of `session`."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.registry = RegistryService(session, councils)

    async def leaving(self, hub_id: str, by: str, withdrawal: Withdrawal | None = None) -> Leaving:
        """Return how a hub leaves where it is. Its messages wait meanwhile: the hub's lock comes before all others."""
        await self.registry.hubs.require(hub_id)
        await IntakeRepository(self.session).lock_hub(hub_id)
        return Leaving(await self._open_alarms(hub_id), withdrawal, by)

    async def accept(self, hub_id: str, by: str) -> Installation:
        """Let somebody rely on a hub; RefusedError lists what it has not shown yet."""
        await self.registry.hubs.row(hub_id)
        standing = await self.standing(await self.registry.hubs.require(hub_id))
        if standing.installation.accepted_at is None and standing.missing:
            words = f"{hub_id} has not shown everything yet: {'; '.join(standing.missing)}"
            raise RefusedError(words, missing=standing.missing)
        events = [each.event_id for each in standing.requirements if each.event_id is not None]
        return await self.registry.accept(hub_id, events, by)

    async def standing(self, hub: RowMapping) -> Standing:
        """Return how a hub stands with its person; NotFoundError when it is nowhere."""
        hub_id = hub["hub_id"]
        installation = await self._place(hub_id)
        if installation is None or installation.since is None:
            raise NotFoundError(f"{hub_id} is not installed anywhere")
        paired = await self.registry.hubs.peripherals(hub_id)
        shown = requirements(
            [(row.device_id, _words(row.kind, row.room)) for row in paired],
            await self._proofs(hub_id),
            installation.since,
            online=hub["presence"] == Presence.ONLINE,
        )
        stays = await self.registry.why_it_stays(installation, Leaving(await self._open_alarms(hub_id)))
        served = await self.registry.hubs.stays_of(installation.person_id)
        return Standing(installation, shown, stays, alone=all(each.accepted_at is None for each in served))

    async def _place(self, hub_id: str) -> Installation | None:
        return next((row for row in await self.registry.hubs.installations(hub_id) if row.until is None), None)

    async def _open_alarms(self, hub_id: str) -> tuple[str, ...]:
        place = await self._place(hub_id)
        if place is None:
            return ()
        return await AlarmRepository(self.session).open_of_home(hub_id, place.person_id, place.premises_id)

    async def _proofs(self, hub_id: str) -> Sequence[Proof]:
        found = []
        for row in await IntakeRepository(self.session).proofs_of(hub_id):
            moments = [moment for moment in (row.last_alarm_at, row.last_test_at) if moment is not None]
            if moments:
                found.append(Proof(row.device_id, max(moments), row.event_id))
        return found


def _words(kind: str, room: str | None) -> str:
    spoken = kind.replace("_", " ")
    return f"{spoken}, {room}" if room else spoken
