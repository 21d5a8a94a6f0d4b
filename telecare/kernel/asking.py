"""Several questions to the database in one round trip, each put by the room whose tables it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

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
    row = (await session.execute(_together(tuple(question.rows for question in questions)), values)).one()
    return tuple(question.read(rows or []) for question, rows in zip(questions, row, strict=True))


@lru_cache
def _together(parts: tuple[str, ...]) -> TextClause:
    # Rows as records: their values come as they would by themselves, with their types.
    arrays = (f"(SELECT array_agg(part) FROM ({rows}) AS part)" for rows in parts)  # noqa: S608 - statements of ours
    return text(f"SELECT {', '.join(arrays)}")
