"""Puts the console into the application: its pages, its files, its log-in redirect, its errors as pages."""

import re
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from telecare.access.service import SESSION_COOKIE
from telecare.console.assets import router as assets
from telecare.console.errors import error_page
from telecare.console.pages import (
    absence,
    acceptance,
    answer,
    awards,
    board,
    case,
    cover,
    day,
    engineers,
    exposure,
    firmware,
    fleet,
    fleet_health,
    forecast,
    hub_commands,
    imports,
    incidents,
    jobs,
    login,
    missed,
    needs,
    people,
    plans,
    policies,
    programmes,
    proposals,
    protection,
    responders,
    rota_files,
    rotas,
    rules,
    silence_deadlines,
    switchover,
    teams,
    telco,
    testing,
    unit,
    welfare,
    what_if,
    work,
)
from telecare.console.render import LoginNeededError, render_row

_OPERATORS = (
    login,
    board,
    case,
    fleet_health,
    silence_deadlines,
    missed,
    fleet,
    hub_commands,
    imports,
    testing,
    acceptance,
    firmware,
    jobs,
    day,
    engineers,
    exposure,
    forecast,
    telco,
    awards,
    needs,
    programmes,
    plans,
    proposals,
    rules,
    unit,
    switchover,
    absence,
    people,
    protection,
    answer,
    work,
    welfare,
    incidents,
)
_PLANS = (what_if, policies, rota_files, rotas, responders, teams, cover)
"""In this order: an address with a name in it stands before one with an id at the same place."""
_CASE = re.compile(r"/alarms/[0-9a-f-]{36}")


def install_console(app: FastAPI) -> None:
    """Add the console to an application whose API is installed."""
    for pages in (*_OPERATORS, *_PLANS):
        app.include_router(pages.router, include_in_schema=False)
    app.include_router(assets, include_in_schema=False)
    app.add_exception_handler(LoginNeededError, _to_login)
    app.state.error_page = error_page
    app.state.feed.register_renderer("html", render_row)


async def _to_login(request: Request, _error: Exception) -> Response:
    """Send whoever is not logged in to the log-in, and from there back to where they wanted to go."""
    query = {"next": _wanted(request)}
    if request.cookies.get(SESSION_COOKIE):
        query["why"] = "ended"
    return RedirectResponse(f"/login?{urlencode(query, safe='/')}", HTTPStatus.SEE_OTHER)


def _wanted(request: Request) -> str:
    """Return the page to go on with; a command is not given again by itself, its alarm is shown."""
    if request.method == "GET":
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    found = _CASE.match(request.url.path)
    return found[0] if found else "/"
