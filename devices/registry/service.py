"""What happens to the register: hubs come, go and move; credentials are issued; key safes are opened."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.domain import NO_TONES, Connection, HubStatus, exceeds
from devices.registry.fields import NOT_COME
from devices.registry.homes import PersonRepository, PremisesRepository, council_exists
from devices.registry.leaving import PLAINLY, Leaving, Stay, objection
from devices.registry.models import DeviceModel, Hub, Installation, Premises
from devices.registry.repository import HubRepository, ModelRepository
from devices.testing.repository import WindowRepository
from telecare.kernel.db import database_now, words_of
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RefusedError
from telecare.kernel.ids import new_id
from telecare.kernel.pure.mqtt_credentials import hash_password
from telecare.kernel.sealing import Sealer

STAYS = "stays where it is"
"""What the trigger `nobody_without_hub` says."""
VISIT = "visit of the switchover"
"""What the triggers that keep hubs for visits say."""
EXCLUDED = "23P01"
UNIQUE = "23505"
FAST_CLOCK = timedelta(minutes=5)
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

    async def check_birth(self, born: date | None) -> None:
        """Raise InvalidError for somebody who is not born yet: most likely the century is wrong."""
        if born is not None and born > (await database_now(self.session)).date():
            errors = [{"where": "body.date_of_birth", "what": NOT_COME}]
            raise InvalidError("Nobody is born in the future", errors=errors)

    async def register(self, *, council_id: str, model: str | None, **columns: Any) -> None:
        """Register a hub in stock; ConflictError when its id is taken, InvalidError for a model that does not fit."""
        await self.require_council(council_id)
        found = await self._model(columns.pop("model_id"), model)
        connection = columns.pop("connection") or found.connection
        self._check_connection(connection, found)
        if not await self.hubs.add(council_id=council_id, model_id=found.id, connection=connection, **columns):
            raise ConflictError(f"There is a hub {columns['hub_id']} already")

    async def install(
        self,
        hub_id: str,
        person_id: UUID,
        premises_id: UUID,
        since: datetime | None = None,
        *,
        move: bool = False,
        leaving: Leaving = PLAINLY,
    ) -> Installation:
        """Install a hub; RefusedError names where it is when it is somewhere already and not to `move` from there.

        `leaving` is how it leaves the place that it is moved from.
        """
        hub = await self.hubs.row(hub_id)
        person, premises = await self.people.require(person_id), await self.premises.require(premises_id)
        if {person.council_id, premises.council_id} != {hub.council_id}:
            raise RefusedError("Hub, person and premises belong to different councils: move the records first")
        if hub.status == HubStatus.RETIRED:
            raise RefusedError("This hub is retired: put it back into stock first")
        since = await self._moment("since", since)
        before = await self.hubs.last_installation(hub_id) if move else None
        kept: dict[str, Any] = {}
        if before is not None:
            with_person = before.person_id == person_id
            if with_person:
                # They move house and take it along: what it has shown stays, or they would be without one.
                kept = {name: getattr(before, name) for name in ("accepted_at", "accepted_by", "accepted_events")}
                await self.hubs.judge_leaving_later()
            await self.end_installation(hub_id, since, replace(leaving, with_person=with_person))
        installation = Installation(
            id=new_id(), council_id=hub.council_id, hub_id=hub_id, person_id=person_id, premises_id=premises_id,
            period=Range(since, None, bounds="[)"), **kept,
        )  # fmt: skip
        where = await self.hubs.whereabouts(hub_id, since)
        try:
            async with self.session.begin_nested():
                self.session.add(installation)
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != EXCLUDED:
                raise _refused(error) from error
            words = f"{hub_id} is in one place at a time: it is {where}. End that first, or install it with move"
            raise RefusedError(words) from error
        hub.status = HubStatus.IN_SERVICE
        await self.session.flush()
        return installation

    async def end_installation(
        self, hub_id: str, until: datetime | None = None, leaving: Leaving = PLAINLY
    ) -> Installation:
        """End where a hub is; NotFoundError when it is nowhere, RefusedError when it must stay or cannot end then.

        A test window over it is over too.
        """
        hub = await self.hubs.row(hub_id)
        installation = await self.hubs.last_installation(hub_id)
        if installation is None:
            raise NotFoundError(f"{hub_id} is not installed anywhere")
        until = await self._moment("until", until)
        since = installation.since
        if since is None or until <= since:
            raise RefusedError("An installation ends after it has begun")
        await self.hubs.lock_person(installation.person_id)
        why = objection(_stay(installation), await self._others(installation), leaving)
        if why is not None:
            raise RefusedError(why)
        if (gone := leaving.withdrawal) is not None:
            installation.withdrawn_why, installation.withdrawn_by = gone.why, gone.by
            installation.withdrawn_with = gone.agreed_with
        installation.period = Range(since, until, bounds="[)")
        hub.status = HubStatus.STOCK
        await self._flush_leaving(hub_id)
        await WindowRepository(self.session).end(hub_id, await database_now(self.session), leaving.by)
        return installation

    async def accept(self, hub_id: str, events: Sequence[UUID], by: str) -> Installation:
        """Note that somebody relies on a hub from now on, by these messages; NotFoundError when it is nowhere."""
        await self.hubs.row(hub_id)
        installation = await self.hubs.last_installation(hub_id)
        if installation is None:
            raise NotFoundError(f"{hub_id} is not installed anywhere")
        if installation.accepted_at is None:
            installation.accepted_at, installation.accepted_by = await database_now(self.session), by
            installation.accepted_events = list(events)
            try:
                await self.session.flush()
            except IntegrityError as error:
                raise _refused(error) from error
        return installation

    async def why_it_stays(self, installation: Installation, leaving: Leaving) -> str | None:
        """Say why a hub could not leave now; None when it could."""
        return objection(_stay(installation), await self._others(installation), leaving)

    async def _others(self, installation: Installation) -> list[Stay]:
        rows = await self.hubs.stays_of(installation.person_id)
        return [_stay(row) for row in rows if row.id != installation.id]

    async def _flush_leaving(self, hub_id: str) -> None:
        """Write that a hub leaves; the database has the last word."""
        try:
            await self.session.flush()
        except IntegrityError as error:
            if STAYS not in str(error.orig) or VISIT in str(error.orig):
                raise _refused(error) from error
            words = f"{hub_id} stays where it is: an alarm was opened just now, or the other hub taken away. Look again"
            raise RefusedError(words) from error

    async def issue_credential(self, hub_id: str) -> str:
        """Give a hub a fresh password of 128 bits and return it; only its hash is kept. The old one ends at once."""
        hub = await self.hubs.row(hub_id)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        hub.mqtt_credential = hash_password(password, secrets.token_bytes(SALT_BYTES))
        hub.credential_issued_at = await database_now(self.session)
        return password

    async def change_hub(self, hub_id: str, changes: dict[str, Any]) -> Hub:
        """Change a hub; RefusedError for retiring one that is installed, InvalidError for a model that does not fit."""
        hub = await self.hubs.row(hub_id)
        installed = await self.hubs.last_installation(hub_id) is not None
        if changes.get("status") not in {None, HubStatus.IN_SERVICE} and installed:
            raise RefusedError("This hub is installed: end its installation first")
        if changes.get("status") == HubStatus.IN_SERVICE and not installed:
            raise RefusedError("This hub is nowhere: install it for somebody, and it is in service")
        model = await self._model(changes.get("model_id", hub.model_id), None)
        self._check_connection(changes.get("connection", hub.connection), model)
        for name, value in changes.items():
            setattr(hub, name, value)
        await self.session.flush()
        return hub

    async def tell_handshakes(self, hub_id: str, count: int, until: date, by: str) -> Hub:
        """Keep how many calls of a unit failed on its tones up to a day; it takes the place of what was said before.

        RefusedError for a digital unit, which has no tones; InvalidError for a day that has not come.
        """
        hub = await self.hubs.row(hub_id)
        now = await database_now(self.session)
        if until > now.date():
            raise InvalidError(f"Until: {NOT_COME}", errors=[{"where": "body.until", "what": NOT_COME}])
        if hub.connection == Connection.DIGITAL:
            raise RefusedError(f"{hub_id} is {NO_TONES}")
        hub.failed_handshakes, hub.handshakes_until = count, until
        hub.handshakes_told_at, hub.handshakes_told_by = now, by
        await self.session.flush()
        return hub

    async def add_premises(self, **columns: Any) -> Premises:
        """Add premises; ConflictError when the council has this UPRN already."""
        await self.require_council(columns["council_id"])
        async with self._one_uprn(columns["council_id"], columns.get("uprn")):
            return await self.premises.add(**columns)

    async def change_premises(self, premises_id: UUID, changes: dict[str, Any]) -> Premises:
        """Change premises; ConflictError when the council has other ones with this UPRN."""
        premises = await self.premises.require(premises_id)
        async with self._one_uprn(premises.council_id, changes.get("uprn")):
            for name, value in changes.items():
                setattr(premises, name, value)
        return premises

    async def set_key_safe(
        self, sealer: Sealer, premises_id: UUID, location: str | None, code: str | None, checked_on: date | None
    ) -> Premises:
        """Store where a key safe is and its code, sealed."""
        premises = await self.premises.require(premises_id)
        premises.key_safe_location = location
        premises.key_safe_code_sealed = None if code is None else sealer.seal(code)
        premises.key_safe_checked_on = checked_on or (await database_now(self.session)).date()
        await self.session.flush()
        return premises

    async def open_key_safe(self, sealer: Sealer, premises_id: UUID) -> tuple[Premises, str]:
        """Return premises and the code of their key safe; NotFoundError when there is none."""
        premises = await self.premises.require(premises_id)
        if premises.key_safe_code_sealed is None:
            raise NotFoundError("No key-safe code is kept for these premises")
        return premises, sealer.open(premises.key_safe_code_sealed)

    async def _model(self, model_id: UUID | None, name: str | None) -> DeviceModel:
        models = ModelRepository(self.session)
        found = await models.get(model_id) if model_id is not None else await models.find(name or "")
        if found is None:
            where = "body.model" if model_id is None else "body.model_id"
            errors = [{"where": where, "what": "there is no such model; see /api/v1/device-models"}]
            raise InvalidError("There is no such device model", errors=errors)
        return found

    def _check_connection(self, connection: str, model: DeviceModel) -> None:
        if exceeds(connection, model.connection):
            what = f"{model.make} {model.name} is {model.connection} at best"
            raise InvalidError("The model cannot do this", errors=[{"where": "body.connection", "what": what}])

    async def _moment(self, field: str, asked: datetime | None) -> datetime:
        """Return the moment asked for, now without one. A clock that is a little fast is forgiven, plans are not."""
        now = await database_now(self.session)
        if asked is not None and asked > now + FAST_CLOCK:
            what = "this is in the future; record what has happened"
            raise InvalidError("The moment has not come", errors=[{"where": f"body.{field}", "what": what}])
        return now if asked is None else min(asked, now).astimezone(UTC)

    @asynccontextmanager
    async def _one_uprn(self, council_id: str, uprn: str | None) -> AsyncIterator[None]:
        """Let a change pass, or raise ConflictError, with their id, when the council has premises with this UPRN."""
        try:
            async with self.session.begin_nested():
                yield
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != UNIQUE:
                raise
            there = await self.premises.by_uprn(council_id, uprn)
            words = f"This council has premises with UPRN {uprn} already"
            raise ConflictError(words, premises_id=None if there is None else str(there.id)) from error


def _refused(error: IntegrityError) -> Exception:
    """Return the refusal that a visit's rule gives in its own words; what is none of them is an error as it is."""
    return RefusedError(words_of(error)) if VISIT in str(error.orig) else error


def _stay(row: Installation) -> Stay:
    assert row.since is not None  # noqa: S101 - the database's CHECK says so
    return Stay(row.hub_id, row.since, accepted=row.accepted_at is not None)
