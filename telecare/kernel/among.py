"""One of several values, for statements that are told lists of any length."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, Text, any_, literal
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine


def among(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return whether a column is one of these values, which go as one array.

    `IN` makes a parameter of each: a statement of its own for each length of the list, which every connection
    prepares and keeps, here and in the server; at 32,767 there is an end. It is for what comes in a few lengths:
    lists that stand in the program, the councils of a user.
    """
    kind: TypeEngine[Any] = column.expression.type
    # A cast to VARCHAR(9) would cut longer values off, and find what was not asked for.
    return column == any_(literal(list(values), ARRAY(Text() if isinstance(kind, String) else kind)))
