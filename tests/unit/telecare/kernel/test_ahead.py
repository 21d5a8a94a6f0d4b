"""The next piece is made while the present one is worked on, and what goes wrong in the making is told in its turn."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from telecare.kernel.ahead import ahead


async def test_one_piece_is_in_the_making_and_never_two() -> None:
    begun: list[int] = []
    ready = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        for number in range(4):
            begun.append(number)
            ready.set()
            yield number

    seen = []
    async for number in ahead(source()):
        if number < 3:
            await ready.wait()
            ready.clear()
        assert len(begun) <= number + 2
        seen.append(number)
    assert seen == [0, 1, 2, 3]


async def test_a_piece_that_cannot_be_made_is_told_after_those_before_it() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no second one")

    seen = []

    async def work() -> None:
        async for number in ahead(source()):
            seen.append(number)  # noqa: PERF401 - a comprehension would keep nothing when it is broken off

    with pytest.raises(ValueError, match="no second one"):
        await work()
    assert seen == [1]
