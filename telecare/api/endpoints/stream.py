"""The live stream of board changes (server-sent events), resumed by sequence."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from telecare.access.domain import Actor, Permission
from telecare.access.service import authenticate
from telecare.api.deps import Needs, ServicesDep
from telecare.api.feed import BoardFeed, Change, FeedEndedError
from telecare.api.openapi import PROBLEMS
from telecare.api.routing import api_router
from telecare.kernel.db import Database
from telecare.kernel.errors import UnauthenticatedError
from telecare.kernel.pure.sight import Sight
from telecare.kernel.transient import is_transient

router = api_router("/stream", "stream")

BEAT_S = 1.0
"""About as often as the feed looks by itself."""

RECHECK_S = 15.0
"""So soon a log-out, a revoked token or a changed role ends a stream."""

MAX_SEQ = 2**63 - 1

_STREAM = {
    "description": "An endless stream of events",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get("", response_class=EventSourceResponse, responses={200: _STREAM, **PROBLEMS})
async def stream(
    request: Request,
    services: ServicesDep,
    actor: Annotated[Actor, Depends(Needs(Permission.SEE_ALARMS))],
    after: Annotated[int | None, Query(ge=0, le=MAX_SEQ, description="the last number you have seen")] = None,
    form: Annotated[Literal["data", "html"], Query(description="html adds the console's row")] = "data",
    last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")] = None,
) -> EventSourceResponse:
    """Follow the board: `snapshot` first (`reload` when you must fetch the list anew), then `change` and `beat`.

    A `snapshot` comes between them too, when a cover begins or ends: more or fewer alarms are yours to see then.
    A `beat` says that the board was looked at just now: without one for 5 s the picture is old.
    Each change has the number of the board's change log as its id; a browser that reconnects resumes from it.
    """
    feed: BoardFeed = request.app.state.feed
    resume = int(last_event_id) if last_event_id is not None else after
    allowed = partial(_is_still, actor, request, services.database)
    return EventSourceResponse(_events(feed, actor, resume, form, allowed), ping=3600)


async def _is_still(actor: Actor, request: Request, database: Database) -> bool:
    """Say whether the request's token or cookie is still good for the same actor."""
    try:
        async with database.transaction() as session:
            return await authenticate(session, request) == actor
    except UnauthenticatedError:
        return False
    except Exception as error:
        if not is_transient(error):
            raise
        return True  # nobody can say just now, and nothing new can be shown either


async def _events(
    feed: BoardFeed, actor: Actor, after: int | None, form: str, still_allowed: Callable[[], Awaitable[bool]]
) -> AsyncIterator[ServerSentEvent]:
    with feed.follow(after) as following:
        yield _event(
            "snapshot", {"seq": after if following.resumed else feed.seq, "reload": not following.resumed}, None
        )
        covers, actor = feed.covers_of(actor), actor.covering(feed.covered_by(actor))
        beat_at = time.monotonic()
        check_at = beat_at + RECHECK_S
        looks = 0
        while True:
            if time.monotonic() >= check_at:
                if not await still_allowed():
                    return
                check_at = time.monotonic() + RECHECK_S
            if (present := feed.covers_of(actor)) != covers:
                covers, actor = present, actor.covering(feed.covered_by(actor))
                yield _event("snapshot", {"seq": feed.seq, "reload": True}, None)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_S
                if feed.looks == looks:
                    continue  # the database does not answer
                looks = feed.looks
                yield _event("beat", {"now": datetime.now(UTC).isoformat(), "seq": feed.seq}, None)
            try:
                change = await following.next(max(0.0, beat_at - time.monotonic()))
            except FeedEndedError:
                return
            if change is not None and (shown := _shown(change, actor.sight, form)) is not None:
                yield _event("change", shown, str(change.seq))


def _shown(change: Change, sight: Sight, form: str) -> dict[str, Any] | None:
    """Return what somebody is told of a change, None when it is not theirs to see.

    Whoever stood in for another council and gives a case back is told that it is gone, and nothing else of it.
    """
    if not sight.sees(change.council_id, change.held_by):
        gone = {"seq": change.seq, "kind": "gone", "id": change.alarm_id, "data": {}}
        return gone if change.left is not None and change.left == sight.holder else None
    shown: dict[str, Any] = {"seq": change.seq, "kind": change.kind, "id": change.alarm_id, "data": change.data}
    if form in change.html:
        shown["html"] = change.html[form]
    return shown


def _event(name: str, data: dict[str, Any], seq: str | None) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data), event=name, id=seq)
