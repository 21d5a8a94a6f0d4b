"""What a browser shows when something goes wrong: a page in plain words, never a document for programs."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response
from starlette.types import Scope

from telecare.console.render import page
from telecare.kernel.errors import ProblemError, StaleFormError

RETRY_S = 5
"""A page that waits for the service to come back asks again after this many seconds."""


@dataclass(frozen=True)
class Words:
    """What happened, and what to do about it."""

    title: str
    advice: str


_WORDS: dict[int, Words] = {
    HTTPStatus.FORBIDDEN: Words("You may not do this", "Ask an administrator if your work needs it."),
    HTTPStatus.NOT_FOUND: Words(
        "There is nothing here", "It may have another address now, or belong to a council that you do not work for."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: Words("This does not work from here", "Go back and use the buttons of the page."),
    HTTPStatus.CONFLICT: Words("That does not fit any more", "Go back, load the page again and look first."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Words("That is too long", "Go back and send less at once."),
    HTTPStatus.UNPROCESSABLE_ENTITY: Words("That could not be understood", "Go back and check what was typed."),
    HTTPStatus.SERVICE_UNAVAILABLE: Words(
        "The service cannot answer just now",
        f"This page tries again each {RETRY_S} seconds. Until it is back, use the telephone list.",
    ),
}
_STALE_FORM = Words(
    "This page is too old to be used",
    "Somebody has logged in or out in this browser since it was opened. Nothing was changed: "
    "go back, load the page again and give the command once more.",
)
_OURS = Words(
    "Something went wrong on our side",
    "It has been written down. Try again; if it stays, use the telephone list and report the number below.",
)


def error_page(scope: Scope, problem: ProblemError) -> Response:
    """Return the page that tells a person of a problem. It asks nothing of the database: that may be what is away."""
    request = Request(scope)
    words = _STALE_FORM if isinstance(problem, StaleFormError) else _WORDS.get(problem.status, _OURS)
    retry = problem.status == HTTPStatus.SERVICE_UNAVAILABLE and scope["method"] == "GET"
    return page(
        request,
        "error.html",
        getattr(request.state, "page_actor", None),
        problem.status,
        words=words,
        # Of our own faults and of old forms the detail is for programs; the words above say what a person can do.
        detail=problem.detail if words not in {_OURS, _STALE_FORM} else "",
        number=scope.get("telecare.request_id", ""),
        retry=RETRY_S if retry else None,
    )
