"""Turns: order within a key, fairness between keys."""

import asyncio

from telecare.ingest.turns import Turns


async def test_keys_take_turns_and_each_keeps_its_order() -> None:
    turns: Turns[int] = Turns()
    for number in range(4):
        turns.put("a", number)
    turns.put("b", 10)
    turns.put("b", 11)
    got = []
    for _ in range(6):
        key, item = await turns.next()
        got.append((key, item))
        turns.done(key)
    assert got == [("a", 0), ("b", 10), ("a", 1), ("b", 11), ("a", 2), ("a", 3)]


async def test_of_one_key_one_at_a_time() -> None:
    turns: Turns[int] = Turns()
    turns.put("a", 1)
    turns.put("a", 2)
    key, first = await turns.next()
    second = asyncio.ensure_future(turns.next())
    await asyncio.sleep(0)
    assert (first, second.done()) == (1, False)
    turns.done(key)
    assert await second == ("a", 2)
    turns.done("a")
    turns.put("a", 3)
    assert await turns.next() == ("a", 3)
