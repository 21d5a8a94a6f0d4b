"""Several questions to the database in one round trip, each put by the room whose tables it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.direct import Direct, direct, fetch

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """A SELECT, and what its rows mean. What it locks, and in which order, is as if it were asked alone."""

    rows: str
    read: Callable[[list[tuple[Any, ...]]], Answer]


async def ask(session: AsyncSession, question: Question[Answer], values: Mapping[str, Any]) -> Answer:
    """Return the answer to one question."""
    (answer,) = await ask_together(session, (question,), values)
    return cast("Answer", answer)


async def ask_together(
    session: AsyncSession, questions: tuple[Question[Any], ...], values: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Return the answers to questions whose parameters mean the same in all of them; all see one snapshot."""
    (row,) = await fetch(session, together(questions), values)
    return tuple(question.read(rows or []) for question, rows in zip(questions, row, strict=True))


@lru_cache
def together(questions: tuple[Question[Any], ...]) -> Direct:
    """Return the statement that puts these questions."""
    # Rows as records: their values come as they would by themselves, with their types.
    arrays = (f"(SELECT array_agg(part) FROM ({question.rows}) AS part)" for question in questions)  # noqa: S608 - statements of ours
    return direct(f"SELECT {', '.join(arrays)}")
