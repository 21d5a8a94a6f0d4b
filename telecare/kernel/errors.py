"""Expected failures as values with a status: what went wrong, where, and how to mend it (RFC 9457)."""

from typing import Any


class ProblemError(Exception):
    """An expected failure that a caller can act on.

    `status` is the HTTP status, `slug` names the problem type, `detail` is for a person; `extra` are further members
    of the problem document (RFC 9457 section 3.2) and must be JSON values.
    """

    status = 500
    slug = "internal"
    title = "Something went wrong"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFoundError(ProblemError):
    """There is no such thing, or not for this user: the two are not told apart."""

    status, slug, title = 404, "not-found", "Not found"


class ConflictError(ProblemError):
    """The request does not fit the present state."""

    status, slug, title = 409, "conflict", "Conflict with the present state"


class StaleError(ConflictError):
    """The command was given on an older version of the alarm than the present one."""

    slug, title = "stale", "The alarm has changed"


class RefusedError(ConflictError):
    """A rule of the house forbids it; the detail names the rule and the way on."""

    slug, title = "refused", "Refused by a rule"


class InvalidError(ProblemError):
    """The input cannot be understood; `errors` names each field."""

    status, slug, title = 422, "invalid", "The input cannot be used"


class UnauthenticatedError(ProblemError):
    """Nobody is logged in, or the token is not valid."""

    status, slug, title = 401, "unauthenticated", "Log in first"


class ForbiddenError(ProblemError):
    """Somebody is logged in but may not do this."""

    status, slug, title = 403, "forbidden", "Not allowed"


class StaleFormError(ForbiddenError):
    """A form of another log-in, or of another site: the same answer to both, but a person is told to load it anew."""


class UnavailableError(ProblemError):
    """A part that is needed does not answer now; try again."""

    status, slug, title = 503, "unavailable", "Try again shortly"
