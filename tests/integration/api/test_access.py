"""Who may come in: log-in, lock-out, sessions, tokens, users, tenants, audit."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import func, select, text, update

from telecare.access.accounts import PASSWORD_MAX, UserChange, change_user, create_user, set_password
from telecare.access.browsers import Browser, KnownBrowsers
from telecare.access.domain import UserRole
from telecare.access.models import ApiToken, AuditEntry, Session, User
from telecare.access.passwords import MAX_WAITING, hash_password, verify_password
from telecare.access.service import CSRF_HEADER, LOCK_AFTER, LOCK_FOR, SESSION_COOKIE, LoggedIn, login, token_hash
from telecare.kernel.db import Database
from telecare.kernel.errors import InvalidError, RefusedError, UnauthenticatedError, UnavailableError
from telecare.kernel.ids import new_id
from telecare.kernel.settings import Settings

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
FALKIRK, FIFE = "S12000014", "S12000047"
PASSWORD = "correct horse battery"


@pytest.fixture
async def fiona(database: Database) -> User:
    async with database.transaction() as session:
        return await create_user(
            session, username="fiona", display_name="Fiona Ross", password=PASSWORD, role=UserRole.ADMINISTRATOR
        )


@pytest.fixture
async def logged_in(database: Database, fiona: User) -> LoggedIn:
    return await login(database, fiona.username, PASSWORD)


async def stored(database: Database, user: User) -> User:
    async with database.transaction() as session:
        return (await session.execute(select(User).where(User.id == user.id))).scalar_one()


async def actions(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as session:
        rows = await session.execute(select(AuditEntry.actor, AuditEntry.action).order_by(AuditEntry.id))
        return [(actor, action) for actor, action in rows]


async def fail(database: Database, username: str = "fiona", guess: str = "wrong") -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await login(database, username, guess)
    return refused.value.detail


async def test_a_log_in_opens_a_session_of_which_only_the_hash_is_stored(
    database: Database, logged_in: LoggedIn
) -> None:
    async with database.transaction() as session:
        row = (await session.execute(select(Session))).scalar_one()
    assert row.token_hash == token_hash(logged_in.session_token)
    assert timedelta(hours=11, minutes=59) < row.expires_at - datetime.now(UTC) <= timedelta(hours=12)
    assert ("user:fiona", "logged_in") in await actions(database)


async def test_the_user_name_is_taken_in_any_capitals(database: Database, fiona: User) -> None:
    assert (await login(database, "FIONA", PASSWORD)).user.id == fiona.id


async def test_wrong_name_wrong_password_and_locked_account_sound_the_same(database: Database, fiona: User) -> None:
    words = {await fail(database), await fail(database, "nobody"), await fail(database, "nul\x00")}
    async with database.transaction() as session:
        await session.execute(update(User).values(locked_until=func.now() + timedelta(minutes=1)))
    words.add(await fail(database, fiona.username, PASSWORD))
    assert len(words) == 1


async def test_an_unknown_user_costs_a_hash_too(
    database: Database, fiona: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    real = PasswordHasher.verify

    def counted(self: PasswordHasher, stored_hash: str, password: str) -> bool:
        verified.append(stored_hash)
        return real(self, stored_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    await fail(database, "nobody")
    await fail(database, fiona.username)
    assert len(verified) == 2


async def test_ten_failures_lock_the_account_for_a_quarter_of_an_hour(database: Database, fiona: User) -> None:
    for _ in range(LOCK_AFTER):
        await fail(database)
    user = await stored(database, fiona)
    assert user.failed_logins == LOCK_AFTER
    assert user.locked_until is not None
    assert timedelta(minutes=14) < user.locked_until - datetime.now(UTC) <= timedelta(minutes=15)
    await fail(database, "fiona", PASSWORD)
    assert (await actions(database)).count(("anonymous", "login_failed")) == LOCK_AFTER + 1


async def test_a_rush_of_guesses_gets_no_more_than_ten(database: Database, fiona: User) -> None:
    await asyncio.gather(*(fail(database) for _ in range(LOCK_AFTER + 4)))
    user = await stored(database, fiona)
    assert (user.failed_logins, user.locked_until is not None) == (LOCK_AFTER, True)


async def test_strangers_lock_nobody_out_of_a_browser_that_knows_them(
    anonymous: httpx.AsyncClient, database: Database, fiona: User
) -> None:
    async def enter(password: str) -> int:
        return (await anonymous.post("/login", data={"username": "fiona", "password": password})).status_code

    assert await enter(PASSWORD) == 303
    async with database.transaction() as session:
        await session.execute(update(User).values(failed_logins=LOCK_AFTER, locked_until=func.now() + LOCK_FOR))
    await fail(database, fiona.username, PASSWORD)

    assert await enter(PASSWORD) == 303
    await fail(database, fiona.username, PASSWORD)  # what strangers did is not forgiven by it
    assert [await enter("wrong") for _ in range(LOCK_AFTER)] == [401] * LOCK_AFTER
    assert await enter(PASSWORD) == 401  # a known browser has no more guesses than others


async def test_a_flood_of_strangers_neither_shuts_out_nor_holds_up_browsers_that_we_know(
    anonymous: httpx.AsyncClient, fiona: User
) -> None:
    form = {"username": fiona.username, "password": PASSWORD}
    assert (await anonymous.post("/login", data=form)).status_code == 303
    flood = [asyncio.create_task(verify_password(None, "x")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)

    assert (await anonymous.post("/login", data=form)).status_code == 303
    assert not all(guess.done() for guess in flood)
    await asyncio.gather(*flood)


def test_a_workstation_knows_the_people_of_every_shift_and_nobody_else() -> None:
    known, (fiona, calum, stranger) = KnownBrowsers(Settings()), (new_id(), new_id(), new_id())
    browser = known.read(known.write(known.read(known.write(Browser(), fiona)), calum))

    assert [known.may_try(browser, user, 1) for user in (fiona, stranger)] == [True, False]
    assert not known.may_try(browser, calum, 1)  # it is the browser that fails, whoever's name it tries
    for cookie in (None, "", "x", "\u00e9", KnownBrowsers(Settings()).write(browser, fiona)):
        assert known.read(cookie) == Browser()
    for _ in range(50):
        browser = known.read(known.write(browser, new_id()))
    assert len(known.write(browser, new_id())) < 2048


async def test_a_flood_of_log_ins_is_sent_away_in_part() -> None:
    guesses = await asyncio.gather(
        *(verify_password(None, "x") for _ in range(MAX_WAITING + 3)), return_exceptions=True
    )
    assert sum(isinstance(guess, UnavailableError) for guess in guesses) == 3
    assert await verify_password(None, "x") is False


async def test_a_try_that_was_sent_away_does_not_count(database: Database, fiona: User) -> None:
    flood = [asyncio.create_task(verify_password(None, "x")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await login(database, fiona.username, PASSWORD)
    assert (await stored(database, fiona)).failed_logins == 0
    await asyncio.gather(*flood)


async def test_the_longest_password_that_may_be_set_may_be_typed(
    database: Database, anonymous: httpx.AsyncClient, fiona: User
) -> None:
    longest = "x" * PASSWORD_MAX
    async with database.transaction() as session:
        await set_password(session, fiona.id, longest)
    with pytest.raises(InvalidError, match="too long"):
        async with database.transaction() as session:
            await set_password(session, fiona.id, longest + "x")
    entered = await anonymous.post("/login", data={"username": fiona.username, "password": longest})
    assert entered.status_code == 303


async def test_the_session_cookie_is_for_this_site_and_no_script(anonymous: httpx.AsyncClient, fiona: User) -> None:
    entered = await anonymous.post("/login", data={"username": fiona.username, "password": PASSWORD})
    flags = {part.strip().lower() for part in entered.headers["Set-Cookie"].split(";")}
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= flags
    assert "domain" not in entered.headers["Set-Cookie"].lower()


async def test_a_log_in_never_takes_up_a_session_that_is_there(
    database: Database, anonymous: httpx.AsyncClient, fiona: User, logged_in: LoggedIn
) -> None:
    """Neither one that somebody planted nor one of who sat here before: the first ends, the token is fresh."""
    anonymous.cookies.set(SESSION_COOKIE, logged_in.session_token)
    await anonymous.post("/login", data={"username": fiona.username, "password": PASSWORD})
    async with database.transaction() as session:
        (kept,) = (await session.execute(select(Session.token_hash))).scalars()
    assert kept != token_hash(logged_in.session_token)


@pytest.mark.parametrize(("sender", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 303)])
async def test_another_site_cannot_log_anybody_in(
    anonymous: httpx.AsyncClient, fiona: User, sender: str, status: int
) -> None:
    form = {"username": fiona.username, "password": PASSWORD}
    reply = await anonymous.post("/login", data=form, headers={"Sec-Fetch-Site": sender})
    assert reply.status_code == status
    assert (SESSION_COOKIE in reply.headers.get("Set-Cookie", "")) == (status == 303)


async def test_a_password_may_be_typed_in_either_form_of_its_letters() -> None:
    composed, decomposed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"
    assert await verify_password(await hash_password(composed), decomposed)


async def test_a_lock_that_ran_out_counts_anew_and_a_log_in_forgives(database: Database, fiona: User) -> None:
    async with database.transaction() as session:
        await session.execute(update(User).values(failed_logins=LOCK_AFTER, locked_until=func.now() - timedelta(1)))
    await fail(database)
    user = await stored(database, fiona)
    assert (user.failed_logins, user.locked_until) == (1, None)
    await login(database, "fiona", PASSWORD)
    assert (await stored(database, fiona)).failed_logins == 0


async def test_a_hash_with_old_parameters_is_renewed_at_log_in(database: Database, fiona: User) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with database.transaction() as session:
        await session.execute(update(User).values(password_hash=weak))
    await login(database, "fiona", PASSWORD)
    renewed = (await stored(database, fiona)).password_hash
    assert renewed != weak
    assert renewed.startswith("$argon2id$")
    await login(database, "fiona", PASSWORD)


async def test_a_new_password_or_switching_off_ends_every_session(
    database: Database, anonymous: httpx.AsyncClient, logged_in: LoggedIn
) -> None:
    anonymous.cookies.set(SESSION_COOKIE, logged_in.session_token)
    assert (await anonymous.get("/api/v1/me")).status_code == 200
    async with database.transaction() as session:
        await set_password(session, logged_in.user.id, "another long password")
    assert (await anonymous.get("/api/v1/me")).status_code == 401
    await fail(database, "fiona", PASSWORD)


async def test_a_session_runs_out(database: Database, anonymous: httpx.AsyncClient, logged_in: LoggedIn) -> None:
    async with database.transaction() as session:
        await session.execute(update(Session).values(expires_at=func.now()))
    anonymous.cookies.set(SESSION_COOKIE, logged_in.session_token)
    assert (await anonymous.get("/api/v1/me")).status_code == 401


async def test_a_cookie_alone_changes_nothing(anonymous: httpx.AsyncClient, logged_in: LoggedIn) -> None:
    anonymous.cookies.set(SESSION_COOKIE, logged_in.session_token)
    token = {"name": "a program", "role": "operator"}
    for headers in ({}, {CSRF_HEADER: b"guess"}, {CSRF_HEADER: b"\xff"}):
        refused = await anonymous.post("/api/v1/tokens", json=token, headers=headers)
        assert refused.status_code == 403
        assert "CSRF" in refused.json()["detail"]
    allowed = await anonymous.post("/api/v1/tokens", json=token, headers={CSRF_HEADER: logged_in.csrf_token})
    assert allowed.status_code == 201


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer tc_wrong", "Basic YTpi", "Bearer \xff"])
async def test_a_header_that_is_no_token_is_refused_even_beside_a_cookie(
    anonymous: httpx.AsyncClient, logged_in: LoggedIn, header: str
) -> None:
    anonymous.cookies.set(SESSION_COOKIE, logged_in.session_token)
    reply = await anonymous.get("/api/v1/me", headers={"Authorization": header.encode("latin-1")})
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_is_shown_once_and_works_until_revoked(
    app: FastAPI, database: Database, administrator: httpx.AsyncClient
) -> None:
    made = await administrator.post("/api/v1/tokens", json={"name": "gateway", "role": "engineer"})
    token = made.json()
    assert token["token"].startswith("tc_")
    assert len(token["token"]) == 46  # 32 random bytes
    async with database.transaction() as session:
        hashes = set((await session.execute(select(ApiToken.token_hash))).scalars())
    assert token_hash(token["token"]) in hashes
    listed = (await administrator.get("/api/v1/tokens")).json()["items"]
    assert all("token" not in shown for shown in listed)

    headers = {"Authorization": f"Bearer {token['token']}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as user:
        me = (await user.get("/api/v1/me")).json()
        assert (me["kind"], me["name"], me["role"]) == ("token", "gateway", "engineer")
        for _ in range(2):
            assert (await administrator.delete(f"/api/v1/tokens/{token['id']}")).status_code == 204
        assert (await user.get("/api/v1/me")).status_code == 401


async def test_a_token_expires(administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    made = await administrator.post("/api/v1/tokens", json={"name": "old", "role": "operator", "expires_at": past})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await anonymous.get("/api/v1/me", headers=headers)).status_code == 401


@pytest.mark.parametrize("username", ["", "-x", "a b", "a:b", "x" * 65, "é", "a\n"])
async def test_a_user_name_has_its_form_from_the_command_line_too(database: Database, username: str) -> None:
    async with database.transaction() as session:
        with pytest.raises(InvalidError, match="user name"):
            await create_user(session, username=username, display_name="x", password=PASSWORD, role=UserRole.OPERATOR)


async def test_users_are_made_listed_in_pages_and_changed(administrator: httpx.AsyncClient) -> None:
    for name in ("ailsa", "Bruce", "catriona"):
        user = {"username": name, "display_name": name.title(), "password": PASSWORD, "role": "operator"}
        assert (await administrator.post("/api/v1/users", json=user)).status_code == 201
    taken = {"username": "AILSA", "display_name": "x", "password": PASSWORD, "role": "operator"}
    assert (await administrator.post("/api/v1/users", json=taken)).status_code == 409

    first = (await administrator.get("/api/v1/users", params={"limit": 2})).json()
    second = (await administrator.get("/api/v1/users", params={"limit": 2, "cursor": first["next"]})).json()
    users = first["items"] + second["items"]
    assert [user["username"] for user in users] == ["ailsa", "Bruce", "catriona"]
    assert second["next"] is None
    assert not any("password" in field for user in users for field in user)

    address = f"/api/v1/users/{users[0]['id']}"
    changed = await administrator.patch(address, json={"role": "supervisor", "councils": [FIFE]})
    assert (changed.json()["role"], changed.json()["councils"]) == ("supervisor", [FIFE])
    for name in ("active", "role", "councils", "display_name"):
        refused = await administrator.patch(address, json={name: None})
        assert refused.json()["errors"] == [{"where": f"body.{name}", "what": "this may be changed, not removed"}]
    assert (await administrator.put(f"{address}/password", json={"password": "short"})).status_code == 422
    assert (await administrator.put(f"{address}/password", json={"password": "long enough now"})).status_code == 204


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "too short"},
        {"username": "has space"},
        {"display_name": " "},
        {"role": "king"},
        {"councils": ["S12999999"]},
        {"colour": "blue"},
    ],
)
async def test_a_user_that_cannot_be_is_refused_by_field(
    administrator: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    user = {"username": "ailsa", "display_name": "Ailsa", "password": PASSWORD, "role": "operator"} | wrong
    reply = await administrator.post("/api/v1/users", json=user)
    assert reply.status_code == 422
    assert next(iter(wrong)) in reply.json()["errors"][0]["where"]
    assert "too short" not in reply.text.replace("The password is too short", "")


async def test_the_last_administrator_stays(database: Database, fiona: User) -> None:
    for change in (UserChange(active=False), UserChange(role=UserRole.OPERATOR), UserChange(councils={FIFE})):
        with pytest.raises(RefusedError):
            async with database.transaction() as session:
                await change_user(session, fiona.id, change)
    assert (await stored(database, fiona)).active


async def test_a_short_password_is_refused_from_the_command_line_too(database: Database) -> None:
    with pytest.raises(InvalidError):
        async with database.transaction() as session:
            await create_user(session, username="x", display_name="X", password="eleven char", role=UserRole.OPERATOR)


@pytest.mark.parametrize("role", [UserRole.OPERATOR, UserRole.ENGINEER, UserRole.SUPERVISOR])
async def test_only_administrators_administer(client_for: ClientFor, role: UserRole) -> None:
    client = await client_for(role)
    for address in ("users", "tokens", "contact-points"):
        assert (await client.get(f"/api/v1/{address}")).status_code == 403
    assert (await client.get("/api/v1/audit")).status_code == (200 if role is UserRole.SUPERVISOR else 403)


async def test_an_administrator_of_one_council_sees_and_gives_no_more(
    client_for: ClientFor, administrator: httpx.AsyncClient
) -> None:
    local = await client_for(UserRole.ADMINISTRATOR, FALKIRK)
    user = {"username": "ailsa", "display_name": "Ailsa", "password": PASSWORD, "role": "operator"}
    for councils in ([], [FIFE], [FALKIRK, FIFE]):
        reply = await local.post("/api/v1/users", json=user | {"councils": councils})
        assert reply.status_code == 403
        token = {"name": "x", "role": "operator", "councils": councils}
        assert (await local.post("/api/v1/tokens", json=token)).status_code == 403
    assert (await local.post("/api/v1/users", json=user | {"councils": [FALKIRK]})).status_code == 201

    everybody = (await administrator.post("/api/v1/users", json=user | {"username": "bruce"})).json()
    address = f"/api/v1/users/{everybody['id']}"
    assert (await local.patch(address, json={"active": False})).status_code == 404
    assert (await local.put(f"{address}/password", json={"password": PASSWORD})).status_code == 404
    assert [shown["username"] for shown in (await local.get("/api/v1/users")).json()["items"]] == ["ailsa"]
    token = (await administrator.get("/api/v1/tokens")).json()["items"][-1]
    assert token["councils"] == []
    assert (await local.delete(f"/api/v1/tokens/{token['id']}")).status_code == 404
    assert len((await local.get("/api/v1/tokens")).json()["items"]) == 1
    assert (await local.get("/api/v1/audit")).json()["items"] == []


async def test_the_audit_is_paged_filtered_and_only_ever_grows(
    database: Database, administrator: httpx.AsyncClient
) -> None:
    for number in range(3):
        await administrator.post("/api/v1/tokens", json={"name": f"t{number}", "role": "operator"})
    address, wanted = "/api/v1/audit", {"action": "token_created", "limit": 3}
    first = (await administrator.get(address, params=wanted)).json()
    second = (await administrator.get(address, params=wanted | {"cursor": first["next"]})).json()
    ids = [entry["id"] for entry in first["items"] + second["items"]]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    assert (await administrator.get(address, params={"actor": "nobody"})).json()["items"] == []
    middle = first["items"][1]["at"]
    assert len((await administrator.get(address, params={"since": middle})).json()["items"]) == 2
    assert len((await administrator.get(address, params={"until": middle})).json()["items"]) == 2
    for statement in ("DELETE FROM audit", "UPDATE audit SET reason = 'x'", "TRUNCATE audit"):
        with pytest.raises(Exception, match="append-only"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_the_audit_tells_two_of_one_name_apart(
    database: Database, fiona: User, anonymous: httpx.AsyncClient, client_for: ClientFor
) -> None:
    async with database.transaction() as session:
        await create_user(
            session, username="fiona2", display_name=fiona.display_name, password=PASSWORD, role=UserRole.ADMINISTRATOR
        )
    person = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
    for username in ("fiona", "fiona2"):
        entered = await login(database, username, PASSWORD)
        anonymous.cookies.set(SESSION_COOKIE, entered.session_token)
        await anonymous.post("/api/v1/people", json=person, headers={CSRF_HEADER: entered.csrf_token})
        anonymous.cookies.clear()
    for _ in range(2):  # two tokens that are called alike
        await (await client_for(UserRole.ADMINISTRATOR)).post("/api/v1/people", json=person)
    actors = [actor for actor, action in await actions(database) if action == "person_added"]
    assert len(set(actors)) == 4
    assert actors[:2] == ["user:fiona", "user:fiona2"]


async def test_the_audit_is_narrowed_to_a_council_by_former_codes_and_names_too(
    administrator: httpx.AsyncClient,
) -> None:
    person = {"council_id": FIFE, "given_name": "Jean", "family_name": "Rennie"}
    await administrator.post("/api/v1/people", json=person)
    for council in (FIFE, "S12000015", "fife"):
        listed = (await administrator.get("/api/v1/audit", params={"council": council})).json()["items"]
        assert [entry["action"] for entry in listed] == ["person_added"], council


async def test_contact_points_are_kept_by_council(client_for: ClientFor, administrator: httpx.AsyncClient) -> None:
    address = "/api/v1/contact-points"
    point = {"target": "supervisor", "channel": "email", "address": "duty@falkirk.example", "label": "Duty"}
    everywhere = await administrator.post(address, json=point)
    assert everywhere.status_code == 201
    assert (await administrator.post(address, json=point)).status_code == 409
    local = await client_for(UserRole.ADMINISTRATOR, FALKIRK)
    assert (await local.post(address, json=point)).status_code == 403
    assert (await local.post(address, json=point | {"council_id": FIFE})).status_code == 403
    own = await local.post(address, json=point | {"council_id": FALKIRK})
    assert own.status_code == 201
    assert len((await local.get(address)).json()["items"]) == 2
    assert (await local.delete(f"{address}/{everywhere.json()['id']}")).status_code == 403
    assert (await local.delete(f"{address}/{own.json()['id']}")).status_code == 204
    assert (await local.delete(f"{address}/{own.json()['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("channel", "wrong"),
    [
        ("email", "nobody"),
        ("email", "a@b\r\nBcc: c@d"),
        ("webhook", "ftp://files.example"),
        ("webhook", "file:///etc/passwd"),
        ("webhook", "https://"),
        ("webhook", "https://user:secret@hooks.example"),
        ("webhook", "https://hooks.example:99999/"),
        ("webhook", "https://[::1"),
        ("webhook", "http://169.254.169.254/latest/"),
        ("webhook", "http://[fe80::1]/"),
        ("webhook", "duty@falkirk.example"),
    ],
)
async def test_an_address_that_cannot_be_used_is_refused(
    administrator: httpx.AsyncClient, channel: str, wrong: str
) -> None:
    point = {"target": "supervisor", "channel": channel, "address": wrong, "label": "Duty"}
    reply = await administrator.post("/api/v1/contact-points", json=point)
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["where"] == "body.address"
