"""The live stream over a real database: it begins anew when it must, and ends for who may see it no longer."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from starlette.requests import Request

from telecare.access.accounts import UserChange, change_user, create_api_token, create_user, revoke_api_token
from telecare.access.domain import Actor, UserRole
from telecare.access.service import SESSION_COOKIE, actor_of, login, logout
from telecare.api.endpoints import stream
from telecare.api.feed import BoardFeed, FeedEndedError, Following
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id

LIMIT_S = 20.0
FIONA = Actor("token", new_id(), "Fiona", UserRole.OPERATOR)


@pytest.fixture
async def feed(database: Database) -> AsyncIterator[BoardFeed]:
    """A feed that is at work."""
    feed, stop = BoardFeed(database), asyncio.Event()
    task = asyncio.create_task(feed.run(stop))
    async with asyncio.timeout(LIMIT_S):
        while not feed.looks:  # noqa: ASYNC110 - what is waited for is another task's, and tells nobody
            await asyncio.sleep(0.01)
    yield feed
    stop.set()
    await task


async def ended(following: Following) -> None:
    """Wait until a stream is told that it has ended."""
    with contextlib.suppress(FeedEndedError):
        while await following.next(LIMIT_S) is not None:
            pass
        raise TimeoutError


async def raise_alarm(database: Database) -> None:
    """Put an alarm on the board as its next change."""
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO alarm (id, version, case_id, hub_id, type, family, class, rank, words, condition,"
                " handling, events, raised_at, last_event_at, next_due_at, state, log_seq) VALUES"
                " (gen_random_uuid(), 1, gen_random_uuid(), 'h', 'smoke', 'fire', 'L', 0, 'Smoke', 'active', 'raised',"
                " 1, now(), now(), now(), '{}', 1)"
            )
        )


@contextlib.asynccontextmanager
async def streaming(feed: BoardFeed, *allowed: bool) -> AsyncIterator[AsyncGenerator[dict[str, Any], None]]:
    """The events of a stream as they come; `allowed` is what a look at the log-in finds, each time."""
    looks = iter(allowed)

    async def still_allowed() -> bool:
        return next(looks, True)

    async def events() -> AsyncGenerator[dict[str, Any], None]:
        async with asyncio.timeout(LIMIT_S):
            async for event in source:
                yield {"event": event.event, **json.loads(str(event.data))}

    source = stream._events(feed, FIONA, None, "data", still_allowed)
    shown = events()
    yield shown
    await shown.aclose()
    await source.aclose()  # type: ignore[attr-defined]


async def test_changes_come_with_their_numbers_and_a_beat_each_second(feed: BoardFeed, database: Database) -> None:
    async with streaming(feed) as events:
        assert (await anext(events))["event"] == "snapshot"
        await raise_alarm(database)
        feed.wake()
        found = [await anext(events) for _ in range(3)]
        assert sorted(event["event"] for event in found) == ["beat", "beat", "change"]
        assert [event["seq"] for event in found if event["event"] == "change"] == [feed.seq]


async def test_a_database_that_was_restored_is_followed_from_where_it_is(feed: BoardFeed, database: Database) -> None:
    """Else nobody would be told of any alarm until the numbers had passed those of before."""
    for _ in range(3):
        await raise_alarm(database)
    feed.wake()
    with feed.follow(None) as before:
        async with asyncio.timeout(LIMIT_S):
            while await before.next(1) is None or feed.seq < 3:
                pass
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM board_change WHERE seq > 1"))
            await session.execute(text("UPDATE board_head SET seq = 1"))
        feed.wake()
        await ended(before)
    with feed.follow(3) as after:
        assert not after.resumed
        await raise_alarm(database)
        feed.wake()
        change = await after.next(LIMIT_S)
        assert change is not None
        assert change.seq == 2


async def test_a_stream_ends_for_who_may_see_it_no_longer(feed: BoardFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_S", 0.0)
    async with streaming(feed, True, True, False) as events:
        assert {event["event"] async for event in events} <= {"snapshot", "beat"}


def request_with(header: str, value: str) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [(header.encode(), value.encode())]})


async def test_a_revoked_token_is_seen(database: Database) -> None:
    async with database.transaction() as session:
        token, plain = await create_api_token(session, name="board", role=UserRole.OPERATOR)
    actor, request = (
        Actor("token", token.id, "board", UserRole.OPERATOR),
        request_with("authorization", f"Bearer {plain}"),
    )
    assert await stream._is_still(actor, request, database)
    async with database.transaction() as session:
        await revoke_api_token(session, token.id)
    assert not await stream._is_still(actor, request, database)


async def test_a_log_out_and_another_role_are_seen(database: Database) -> None:
    async with database.transaction() as session:
        user = await create_user(
            session, username="fiona", display_name="Fiona", password="a long password", role=UserRole.OPERATOR
        )
    actor = actor_of(user)
    entered = await login(database, "fiona", "a long password")
    request = request_with("cookie", f"{SESSION_COOKIE}={entered.session_token}")
    assert await stream._is_still(actor, request, database)
    async with database.transaction() as session:
        await change_user(session, user.id, UserChange(councils=frozenset({"S12000014"})))
    assert not await stream._is_still(actor, request, database)
    async with database.transaction() as session:
        await change_user(session, user.id, UserChange(councils=frozenset()))
        await logout(session, entered.session_token, actor)
    assert not await stream._is_still(actor, request, database)
