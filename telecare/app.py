"""The web application of one process: the API and the console behind one door."""

from fastapi import FastAPI
from starlette.types import Lifespan

from telecare.api.app import install_api
from telecare.api.deps import Services
from telecare.api.feed import BoardFeed
from telecare.api.health import HealthChecks, add_database_checks
from telecare.api.middleware import RequestContext, RequestGuard
from telecare.console import install_console
from telecare.kernel.settings import Role

DESCRIPTION = (
    "Telecare alarms and the fleet of hubs behind them. Log in with `Authorization: Bearer TOKEN`. "
    "Lists are paged by cursor; errors are RFC 9457 problem details. POSTs accept an Idempotency-Key, except those "
    "that carry or return a secret (users, tokens, credentials): such replies are never stored."
)


def create_app(services: Services, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """Return the application on the services of this process; `lifespan` runs what else lives in it."""
    app = FastAPI(
        title="Telecare",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.feed = BoardFeed(services.database)
    app.state.health = HealthChecks()
    add_database_checks(app.state.health, services.database)
    app.add_middleware(RequestGuard)
    app.add_middleware(RequestContext)  # added last, so it is the outermost
    web = Role.WEB in services.settings.roles
    install_api(app, web=web)
    if web:
        install_console(app)
    return app
