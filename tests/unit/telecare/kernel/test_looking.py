"""A look that fails ends nothing: the next one comes, and the others have their turn."""

import asyncio

from telecare.kernel.looking import look_each


async def test_whatever_fails_the_next_look_comes_and_no_other_is_kept_from_its_turn() -> None:
    stop = asyncio.Event()
    turns: list[str] = []

    async def away() -> None:
        turns.append("away")
        raise ConnectionError

    async def broken() -> None:
        turns.append("broken")
        raise ValueError

    async def well() -> None:
        turns.append("well")
        if turns.count("well") == 3:
            stop.set()

    async with asyncio.timeout(10):
        await look_each(0.001, stop, away, broken, well, name="a test")
    assert turns == ["away", "broken", "well"] * 3
