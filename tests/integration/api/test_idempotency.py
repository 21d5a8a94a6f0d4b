"""A POST with an Idempotency-Key has its effect once, however often and from wherever it is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select

from alarms.notify.models import ContactPoint
from telecare.access.domain import UserRole
from telecare.access.models import IdempotentReply
from telecare.access.repository import IdempotencyRepository
from telecare.api.routing import ApiRoute
from telecare.kernel.db import Database

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
ADDRESS = "/api/v1/contact-points"
POINT = {"target": "supervisor", "channel": "email", "address": "duty@falkirk.example", "label": "Duty"}
KEY = {"Idempotency-Key": "2f0c-1"}


async def points(database: Database) -> int:
    async with database.transaction() as session:
        return (await session.execute(select(func.count()).select_from(ContactPoint))).scalar_one()


async def keys(database: Database) -> int:
    async with database.transaction() as session:
        return (await session.execute(select(func.count()).select_from(IdempotentReply))).scalar_one()


async def test_the_same_key_gets_the_same_reply_and_the_effect_once(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    first = await administrator.post(ADDRESS, json=POINT, headers=KEY)
    again = await administrator.post(ADDRESS, json=POINT, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["content-type"] == "application/json"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await points(database) == 1


async def test_at_the_same_time_one_acts_and_the_others_wait_for_its_reply(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    replies = await asyncio.gather(*(administrator.post(ADDRESS, json=POINT, headers=KEY) for _ in range(6)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert sum("Idempotency-Replayed" in reply.headers for reply in replies) == 5
    assert await points(database) == 1


async def test_the_same_key_with_another_body_or_address_is_refused(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    await administrator.post(ADDRESS, json=POINT, headers=KEY)
    for address, body in ((ADDRESS, POINT | {"label": "Other"}), (f"{ADDRESS}?x=1", POINT)):
        refused = await administrator.post(address, json=body, headers=KEY)
        assert refused.status_code == 422
        assert "Idempotency-Key" in refused.json()["detail"]
    assert await points(database) == 1


async def test_an_error_is_not_kept_so_that_a_mended_request_may_use_the_key(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    wrong = await administrator.post(ADDRESS, json=POINT | {"address": "nobody"}, headers=KEY)
    assert wrong.status_code == 422
    assert await keys(database) == 0
    assert (await administrator.post(ADDRESS, json=POINT, headers=KEY)).status_code == 201


async def test_two_callers_do_not_share_a_key(client_for: ClientFor, administrator: httpx.AsyncClient) -> None:
    await administrator.post(ADDRESS, json=POINT, headers=KEY)
    other = await client_for(UserRole.ADMINISTRATOR)
    assert (await other.post(ADDRESS, json=POINT, headers=KEY)).status_code == 409


async def test_no_secret_is_ever_kept(database: Database, administrator: httpx.AsyncClient) -> None:
    token = {"name": "x", "role": "operator"}
    first = (await administrator.post("/api/v1/tokens", json=token, headers=KEY)).json()
    second = (await administrator.post("/api/v1/tokens", json=token, headers=KEY)).json()
    assert first["token"] != second["token"]
    user = {"username": "a", "display_name": "A", "password": "a long password", "role": "operator"}
    assert (await administrator.post("/api/v1/users", json=user, headers=KEY)).status_code == 201
    assert await keys(database) == 0


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\xe9"])
async def test_a_key_that_is_none_is_refused(administrator: httpx.AsyncClient, key: str) -> None:
    reply = await administrator.post(ADDRESS, json=POINT, headers={"Idempotency-Key": key.encode("latin-1")})
    assert reply.status_code == 422


async def test_old_replies_go(database: Database, administrator: httpx.AsyncClient) -> None:
    await administrator.post(ADDRESS, json=POINT, headers=KEY)
    async with database.transaction() as session:
        await IdempotencyRepository(session).forget(timedelta(hours=1))
    assert await keys(database) == 1
    async with database.transaction() as session:
        await IdempotencyRepository(session).forget(timedelta(0))
    assert await keys(database) == 0


def test_every_route_of_the_api_is_made_by_api_router(app: FastAPI) -> None:
    routes = [found.original_route for found in iter_route_contexts(app.routes)]
    strays = [
        route.path
        for route in routes
        if getattr(route, "path", "").startswith("/api/") and not isinstance(route, ApiRoute)
    ]
    assert strays == []
    assert any(isinstance(route, ApiRoute) for route in routes)
