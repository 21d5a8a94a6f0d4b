"""Cursor paging, the same for every list: `?limit=&cursor=` and a reply of `{"items": [...], "next": …}`."""

import base64
import binascii
import json
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from telecare.kernel.errors import InvalidError

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=500, description="how many items at the most")]
Cursor = Annotated[str | None, Query(max_length=400, description="the `next` of the page before")]


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` is null on the last."""

    items: list[Item]
    next: str | None


def encode_cursor(*key: str | int) -> str:
    """Return the opaque cursor of a sort key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the sort key of a cursor, each part of its kind; InvalidError when it is not one of ours."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise InvalidError("The cursor is not one that this list gave: start again without it") from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise InvalidError("The cursor is not one that this list gave: start again without it")
    return tuple(key)
