"""Errors as problem details (RFC 9457): one shape for all of them, and nothing in it that only we may know."""

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope

from telecare.kernel.errors import InvalidError, ProblemError, UnavailableError
from telecare.kernel.transient import is_transient

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

ErrorPage = Callable[[Scope, ProblemError], Response]
"""What shows a person in front of a browser that something went wrong; the console sets it as `state.error_page`."""

_DETAILS = {404: "There is nothing at this address", 405: "This address does not take this method: see Allow"}


class TooLargeError(ProblemError):
    """The body of the request is larger than we read."""

    status, slug, title = 413, "too-large", "The body is too large"


def install_problem_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Answer what these routes and their endpoints raise on purpose; the rest reaches the outermost middleware."""
    app.state.api_routes = routes
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def problem_of(error: Exception) -> ProblemError:
    """Return what to tell the caller about an unexpected failure: that it passes, or nothing at all."""
    if is_transient(error):
        return UnavailableError("The service cannot do this just now: try again in a moment")
    return ProblemError("This is a fault of ours and has been logged; quote the request_id when you report it")


def problem_response(scope: Scope, problem: ProblemError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem document of an error; to a browser that asked for a page, a page that says the same."""
    more = dict(headers or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = 'Bearer realm="telecare"'
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        more["Retry-After"] = str(RETRY_AFTER_S)
    show: ErrorPage | None = getattr(getattr(scope.get("app"), "state", None), "error_page", None)
    if show is not None and _wants_page(scope):
        shown = show(scope, problem)
        shown.headers.update(more)
        return shown
    document = {
        "type": f"urn:telecare:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(scope["path"], errors="replace"),
        "request_id": scope.get("telecare.request_id"),
        **problem.extra,
    }
    # ASCII only: what a caller sent may come back in a detail, and may hold what UTF-8 cannot carry.
    body = json.dumps(document, default=str).encode("ascii")
    return Response(body, problem.status, more, MEDIA_TYPE)


def _wants_page(scope: Scope) -> bool:
    """Say whether a person waits for the reply: browsers ask for HTML when they go to an address, programs do not."""
    return not scope["path"].startswith("/api/") and "text/html" in Headers(scope=scope).get("accept", "")


async def _on_problem(request: Request, error: Exception) -> Response:
    return problem_response(request.scope, cast("ProblemError", error))


async def _on_invalid(request: Request, error: Exception) -> Response:
    errors = [_field(found) for found in cast("RequestValidationError", error).errors()]
    if [found["where"] for found in errors] == ["body"] and not _is_json(request):
        errors[0]["what"] = "This takes JSON: send it with the header Content-Type: application/json"
    return problem_response(request.scope, InvalidError("See errors: each names a field and its fault", errors=errors))


def _field(found: dict[str, Any]) -> dict[str, str]:
    """Return where a fault is and what it is, without the value that was sent: that may be a secret."""
    if found["type"] == "json_invalid":
        return {"where": "body", "what": f"This is not JSON: {found['ctx']['error']} at character {found['loc'][-1]}"}
    return {"where": ".".join(map(str, found["loc"])), "what": str(found["msg"]).removeprefix("Value error, ")}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def _on_http(request: Request, error: Exception) -> Response:
    http = cast("HTTPException", error)
    if http.status_code == TooLargeError.status:
        return problem_response(request.scope, TooLargeError(http.detail))
    if http.status_code == HTTPStatus.BAD_REQUEST:  # a form that is broken: no other input is a 400 either
        errors = [{"where": "body", "what": http.detail}]
        return problem_response(request.scope, InvalidError("The body cannot be read", errors=errors))
    phrase = HTTPStatus(http.status_code).phrase
    problem = ProblemError(_DETAILS.get(http.status_code, http.detail))
    problem.status, problem.title, problem.slug = http.status_code, phrase, phrase.lower().replace(" ", "-")
    headers = dict(http.headers or {})
    if http.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "")
    return problem_response(request.scope, problem, headers)


def _allowed(request: Request) -> str:
    """Return all methods of an address (RFC 9110 15.5.6); the router itself names those of its first match only."""
    fitting = (route for route in request.app.state.api_routes if route.path_regex.match(request.url.path))
    return ", ".join(sorted({method for route in fitting for method in route.methods}))
