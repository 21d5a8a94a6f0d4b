"""What endpoints ask for: the transaction of the request, who is acting, and the services of the process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.browsers import KnownBrowsers
from telecare.access.domain import Actor, Permission
from telecare.access.service import authenticate
from telecare.kernel.db import Database
from telecare.kernel.errors import ForbiddenError
from telecare.kernel.schema import require_own_schema
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Services:
    """What one process made at its start and every request may use."""

    settings: Settings
    database: Database
    sealer: Sealer

    @cached_property
    def browsers(self) -> KnownBrowsers:
        """Return what knows the browsers in which people have logged in before."""
        return KnownBrowsers(self.settings)


def services(request: Request) -> Services:
    """Return the services of this process."""
    return cast("Services", request.app.state.services)


ServicesDep = Annotated[Services, Depends(services)]


async def transaction(request: Request, services: ServicesDep) -> AsyncIterator[AsyncSession]:
    """One transaction for the whole request.

    With `scope="function"` FastAPI ends this dependency before it sends the reply, so a 2xx is never sent before the
    commit and a failing commit is a 5xx; without it the reply goes first.

    On a schema that is not this program's own it only reads: UnavailableError before anything is changed (R20).
    """
    async with services.database.transaction() as session:
        if request.method not in READING:
            await require_own_schema(session)
        yield session


Transaction = Annotated[AsyncSession, Depends(transaction, scope="function")]


async def current_actor(request: Request, session: Transaction) -> Actor:
    """Return who is acting, by bearer token or session cookie; UnauthenticatedError when nobody is."""
    actor = await authenticate(session, request)
    request.state.actor = actor
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor, scope="function")]


class Needs:
    """A dependency that returns the actor when the role has the permission, and refuses with 403 otherwise."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, actor: CurrentActor) -> Actor:
        """Check the permission of the acting user."""
        if not actor.may(self.permission):
            raise ForbiddenError(f"This needs the permission {self.permission}; your role is {actor.role}")
        return actor


def check_council(actor: Actor, council_id: str) -> None:
    """Raise ForbiddenError for a council that is not the actor's."""
    if not actor.sees(council_id):
        raise ForbiddenError("This council is not yours")
