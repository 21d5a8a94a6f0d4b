"""Which failures pass by themselves: the same work, tried again shortly, may succeed."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# SQLSTATE classes (PostgreSQL manual, appendix A) that speak of the server and not of the work: connection; a server
# that only reads, or ended an idle transaction; log-in; database; conflict; resources; object state; operator; disk.
_CLASSES = ("08", "25", "28", "3D", "40", "53", "55", "57", "58")
# And of a schema that is not (yet) ours: a plan that a migration has overtaken, rights, a column, a table.
_CODES = frozenset({"0A000", "42501", "42703", "42P01"})


def is_transient(error: BaseException) -> bool:
    """Say whether the database is away, busy or in conflict just now, as opposed to an error of ours."""
    if isinstance(error, (ConnectionError, TimeoutError, PoolTimeoutError)):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(cause, "sqlstate", None)
    return isinstance(state, str) and (state.startswith(_CLASSES) or state in _CODES)
