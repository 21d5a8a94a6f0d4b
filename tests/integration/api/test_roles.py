"""A process answers for what its roles do: without `web` there is no console and no API, but its health."""

import httpx
import pytest

from telecare.api.deps import Services
from telecare.app import create_app
from telecare.kernel.settings import Role


@pytest.mark.parametrize(
    ("path", "with_web", "without"),
    [
        ("/healthz", 200, 200),
        ("/readyz", 200, 200),
        ("/metrics", 200, 200),
        ("/login", 200, 404),
        ("/docs", 200, 404),
        ("/api/v1/alarms", 401, 404),
        ("/api/v1/stream", 401, 404),
    ],
)
async def test_a_process_without_web_has_only_what_says_how_it_fares(
    services: Services, path: str, with_web: int, without: int
) -> None:
    for roles, status in ((frozenset(Role), with_web), (frozenset({Role.ENGINE, Role.INGEST}), without)):
        settings = services.settings.model_copy(update={"roles": roles})
        app = create_app(Services(settings, services.database, services.sealer))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            assert (await client.get(path)).status_code == status
