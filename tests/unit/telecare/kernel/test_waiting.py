"""A worker that goes through very many homes lets others have their turn in between."""

import asyncio
from time import monotonic

from telecare.kernel.waiting import TURN_S, letting_in


async def test_others_have_their_turn_after_an_item_that_took_long() -> None:
    order: list[object] = []

    async def press() -> None:
        order.append("pendant")

    pressed = asyncio.create_task(press())
    async for home in letting_in(range(2)):
        order.append(home)
        until = monotonic() + TURN_S
        while monotonic() < until:
            pass
    await pressed
    assert order == [0, "pendant", 1]


async def test_nothing_is_left_out() -> None:
    assert [one async for one in letting_in(range(5))] == [0, 1, 2, 3, 4]
