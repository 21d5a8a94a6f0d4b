"""The running API against its own description: whatever is sent, no 5xx and no reply that is not documented."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from telecare.embedded.lab import Lab

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture(scope="module")
def described(lab: Lab) -> schemathesis.BaseSchema:
    """The description as the service gives it; the stream never ends, and has tests of its own."""
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    schema = schemathesis.openapi.from_url(f"{lab.url}/openapi.json", headers=headers)
    return schema.exclude(path="/api/v1/stream")


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_reply_is_documented_and_none_is_a_5xx(case: schemathesis.Case, lab: Lab) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {lab.secrets.api_token}"}, checks=CHECKS, timeout=20)
