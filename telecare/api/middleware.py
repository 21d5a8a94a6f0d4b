"""What surrounds every request: its id, its line in the log, safe headers, a limit to its body, and the last catch.

Plain ASGI: streams pass through untouched.
"""

import re
import time
from http import HTTPStatus

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telecare.api.problems import TooLargeError, problem_of, problem_response
from telecare.kernel.errors import InvalidError
from telecare.kernel.ids import new_id
from telecare.kernel.logging import get_logger
from telecare.kernel.metrics import REGISTRY

MAX_BODY = 1024 * 1024
MAX_FILE = 33 * 1024 * 1024
FILES = frozenset({"/api/v1/switchover/import", "/switchover/import"})
"""Where councils send their lists, which are larger than all else."""


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SAFE_HEADERS = {  # a page or a stream that needs others sets its own
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_log = get_logger("http")
_requests = Counter(
    "telecare_http_requests", "HTTP requests by route and status", ("method", "route", "status"), registry=REGISTRY
)
_seconds = Histogram(
    "telecare_http_request_seconds", "Time to the first byte of the reply", ("method", "route"), registry=REGISTRY
)


class RequestContext:
    """The outermost layer: gives the request an id, counts and logs it, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self.app(scope, receive, exchange.send)
        except Exception as error:
            problem = problem_of(error)
            log = _log.exception if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else _log.warning
            log("request failed", error=type(error).__name__)
            if exchange.status is not None:  # half of a reply has gone: only breaking off tells the caller
                raise
            await problem_response(scope, problem)(scope, receive, exchange.send)
        finally:
            exchange.finish()


class _Exchange:
    """One request and what became of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.status: int | None = None
        self._send = send
        self._started = time.monotonic()
        self._first_byte = self._started
        offered = Headers(scope=scope).get("x-request-id", "")
        self.request_id = offered if _REQUEST_ID.fullmatch(offered) else str(new_id())
        scope["telecare.request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        """Pass a part of the reply on; put our headers on its start."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._first_byte = time.monotonic()
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            for name, value in _SAFE_HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    def finish(self) -> None:
        """Count and log the request by its route, never by its path: paths and queries name people."""
        method = self.scope["method"] if self.scope["method"] in _METHODS else "other"
        route = getattr(self.scope.get("route"), "path", "unmatched")
        taken = self._first_byte - self._started
        _requests.labels(method, route, str(self.status or 0)).inc()
        _seconds.labels(method, route).observe(taken)
        _log.info("request", method=method, route=route, status=self.status, ms=round(taken * 1000, 1))


class RequestGuard:
    """Refuses what no endpoint should meet: bodies over 1 MiB, and NUL in an address, which PostgreSQL cannot take."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            refused = InvalidError("The address holds a NUL character")
            await problem_response(scope, refused)(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        most = MAX_FILE if scope["method"] == "POST" and scope["path"] in FILES else MAX_BODY
        if length.isdecimal() and int(length) > most:
            too_large = TooLargeError(_too_large(most))
            await problem_response(scope, too_large)(scope, receive, send)
            return
        await self.app(scope, _limited(receive, most), send)


def _too_large(most: int) -> str:
    return f"At most {most} bytes are read: send it in parts"


def _limited(receive: Receive, most: int) -> Receive:
    """Count what comes: a chunked body does not say its length before."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(most))
        return message

    return limited
