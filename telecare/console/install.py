"""Puts the console into the application: its pages, its files, its log-in redirect."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from telecare.console.assets import router as assets
from telecare.console.pages import board, case, fleet, hub_commands, login, people
from telecare.console.render import LoginNeededError, render_row


def install_console(app: FastAPI) -> None:
    """Add the console to an application whose API is installed."""
    for router in (assets, login.router, board.router, case.router, fleet.router, hub_commands.router, people.router):
        app.include_router(router, include_in_schema=False)
    app.add_exception_handler(LoginNeededError, _to_login)
    app.state.feed.register_renderer("html", render_row)


async def _to_login(request: Request, _error: Exception) -> Response:
    """Send whoever is not logged in to the log-in, and from there back to where they wanted to go."""
    wanted = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/login?next={quote(wanted)}", HTTPStatus.SEE_OTHER)
