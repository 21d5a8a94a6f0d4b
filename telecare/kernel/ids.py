"""Identifiers: UUIDv7, so that a primary key sorts by birth and an index grows at its end."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562); the standard library has none before Python 3.14."""
    return uuid7()
