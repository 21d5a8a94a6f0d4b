"""Cursor paging, the same for every list: `?limit=&cursor=` and a reply of `{"items": [...], "next": …}`."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from telecare.kernel.errors import InvalidError
from telecare.kernel.pure.jsonsafe import clean

Item = TypeVar("Item")
Row = TypeVar("Row")
Key = str | int | UUID | datetime

Limit = Annotated[int, Query(ge=1, le=500, description="how many items at the most")]
Cursor = Annotated[str | None, Query(max_length=1200, description="the `next` of the page before")]

_MAX_INT = 2**63 - 1


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is null on the last."""

    items: list[Item]
    next: str | None


def page_of(
    rows: Sequence[Row], limit: int, show: Callable[[Row], Item], key: Callable[[Row], tuple[Key, ...]]
) -> Page[Item]:
    """Return the page of up to `limit` rows; ask the repository for one more than that, so that we know of the next."""
    shown = rows[:limit]
    return Page(items=[show(row) for row in shown], next=encode_cursor(*key(shown[-1])) if len(rows) > limit else None)


def encode_cursor(*key: Key) -> str:
    """Return the opaque cursor of a sort key."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    text = json.dumps(parts, default=str, ensure_ascii=False)  # \u… would make of long names six times as much
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the sort key of a cursor, each part of its kind; InvalidError when it is not one of ours."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return tuple(_part(part, kind) for part, kind in zip(key, kinds, strict=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidError("The cursor is not one that this list gave: start again without it") from error


def _part(part: Any, kind: type) -> Any:
    """Return one part of a key as its kind; ValueError for what PostgreSQL could not compare."""
    if kind is int and type(part) is int and abs(part) <= _MAX_INT:
        return part
    if isinstance(part, str) and clean(part) == part:
        if kind is str:
            return part
        if kind is UUID:
            return UUID(part)
        if kind is datetime and (moment := datetime.fromisoformat(part)).tzinfo is not None:
            return moment
    raise ValueError(kind)
