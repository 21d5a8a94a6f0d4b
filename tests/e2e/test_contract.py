"""The running API against its own description: whatever is sent, no 5xx and no reply that is not documented.

What is generated goes out twice, as it is and on things that exist; a request of each operation that succeeds goes out
too: each operation has been answered with success at least once, so the schema of each reply has been used.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any

import httpx
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

from telecare.embedded.lab import GATEWAY_ACCOUNT, Lab
from tests.description import description
from tests.e2e.contract import Sample, Things
from tests.wire import WireHub

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


# The stream never ends, and has tests of its own.
schema = schemathesis.openapi.from_dict(description()).exclude(path="/api/v1/stream")
NOT_FOUND, METHOD_NOT_ALLOWED = 404, 405
NAMED = {
    f"/api/v1/switchover/visits/{{visit_id}}/{part}" for part in ("evidence/voice", "exception", "exception/confirm")
}
"""What only a person does who is logged in, and no token: sent in tests/integration/api/test_visits.py instead."""
OPERATIONS = [found.ok() for found in schema.get_all_operations()]

answers: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
"""How often each operation was answered with each status."""


@pytest.fixture(scope="module")
async def things(lab: Lab, api: httpx.AsyncClient) -> AsyncIterator[Things]:
    async with WireHub(lab.mqtt_port, GATEWAY_ACCOUNT, lab.secrets.gateway_password, "contract") as gateway:
        await gateway.subscribe("telecare/v1/+/ack")
        yield Things(lab, api, gateway)


@pytest.fixture(scope="module")
async def real(things: Things) -> dict[str, str]:
    return await things.one_of_each()


def send(case: schemathesis.Case, lab: Lab) -> int:
    """Send a request and check the reply; return its status."""
    headers = {"Authorization": f"Bearer {lab.secrets.api_token}"}
    reply = case.call_and_validate(base_url=lab.url, headers=headers, checks=CHECKS, timeout=20)
    status = int(reply.status_code)
    # Their own check of the status passes over requests that are odd on purpose; we do not.
    assert status == METHOD_NOT_ALLOWED or str(status) in case.operation.responses.status_codes, reply.text
    answers[case.method, case.path][status] += 1
    return status


@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_reply_is_documented_and_none_is_a_5xx(case: schemathesis.Case, lab: Lab, real: dict[str, str]) -> None:
    status = send(case, lab)
    if status == NOT_FOUND and case.path_parameters:  # else it was refused before anything was looked up
        case.path_parameters = {name: real[name] for name in case.path_parameters}
        send(case, lab)


async def test_each_operation_succeeds_as_described(lab: Lab, things: Things) -> None:
    """Whoever adds an operation that changes something adds a request to `Things.samples`, if chance finds none."""
    ids = await things.one_of_each()

    async def samples() -> AsyncIterator[Sample]:
        for each in OPERATIONS:
            if each.method.upper() == "GET":
                yield Sample("GET", each.path, ids)
        async for sample in things.samples():  # made as it is sent: an alarm that waits for its turn goes on by itself
            yield sample

    async for sample in samples():
        used = {name: value for name, value in sample.ids.items() if f"{{{name}}}" in sample.path}
        body: dict[str, Any] = {} if sample.body is None else {"body": sample.body}
        if sample.media_type is not None:
            body["media_type"] = sample.media_type
        case = schema[sample.path][sample.method].Case(path_parameters=used, **body)
        status = await asyncio.to_thread(send, case, lab)
        assert 200 <= status < 300, (sample, status)
    for method, path in ((each.method.upper(), each.path) for each in OPERATIONS):
        if path in NAMED:
            continue
        sys.stdout.write(f"{method} {path} {dict(sorted(answers[method, path].items()))}\n")
        assert any(200 <= status < 300 for status in answers[method, path]), f"{method} {path} has never succeeded"


async def test_the_service_describes_itself_so(api: httpx.AsyncClient) -> None:
    assert (await api.get("/openapi.json")).json() == description()
