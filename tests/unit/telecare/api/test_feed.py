"""A stream's place in the feed: what it gets, when it ends, and that leaving it is no fault."""

import asyncio
import contextlib
from uuid import uuid4

import pytest

from telecare.access.domain import Actor, UserRole
from telecare.api.endpoints import stream
from telecare.api.feed import QUEUE, BoardFeed, Change, FeedEndedError
from telecare.kernel.db import Database
from telecare.kernel.settings import Settings


@pytest.fixture
def feed() -> BoardFeed:
    return BoardFeed(Database(Settings(database_url="postgresql+asyncpg://localhost:1/nowhere")))


def change(seq: int) -> Change:
    return Change(seq, "alarm", str(uuid4()), None, None, None, {}, {})


def tell(feed: BoardFeed, *numbers: int) -> None:
    for seq in numbers:
        feed._send(change(seq))


async def test_what_was_missed_comes_first_and_then_what_comes(feed: BoardFeed) -> None:
    tell(feed, 1, 2, 3)
    with feed.follow(1) as following:
        tell(feed, 4)
        assert following.resumed
        assert [(await following.next(1)).seq for _ in range(3)] == [2, 3, 4]  # type: ignore[union-attr]
        assert await following.next(0) is None


@pytest.mark.parametrize("after", [None, 0, 99])
async def test_a_number_that_is_not_known_means_to_load_the_board_anew(feed: BoardFeed, after: int | None) -> None:
    tell(feed, 5, 6)
    with feed.follow(after) as following:
        assert not following.resumed
        assert await following.next(0) is None


async def test_who_cannot_keep_up_is_ended_and_the_others_are_not(feed: BoardFeed) -> None:
    with feed.follow(None) as slow, feed.follow(None) as quick:
        for seq in range(1, QUEUE + 2):
            tell(feed, seq)
            assert (await quick.next(1)).seq == seq  # type: ignore[union-attr]
        with pytest.raises(FeedEndedError):
            await slow.next(1)


async def test_who_leaves_while_waiting_leaves_without_a_fault_and_is_forgotten(feed: BoardFeed) -> None:
    async def follow() -> None:
        with feed.follow(None) as following:
            await following.next(60)

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    assert len(feed._streams) == 1
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not feed._streams


async def test_all_streams_end_when_the_service_stops(feed: BoardFeed) -> None:
    stop = asyncio.Event()
    stop.set()
    with feed.follow(None) as following:
        await feed.run(stop)
        with pytest.raises(FeedEndedError):
            await following.next(1)
    with feed.follow(None) as late, pytest.raises(FeedEndedError):
        await late.next(1)


async def test_a_beat_is_told_only_when_the_board_was_looked_at(
    feed: BoardFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def allowed() -> bool:
        return True

    monkeypatch.setattr(stream, "BEAT_S", 0.01)
    told = stream._events(feed, Actor("token", uuid4(), "any", UserRole.OPERATOR), None, "data", allowed)
    assert (await anext(told)).event == "snapshot"
    beat = asyncio.ensure_future(anext(told))
    done, _ = await asyncio.wait({beat}, timeout=0.2)
    assert not done, "a beat without a look at the database"
    feed.looks += 1
    assert (await asyncio.wait_for(beat, 5)).event == "beat"
    await told.aclose()
    assert not feed._streams
