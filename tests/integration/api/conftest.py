"""The application in this process, and clients that are logged in."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from telecare.access.accounts import create_api_token
from telecare.access.domain import UserRole
from telecare.api.deps import Services
from telecare.app import create_app
from tests.integration.api.register import Register

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def client_for(app: FastAPI, services: Services) -> AsyncIterator[ClientFor]:
    """Makes clients with a token of a role, for some councils or all."""
    clients: list[httpx.AsyncClient] = []

    async def make(role: UserRole, *councils: str) -> httpx.AsyncClient:
        async with services.database.transaction() as session:
            issued = await create_api_token(session, name=f"a test's {role}", role=role, councils=councils)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://test",
            headers={"Authorization": f"Bearer {issued.plain}"},
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def administrator(client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(UserRole.ADMINISTRATOR)


@pytest.fixture
def register(administrator: httpx.AsyncClient) -> Register:
    return Register(administrator)
