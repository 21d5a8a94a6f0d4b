"""Which failures pass by themselves: the same work, tried again shortly, may succeed."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# SQLSTATE classes and codes (PostgreSQL manual, appendix A): connection, resources, operator intervention, and the
# conflicts that a second try resolves.
_CLASSES = ("08", "53", "57")
_CODES = frozenset({"40001", "40P01", "55P03", "25P03", "25P04"})


def is_transient(error: BaseException) -> bool:
    """Say whether the database is away, busy or in conflict just now, as opposed to an error of ours."""
    if isinstance(error, (ConnectionError, TimeoutError, PoolTimeoutError)):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(cause, "sqlstate", None)
    return isinstance(state, str) and (state.startswith(_CLASSES) or state in _CODES)
