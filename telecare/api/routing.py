"""How an endpoint of the API is made: its prefix, its documented problems, its strict body, its POSTs repeatable.

    router = api_router("/hubs", "hubs")

    @router.post("", status_code=201)
    async def register(body: HubIn, session: Transaction, actor: Annotated[Actor, Depends(Needs(...))]) -> HubOut: ...

**Idempotency-Key.** Every POST of such a router takes the header. The first request with a key claims it in its own
transaction, and its reply is stored in that transaction, before the commit: effect and reply are kept or lost together.
The same key again gets the stored reply (with `Idempotency-Replayed: true`); at the same time, it waits for the first
to end. Another body under the same key is a 422. Errors are not stored. A reply or request that holds a secret must not
be stored: mark that endpoint `@never_replayed`.
"""

import hashlib
import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import APIRouter, Depends, Header
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from telecare.access.repository import IdempotencyRepository
from telecare.api.deps import CurrentActor, Transaction
from telecare.api.openapi import PROBLEMS
from telecare.kernel.errors import InvalidError
from telecare.kernel.pure.jsonsafe import clean

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_MARK = "__never_replayed__"


def api_router(prefix: str, tag: str) -> APIRouter:
    """Return a router under `/api/v1` whose routes are `ApiRoute`s."""
    return APIRouter(prefix=f"/api/v1{prefix}", tags=[tag], route_class=ApiRoute, responses=PROBLEMS)


def never_replayed(endpoint: Endpoint) -> Endpoint:
    """Mark a POST whose request or reply holds a secret: it takes no `Idempotency-Key`. Goes under the route's line."""
    setattr(endpoint, _MARK, True)
    return endpoint


class _Replay(Exception):  # noqa: N818 - no error: the way out of a request that was answered before
    """The key has a reply already."""

    def __init__(self, status: int, body: bytes) -> None:
        self.response = Response(body or None, status, {"Idempotency-Replayed": "true"}, "application/json")


class _Claim:
    """The key that this request has taken, and where its reply goes."""

    def __init__(self, session: AsyncSession, actor: str, key: str) -> None:
        self._replies, self._actor, self._key = IdempotencyRepository(session), actor, key

    async def settle(self, response: Response) -> None:
        """Store the reply in the request's transaction."""
        await self._replies.save(self._actor, self._key, response.status_code, bytes(response.body))


async def claim_key(
    request: Request,
    session: Transaction,
    actor: CurrentActor,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[!-~]{1,200}$",
            description="the same key again gets the same reply, and the effect once",
        ),
    ] = None,
) -> None:
    """Take the key of this request, or end the request with the reply that the key already has."""
    if key is None:
        return
    owner = f"{actor.kind}:{actor.id}"
    request_hash = await _request_hash(request)
    stored = await IdempotencyRepository(session).claim(owner, key, request_hash)
    if stored is None:
        request.state.claim = _Claim(session, owner, key)
        return
    if stored.request_hash != request_hash:
        raise InvalidError("This Idempotency-Key was used for another request: take a fresh one")
    raise _Replay(stored.status, stored.body)


async def _request_hash(request: Request) -> bytes:
    address = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(address.encode(errors="replace") + await request.body()).digest()


class ApiRoute(APIRoute):
    """A route whose JSON is read strictly and, when it is a POST, whose reply is kept for its `Idempotency-Key`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()) and not getattr(endpoint, _MARK, False):
            claim = Depends(claim_key, scope="function")
            options["dependencies"] = [*(options.get("dependencies") or ()), claim]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Wrap the handler of FastAPI: what runs here is still inside the request's transaction."""
        handle = super().get_route_handler()

        async def handle_api(request: Request) -> Response:
            request = _StrictRequest(request.scope, request.receive)
            try:
                response = await handle(request)
            except _Replay as replay:
                return replay.response
            claim: _Claim | None = getattr(request.state, "claim", None)
            if claim is not None and response.status_code < HTTPStatus.BAD_REQUEST:
                await claim.settle(response)
            return response

        return handle_api


class _StrictRequest(Request):
    """A request whose JSON is UTF-8 that PostgreSQL can store, with numbers that JSON knows."""

    async def json(self) -> Any:
        """Return the value of the body; JSONDecodeError, which FastAPI answers with 422, for anything else."""
        try:
            text = (await self.body()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("it must be UTF-8", "", error.start) from error
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError("it holds a number too long or nests too deep", "", 0) from error
        if clean(value) != value:
            raise json.JSONDecodeError("it holds NUL or half a surrogate pair", "", 0)
        return value


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON number", "", 0)
