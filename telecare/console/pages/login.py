"""Log-in and log-out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from alarms.escalation.domain import Holder
from alarms.handling.service import AlarmService
from telecare.access.accounts import PASSWORD_MAX
from telecare.access.browsers import BROWSER_COOKIE, BROWSER_LIFE
from telecare.access.service import SESSION_COOKIE, SESSION_LIFE, FromBrowser, check_own_form, login, logout
from telecare.api.deps import ServicesDep, Transaction
from telecare.console.render import PageActor, page
from telecare.kernel.errors import UnauthenticatedError
from telecare.kernel.pure.jsonsafe import clean_text

router = APIRouter()

SEE_OTHER = 303
Text = Annotated[str, Form(max_length=200)]
Address = Annotated[str, Form(max_length=2000)]


def safe_next(wanted: str) -> str:
    """Return an address within this console: a link in a mail must not send anybody elsewhere after the log-in."""
    plain = wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


@router.get("/login")
async def form(request: Request, next: str = "/", why: str = "") -> Response:  # noqa: A002 - the name in the address
    """Show the log-in, and whether it is here because the one before has ended."""
    return page(request, "login.html", None, next=safe_next(next), ended=why == "ended", error=None, username="")


@router.post("/login")
async def enter(
    request: Request,
    services: ServicesDep,
    username: Text = "",
    password: Annotated[str, Form(max_length=PASSWORD_MAX)] = "",
    next: Address = "/",  # noqa: A002
) -> Response:
    """Log in, or say that it did not work and why that may be."""
    check_own_form(request)
    wanted = safe_next(next)
    sender = FromBrowser(services.browsers, services.browsers.read(request.cookies.get(BROWSER_COOKIE)))
    try:
        entered = await login(services.database, username, password, request.cookies.get(SESSION_COOKIE), sender)
    except UnauthenticatedError as error:
        typed = clean_text(username)
        return page(request, "login.html", None, 401, next=wanted, ended=False, error=error.detail, username=typed)
    response = RedirectResponse(wanted, SEE_OTHER)
    response.set_cookie(
        SESSION_COOKIE,
        entered.session_token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=services.settings.secure_cookies,
        samesite="lax",
    )
    response.set_cookie(
        BROWSER_COOKIE,
        services.browsers.write(sender.browser, entered.user.id),
        max_age=int(BROWSER_LIFE.total_seconds()),
        path="/login",
        httponly=True,
        secure=services.settings.secure_cookies,
        samesite="lax",
    )
    return response


@router.post("/logout")
async def leave(request: Request, session: Transaction, actor: PageActor) -> Response:
    """Log out; the session ends here and not only in the browser, and whoever has left for good has no alarm."""
    if await logout(session, request.cookies.get(SESSION_COOKIE, ""), actor):
        await AlarmService(session).give_back_all(Holder(str(actor.id), actor.name), "logged out")
    response = RedirectResponse("/login", SEE_OTHER)
    response.delete_cookie(SESSION_COOKIE)
    return response
