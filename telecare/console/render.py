"""Templates and the person in front of the page: every page is rendered here, with one strict policy."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from alarms.handling.models import Alarm
from telecare.access.domain import Actor, Permission
from telecare.access.service import authenticate
from telecare.api.deps import Transaction
from telecare.console import view
from telecare.console.assets import asset
from telecare.kernel.errors import ForbiddenError, UnauthenticatedError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # what a running process shows belongs to its code, also while an upgrade replaces the files
)
templates.globals.update(asset=asset, view=view, Permission=Permission)
templates.filters.update(council=view.council, triple=lambda row: (row.device_id, row.kind, row.room))


class LoginNeededError(Exception):
    """Nobody is logged in: the answer is the log-in page, not an error."""


async def page_actor(request: Request, session: Transaction) -> Actor:
    """Return who is logged in; LoginNeededError when nobody is."""
    try:
        actor = await authenticate(session, request)
    except UnauthenticatedError as error:
        raise LoginNeededError from error
    request.state.page_actor = actor  # for the header of an error page
    return actor


PageActor = Annotated[Actor, Depends(page_actor, scope="function")]


class PageNeeds:
    """A dependency that returns who is logged in when their role has the permission."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, actor: PageActor) -> Actor:
        """Check the permission."""
        if not actor.may(self.permission):
            raise ForbiddenError(f"Your role is {actor.role}: it cannot {view.PERMISSIONS[self.permission]}")
        return actor


def page(request: Request, template: str, actor: Actor | None, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for somebody; forms find their CSRF token in `csrf_token`."""
    csrf_token = getattr(request.state, "csrf_token", "")
    html = templates.get_template(template).render(actor=actor, csrf_token=csrf_token, path=request.url.path, **values)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY})


def render_row(alarm: Alarm, now: datetime) -> str:
    """Return one row of the board, for the first picture and for each change: nothing in it depends on who looks."""
    return templates.get_template("_row.html").render(alarm=alarm, now=now)
