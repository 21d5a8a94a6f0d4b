"""Which failures pass by themselves: the same work, tried again shortly, may succeed."""

from traceback import walk_tb

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# SQLSTATE classes (PostgreSQL manual, appendix A) that speak of the server and not of the work: connection; a server
# that only reads, or ended an idle transaction; log-in; database; conflict; resources; object state; operator; disk.
_CLASSES = ("08", "25", "28", "3D", "40", "53", "55", "57", "58")
# And of a schema that is not (yet) ours: a plan that a migration has overtaken, rights, a column, a table.
_CODES = frozenset({"0A000", "42501", "42703", "42P01"})


_CONFLICTS = frozenset({"40001", "40P01", "55P03"})


def is_transient(error: BaseException) -> bool:
    """Say whether the database is away, busy or in conflict just now, as opposed to an error of ours."""
    if isinstance(error, (ConnectionError, TimeoutError, PoolTimeoutError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = _state_of(error)
    return state is not None and (state.startswith(_CLASSES) or state in _CODES)


def is_conflict(error: BaseException) -> bool:
    """Say whether the database is there and others have what is needed: a lock or the same rows."""
    return _state_of(error) in _CONFLICTS


def is_of_database(error: BaseException) -> bool:
    """Say whether a failure that passes by itself is the database's own, and not another wait that took too long."""
    if isinstance(error, (DBAPIError, PoolTimeoutError)) or _state_of(error) is not None:
        return True
    raised_in = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.partition(".")[0] in {"asyncpg", "sqlalchemy"} for name in raised_in)


def _state_of(error: BaseException) -> str | None:
    state = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return state if isinstance(state, str) else None
