"""The running API against its own description: whatever is sent, no 5xx and no reply that is not documented."""

import httpx
import schemathesis
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from telecare.api.deps import Services
from telecare.app import create_app
from telecare.embedded.lab import Lab
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def description() -> dict[str, object]:
    """What the service says of itself, without a service: so that each operation is a test of its own."""
    nowhere = Settings(database_url="postgresql+asyncpg://localhost:1/nowhere", seal_key=Fernet.generate_key().decode())
    return create_app(Services(nowhere, Database(nowhere), Sealer(nowhere))).openapi()


# The stream never ends, and has tests of its own.
schema = schemathesis.openapi.from_dict(description()).exclude(path="/api/v1/stream")


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_reply_is_documented_and_none_is_a_5xx(case: schemathesis.Case, lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    case.call_and_validate(base_url=lab.url, headers=headers, checks=CHECKS, timeout=20)


async def test_the_service_describes_itself_so(api: httpx.AsyncClient) -> None:
    assert (await api.get("/openapi.json")).json() == description()
