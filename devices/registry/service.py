"""What happens to the register: hubs come, go and move; credentials are issued; key safes are opened."""

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import HubStatus
from devices.registry.homes import PersonRepository, PremisesRepository, council_exists
from devices.registry.models import Hub, Installation, Premises
from devices.registry.repository import HubRepository, ModelRepository
from telecare.kernel.db import database_now
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.pure.mqtt_credentials import hash_password
from telecare.kernel.sealing import Sealer

EXCLUDED = "23P01"
UNIQUE = "23505"
PASSWORD_BYTES = 16
SALT_BYTES = 12


class RegistryService:
    """The register as a user of these councils may change it (empty: all), in the transaction of `session`."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils
        self.hubs = HubRepository(session, councils)
        self.people = PersonRepository(session, councils)
        self.premises = PremisesRepository(session, councils)

    async def require_council(self, council_id: str) -> None:
        """Raise InvalidError for a council that there is not, ForbiddenError for one that is not the user's."""
        if not await council_exists(self.session, council_id):
            errors = [{"where": "body.council_id", "what": "no council has this code; see /api/v1/councils"}]
            raise InvalidError("There is no such council", errors=errors)
        if self.councils and council_id not in self.councils:
            raise ForbiddenError("You may change your own councils only")

    async def register(self, **columns: Any) -> None:
        """Register a hub in stock; ConflictError when its id is taken, InvalidError for an unknown model."""
        await self.require_council(columns["council_id"])
        if await ModelRepository(self.session).get(columns["model_id"]) is None:
            errors = [{"where": "body.model_id", "what": "there is no such model; see /api/v1/device-models"}]
            raise InvalidError("There is no such device model", errors=errors)
        if not await self.hubs.add(**columns):
            raise ConflictError(f"There is a hub {columns['hub_id']} already")

    async def install(
        self, hub_id: str, person_id: UUID, premises_id: UUID, since: datetime | None = None
    ) -> Installation:
        """Install a hub; RefusedError names where it is when it is somewhere already."""
        hub = await self.hubs.row(hub_id)
        person, premises = await self.people.require(person_id), await self.premises.require(premises_id)
        if {person.council_id, premises.council_id} != {hub.council_id}:
            raise RefusedError("Hub, person and premises belong to different councils: move the records first")
        if hub.status == HubStatus.RETIRED:
            raise RefusedError("This hub is retired: put it back into stock first")
        since = since or await database_now(self.session)
        where = await self.hubs.whereabouts(hub_id, since)
        installation = Installation(
            id=new_id(), council_id=hub.council_id, hub_id=hub_id, person_id=person_id, premises_id=premises_id,
            period=Range(since, None, bounds="[)"),
        )  # fmt: skip
        try:
            async with self.session.begin_nested():
                self.session.add(installation)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != EXCLUDED:
                raise
            raise RefusedError(f"{hub_id} is in one place at a time: it is with {where}. End that first") from error
        hub.status = HubStatus.IN_SERVICE
        return installation

    async def end_installation(self, hub_id: str, until: datetime | None = None) -> Installation:
        """End where a hub is; NotFoundError when it is nowhere, RefusedError for an end before its beginning."""
        hub = await self.hubs.row(hub_id)
        installation = await self.hubs.last_installation(hub_id)
        if installation is None:
            raise NotFoundError(f"{hub_id} is not installed anywhere")
        until = until or await database_now(self.session)
        since = installation.period.lower
        if since is None or until <= since:
            raise RefusedError("An installation ends after it has begun")
        installation.period = Range(since, until, bounds="[)")
        hub.status = HubStatus.STOCK
        await self.session.flush()
        return installation

    async def issue_credential(self, hub_id: str) -> str:
        """Give a hub a fresh password of 128 bits and return it; only its hash is kept. The old one ends at once."""
        hub = await self.hubs.row(hub_id)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        hub.mqtt_credential = hash_password(password, secrets.token_bytes(SALT_BYTES))
        hub.credential_issued_at = await database_now(self.session)
        return password

    async def change_hub(self, hub_id: str, changes: dict[str, Any]) -> Hub:
        """Change a hub; RefusedError for retiring one that is installed."""
        hub = await self.hubs.row(hub_id)
        if changes.get("status") not in {None, HubStatus.IN_SERVICE} and await self.hubs.last_installation(hub_id):
            raise RefusedError("This hub is installed: end its installation first")
        for name, value in changes.items():
            setattr(hub, name, value)
        await self.session.flush()
        return hub

    async def add_premises(self, **columns: Any) -> Premises:
        """Add premises; ConflictError when the council has this UPRN already."""
        await self.require_council(columns["council_id"])
        try:
            async with self.session.begin_nested():
                return await self.premises.add(**columns)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != UNIQUE:
                raise
            raise ConflictError(f"This council has premises with UPRN {columns['uprn']} already") from error

    async def set_key_safe(self, sealer: Sealer, premises_id: UUID, location: str, code: str) -> Premises:
        """Store where a key safe is and its code, sealed."""
        premises = await self.premises.require(premises_id)
        premises.key_safe_location = location
        premises.key_safe_code_sealed = sealer.seal(code)
        premises.key_safe_checked_on = (await database_now(self.session)).date()
        await self.session.flush()
        return premises

    async def open_key_safe(self, sealer: Sealer, premises_id: UUID) -> tuple[Premises, str]:
        """Return premises and the code of their key safe; NotFoundError when there is none."""
        premises = await self.premises.require(premises_id)
        if premises.key_safe_code_sealed is None:
            raise NotFoundError("No key-safe code is kept for these premises")
        return premises, sealer.open(premises.key_safe_code_sealed)
