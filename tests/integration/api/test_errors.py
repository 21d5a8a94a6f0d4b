"""Every failure is a problem document, tells no secrets, and a 2xx means that the commit has happened."""

import io
import json
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from telecare.access.accounts import create_api_token
from telecare.access.domain import UserRole
from telecare.api.deps import Services, Transaction
from telecare.api.middleware import MAX_BODY
from telecare.api.routing import api_router
from telecare.app import create_app
from telecare.kernel.db import Database
from telecare.kernel.logging import configure_logging
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings

PROBLEM = "application/problem+json"

DEFERRED = """
CREATE TABLE seat (number int, UNIQUE (number) DEFERRABLE INITIALLY DEFERRED)
"""


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The application with endpoints that fail in every way."""
    app = create_app(services)
    router = api_router("/trial", "trial")

    @router.post("/seat/{number}", status_code=201)
    async def take_seat(number: int, session: Transaction) -> dict[str, int]:
        await session.execute(text("INSERT INTO seat VALUES (:number)"), {"number": number})
        return {"number": number}

    @router.get("/fault")
    async def fault() -> None:
        raise RuntimeError("the password is hunter2")

    @router.get("/row")
    async def row(session: Transaction) -> None:
        person = {"id": uuid4(), "name": "Hush Hush", "hazards": "a dog\n\ncalled Hush"}
        columns = "(id, council_id, given_name, family_name, hazards, risk_tier)"
        values = "(:id, 'S12000047', :name, :name, :hazards, 'Z')"
        await session.execute(text(f"INSERT INTO person {columns} VALUES {values}"), person)  # noqa: S608

    @router.get("/half")
    async def half(session: Transaction) -> None:
        await session.execute(text("INSERT INTO seat VALUES (99)"))
        raise RuntimeError

    @router.post("/locked")
    async def locked(session: Transaction) -> None:
        await session.execute(text("SET LOCAL lock_timeout = '50ms'"))
        await session.execute(text("LOCK TABLE seat IN ACCESS EXCLUSIVE MODE"))

    @router.get("/slow")
    async def slow(session: Transaction) -> None:
        await session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        await session.execute(text("SELECT pg_sleep(5)"))

    @router.get("/killed")
    async def killed(session: Transaction) -> None:
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    app.include_router(router)
    return app


@pytest.fixture
async def seats(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text(DEFERRED))
        await session.execute(text("INSERT INTO seat VALUES (1)"))


async def taken(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list((await session.execute(text("SELECT number FROM seat ORDER BY number"))).scalars())


def problem(reply: httpx.Response, status: int) -> dict[str, object]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == PROBLEM
    document: dict[str, object] = reply.json()
    assert document["status"] == status
    assert str(document["type"]).startswith("urn:telecare:problem:")
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == reply.headers["X-Request-ID"]
    return document


@pytest.mark.usefixtures("seats")
async def test_a_failing_commit_is_a_5xx_without_effect(database: Database, administrator: httpx.AsyncClient) -> None:
    """R43: the constraint is checked at COMMIT, after the endpoint has returned its 201."""
    problem(await administrator.post("/api/v1/trial/seat/1"), 500)
    assert await taken(database) == [1]
    keyed = {"Idempotency-Key": "k"}
    problem(await administrator.post("/api/v1/trial/seat/1", headers=keyed), 500)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM idempotent_reply"))).scalar_one() == 0


@pytest.mark.usefixtures("seats")
async def test_a_2xx_starts_after_the_commit(app: FastAPI, database: Database) -> None:
    """Look into the database, through another connection, at the moment when the first byte of the reply leaves."""
    seen: list[list[int]] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 201
            seen.append(await taken(database))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async with database.transaction() as session:
        token = (await create_api_token(session, name="t", role=UserRole.OPERATOR)).plain
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/trial/seat/7",
        "raw_path": b"/api/v1/trial/seat/7",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    await app(scope, receive, send)
    assert seen == [[1, 7]]


@pytest.mark.usefixtures("seats")
async def test_an_error_in_the_middle_leaves_nothing(database: Database, administrator: httpx.AsyncClient) -> None:
    problem(await administrator.get("/api/v1/trial/half"), 500)
    assert await taken(database) == [1]


async def test_a_fault_of_ours_tells_nothing_but_its_id(administrator: httpx.AsyncClient) -> None:
    reply = await administrator.get("/api/v1/trial/fault", headers={"X-Request-ID": "abc-1"})
    assert problem(reply, 500)["request_id"] == "abc-1"
    assert "hunter2" not in reply.text
    assert "Runtime" not in reply.text


async def test_a_fault_of_ours_is_logged_without_the_row_that_it_was_about(administrator: httpx.AsyncClient) -> None:
    log = io.StringIO()
    configure_logging(Settings(), log)
    try:
        problem(await administrator.get("/api/v1/trial/row"), 500)
    finally:
        configure_logging(Settings(log_level="WARNING"))
    assert "ck_person_risk_tier" in log.getvalue()
    assert "Hush" not in log.getvalue()


@pytest.mark.usefixtures("seats")
async def test_what_passes_by_itself_is_a_503_with_retry_after(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await session.execute(text("LOCK TABLE seat IN ACCESS EXCLUSIVE MODE"))
        replies = [await administrator.post("/api/v1/trial/locked")]
    replies += [await administrator.get(f"/api/v1/trial/{way}") for way in ("slow", "killed")]
    for reply in replies:
        problem(reply, 503)
        assert int(reply.headers["Retry-After"]) > 0


@pytest.fixture
async def cut_off() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose database does not answer."""
    settings = Settings(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    database = Database(settings)
    app = create_app(Services(settings, database, Sealer(settings)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client
    await database.dispose()


async def test_without_a_database_the_process_lives_but_is_not_ready(cut_off: httpx.AsyncClient) -> None:
    reply = await cut_off.get("/api/v1/me", headers={"Authorization": "Bearer x"})
    problem(reply, 503)
    assert (await cut_off.get("/healthz")).status_code == 200
    ready = problem(await cut_off.get("/readyz"), 503)
    assert "database" in ready["reasons"]
    metrics = await cut_off.get("/metrics")
    assert metrics.status_code == 200
    assert "telecare_database_up 0.0" in metrics.text


async def test_what_is_not_there_or_not_so_is_a_problem_too(administrator: httpx.AsyncClient) -> None:
    problem(await administrator.get("/api/v1/nothing"), 404)
    wrong_method = await administrator.put("/api/v1/me")
    problem(wrong_method, 405)
    assert wrong_method.headers["Allow"] == "GET"
    assert (await administrator.put("/api/v1/tokens")).headers["Allow"] == "GET, POST"
    problem(await administrator.get("/api/v1/users/"), 404)  # and no redirect
    errors = problem(await administrator.get("/api/v1/users", params={"limit": "many"}), 422)["errors"]
    assert errors == [
        {"where": "query.limit", "what": "Input should be a valid integer, unable to parse string as an integer"}
    ]


async def test_without_a_log_in_there_is_nothing(anonymous: httpx.AsyncClient) -> None:
    reply = await anonymous.get("/api/v1/users")
    problem(reply, 401)
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="telecare"'


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"name": "nul \\u0000", "role": "operator"}',
        b'{"name": "half \\ud800", "role": "operator"}',
        b'{"na\\u0000me": "x"}',
        b'{"name": "\xed\xa0\x80", "role": "operator"}',
        b'{"name": NaN}',
        b'{"name": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"[]",
        b'"text"',
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_body_that_cannot_be_used_is_a_422(administrator: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    errors = problem(await administrator.post("/api/v1/tokens", content=body, headers=headers), 422)["errors"]
    assert errors[0]["where"].startswith("body")


@pytest.mark.parametrize("sent_as", ["application/x-www-form-urlencoded", "text/plain", None])
async def test_json_that_is_not_called_so_is_told_to_be(administrator: httpx.AsyncClient, sent_as: str | None) -> None:
    """What curl does with --data, unless told otherwise."""
    headers = {} if sent_as is None else {"Content-Type": sent_as}
    body = b'{"name": "x", "role": "operator"}'
    errors = problem(await administrator.post("/api/v1/tokens", content=body, headers=headers), 422)["errors"]
    assert errors == [
        {"where": "body", "what": "This takes JSON: send it with the header Content-Type: application/json"}
    ]


async def test_an_escaped_backslash_is_not_a_nul(administrator: httpx.AsyncClient) -> None:
    body = json.dumps({"name": r"C:\u0000", "role": "operator"}).encode()
    headers = {"Content-Type": "application/json"}
    assert (await administrator.post("/api/v1/tokens", content=body, headers=headers)).status_code == 201


@pytest.mark.parametrize("address", ["/api/v1/audit?actor=%00", "/api/v1/tokens/%00", "/%00", "/api/v1/audit?%00=1"])
async def test_nul_in_an_address_is_a_422(administrator: httpx.AsyncClient, address: str) -> None:
    problem(await administrator.delete(address), 422)


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "WyJcdTAwMDAiXQ", "bnVsbA", "e30", "WzFd", "WyJhIl0", "W10", "\N{SNOWMAN}"]
)
async def test_a_cursor_that_is_not_ours_is_a_422(administrator: httpx.AsyncClient, cursor: str) -> None:
    problem(await administrator.get("/api/v1/audit", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_a_413(administrator: httpx.AsyncClient, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 65536 + 1):
            yield b" " * 65536

    body = chunks() if chunked else b" " * (MAX_BODY + 1)
    headers = {"Content-Type": "application/json"}
    document = problem(await administrator.post("/api/v1/tokens", content=body, headers=headers), 413)
    assert document["type"] == "urn:telecare:problem:too-large"


async def test_a_body_at_the_limit_is_read(administrator: httpx.AsyncClient) -> None:
    body = json.dumps({"name": "x", "role": "operator"}).encode().ljust(MAX_BODY)
    headers = {"Content-Type": "application/json"}
    assert (await administrator.post("/api/v1/tokens", content=body, headers=headers)).status_code == 201


async def test_every_reply_carries_safe_headers_and_an_id(anonymous: httpx.AsyncClient) -> None:
    for address in ("/healthz", "/api/v1/me", "/nothing", "/openapi.json", "/docs", "/%00", "/api/v1/trial/fault"):
        headers = (await anonymous.get(address)).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert len(headers["X-Request-ID"]) == 36


@pytest.mark.parametrize("offered", ["a b", "x" * 65, "a\tb", ""])
async def test_a_request_id_that_could_forge_a_log_is_replaced(anonymous: httpx.AsyncClient, offered: str) -> None:
    reply = await anonymous.get("/healthz", headers={"X-Request-ID": offered})
    assert reply.headers["X-Request-ID"] != offered


async def test_an_older_program_on_a_newer_schema_is_not_ready(
    database: Database, anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get("/readyz")).json()["status"] == "ready"
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    reasons = problem(await anonymous.get("/readyz"), 503)["reasons"]
    assert list(reasons) == ["schema"]
    assert "9999" in reasons["schema"]


async def test_a_load_balancer_may_ask_by_head(app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    for address in ("/healthz", "/readyz"):
        assert (await anonymous.head(address)).status_code == 200

    async def broken() -> str | None:
        return "the alarm lane is not connected"

    app.state.health.add("broker", broken)
    assert (await anonymous.head("/readyz")).status_code == 503


async def test_a_part_can_add_its_own_check(app: FastAPI, anonymous: httpx.AsyncClient) -> None:
    async def lane() -> str | None:
        return "the alarm lane is not connected"

    async def broken() -> str | None:
        raise ValueError("secret")

    app.state.health.add("broker", lane)
    app.state.health.add("broken", broken)
    reasons = problem(await anonymous.get("/readyz"), 503)["reasons"]
    assert reasons == {"broker": "the alarm lane is not connected", "broken": "the check failed: ValueError"}


async def test_an_overdue_step_is_not_ready_and_shows_in_the_metrics(
    database: Database, anonymous: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO alarm (id, version, case_id, hub_id, type, family, class, rank, words, condition,"
                " handling, events, raised_at, last_event_at, next_due_at, state, log_seq) VALUES"
                " (gen_random_uuid(), 1, gen_random_uuid(), 'h', 'smoke', 'fire', 'L', 0, 'Smoke', 'active', 'raised',"
                " 1, now(), now(), now() - interval '60 s', '{}', 1)"
            )
        )
    reasons = problem(await anonymous.get("/readyz"), 503)["reasons"]
    assert list(reasons) == ["engine"]
    families = text_string_to_metric_families((await anonymous.get("/metrics")).text)
    samples = {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
    assert samples["telecare_alarms_open", "L", "raised"] == 1
    assert samples["telecare_engine_overdue_seconds",] >= 60
    assert samples["telecare_database_up",] == 1
    assert samples["telecare_http_requests_total", "GET", "/readyz", "503"] >= 1


async def test_the_description_names_every_problem_and_how_to_log_in(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/api/"):
                assert {"401", "403", "404", "409", "413", "422", "503"} <= set(operation["responses"])
                assert operation["security"]
                assert PROBLEM in operation["responses"]["422"]["content"]
    assert document["components"]["schemas"]["Problem"]["required"]


async def test_the_docs_show_every_operation_and_load_nothing(anonymous: httpx.AsyncClient) -> None:
    page = (await anonymous.get("/docs")).text
    for path in (await anonymous.get("/openapi.json")).json()["paths"]:
        assert path in page
    assert "curl -s" in page
    assert not re.search(r"""(?:src|href|action|srcset|poster)\s*=\s*["']?(?:https?:)?//|url\(|@import""", page)
    assert "<script" not in page
