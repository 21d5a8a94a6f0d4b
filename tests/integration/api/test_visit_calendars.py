"""An engineer's visits as a calendar: by its address alone, as little as is needed, until somebody ends it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from icalendar import Calendar

from telecare.access.accounts import UserChange, change_user
from telecare.access.domain import UserRole
from telecare.access.service import SESSION_COOKIE, login
from telecare.kernel.db import Database, database_now
from tests.homes import ARGYLL
from tests.integration.api.register import FIFE
from tests.integration.swap import S, Swap

ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]
LONDON = ZoneInfo("Europe/London")
PASSWORD = "a long password"


@pytest.fixture
async def swap(database: Database) -> Swap:
    """A visit that is booked with Ewan for tomorrow."""
    swap = await Swap(database).settle()
    await swap.go_to(S.STOCK_ALLOCATED)
    async with database.transaction() as session:
        starts = (await database_now(session)).replace(microsecond=0) + timedelta(days=1)
    await swap.step(S.BOOKED, starts_at=starts, ends_at=starts + timedelta(hours=2), second_person=True)
    return swap


def feed_of(swap: Swap, who: str = "ewan") -> str:
    return f"/api/v1/switchover/engineers/{swap.people[who].id}/calendar"


async def shown(client: httpx.AsyncClient, address: str) -> list[Any]:
    reply = await client.get(address)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/calendar")
    return Calendar.from_ical(reply.content).walk("VEVENT")


async def test_a_calendar_opens_with_its_address_alone_and_says_no_more_than_it_must(
    swap: Swap, administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get(f"{feed_of(swap)}.ics")).status_code == 401
    assert (await anonymous.get(f"{feed_of(swap)}.ics?token=cal_guess")).status_code == 404
    issued = await administrator.post(f"{feed_of(swap)}-feed")
    assert issued.status_code == 201
    address = issued.json()["url"]
    visit = await swap.visit()
    (event,) = await shown(anonymous, address)
    assert (event.start, event.end, event["status"]) == (visit.starts_at, visit.ends_at, "TENTATIVE")
    (row,) = await swap.sql("SELECT town, postcode, address FROM premises WHERE id = :id", id=swap.home[1])
    assert str(event["summary"]) == f"Visit 1: {row.town}, {row.postcode.split()[0]}, two people"
    text = (await anonymous.get(address)).text
    (person,) = await swap.sql("SELECT given_name, family_name FROM person WHERE id = :id", id=swap.home[0])
    for secret in (row.postcode, row.address, person.given_name, person.family_name, "OLD", "NEW"):
        assert secret not in text
    assert [str(each["summary"]) for each in await shown(administrator, f"{feed_of(swap)}.ics")] == [event["summary"]]
    (other,) = await swap.sql("SELECT id FROM app_user WHERE username = 'rory'")
    theirs = address.replace(str(swap.people["ewan"].id), str(other.id))
    assert (await anonymous.get(theirs)).status_code == 404
    (kept,) = await swap.sql("SELECT token_hash, made_by FROM calendar_feed")
    assert address.partition("token=")[2].encode() not in bytes(kept.token_hash)
    assert (await administrator.delete(f"{feed_of(swap)}-feed")).status_code == 204
    assert (await anonymous.get(address)).status_code == 404


async def test_what_does_not_take_place_is_not_in_it_and_numbers_are_those_of_the_day(
    swap: Swap, administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    first = await swap.visit()
    assert first.starts_at is not None
    assert first.ends_at is not None
    other = Swap(swap.database, swap.people, swap.models, programme_id=swap.programme_id, suffix="-2")
    await other.settle()
    await other.go_to(S.STOCK_ALLOCATED)
    later = first.ends_at
    await other.step(S.BOOKED, starts_at=later, ends_at=later + timedelta(hours=1))
    address = (await administrator.post(f"{feed_of(swap)}-feed")).json()["url"]
    number = 2 if same_day(first.starts_at, later) else 1  # late in the evening the second is on the next day
    assert [str(each["summary"])[:8] for each in await shown(anonymous, address)] == ["Visit 1:", f"Visit {number}:"]
    day = (await database_day(swap.database)) + timedelta(days=1)
    await swap.step(S.RESCHEDULED, why="not at home then", next_contact_on=day)
    assert [str(each["summary"])[:8] for each in await shown(anonymous, address)] == [f"Visit {number}:"]
    body = {"reason": "moved away", "as_of": (await other.visit()).version}
    assert (await administrator.post(f"/api/v1/switchover/visits/{other.visit_id}/cancel", json=body)).is_success
    assert await shown(anonymous, address) == []


async def test_the_second_of_a_pair_has_the_visit_too_and_may_act_on_it(
    swap: Swap, app: FastAPI, administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    created = {"username": "eilidh", "display_name": "Eilidh", "password": PASSWORD, "role": "engineer"}
    eilidh = (await administrator.post("/api/v1/users", json=created)).json()["id"]
    one = f"/api/v1/switchover/visits/{swap.visit_id}"
    visit = await swap.visit()
    assert visit.starts_at is not None
    assert visit.ends_at is not None
    await swap.step(S.RESCHEDULED, why="two must come", next_contact_on=await database_day(swap.database))
    slot = {"starts_at": visit.starts_at.isoformat(), "ends_at": visit.ends_at.isoformat()}
    book = {"to": "booked", "as_of": visit.version + 1, "engineer_id": str(swap.people["ewan"].id), **slot}
    fiona = str(swap.people["fiona"].id)
    for wrong, words in ((book["engineer_id"], "somebody else"), (fiona, "no active engineer")):
        refused = await administrator.post(f"{one}/steps", json=book | {"second_engineer_id": wrong})
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["where"]) == (422, "body.second_engineer_id")
        assert words in error["what"]
    booked = await administrator.post(f"{one}/steps", json=book | {"second_engineer_id": eilidh})
    assert (booked.json()["engineer"], booked.json()["second_engineer"]) == ("Ewan", "Eilidh")
    address = (await administrator.post(f"/api/v1/switchover/engineers/{eilidh}/calendar-feed")).json()["url"]
    assert len(await shown(anonymous, address)) == 1
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as own:
        session = await login(swap.database, "eilidh", PASSWORD)
        own.cookies.set(SESSION_COOKIE, session.session_token)
        own.headers["X-CSRF-Token"] = session.csrf_token
        day = visit.starts_at.astimezone(LONDON).date().isoformat()
        listed = (await own.get(f"/api/v1/switchover/visits?engineer=me&on={day}")).json()["items"]
        assert [each["id"] for each in listed] == [str(swap.visit_id)]
        for to in ("confirmed", "on_site"):
            step = {"to": to, "as_of": (await swap.visit()).version}
            assert (await own.post(f"{one}/steps", json=step)).status_code == 200
    log = (await administrator.get(one)).json()["log"]
    assert (log[-1]["actor"], log[-1]["text"]) == ("Eilidh", "Eilidh is there")


async def database_day(database: Database) -> Any:
    async with database.transaction() as session:
        return (await database_now(session)).astimezone(LONDON).date()


def same_day(one: Any, other: Any) -> bool:
    return bool(one.astimezone(LONDON).date() == other.astimezone(LONDON).date())


@pytest.mark.parametrize(
    "change",
    [UserChange(active=False), UserChange(role=UserRole.OPERATOR), UserChange(councils=frozenset({FIFE}))],
    ids=["closed", "another role", "another council"],
)
async def test_whoever_visits_homes_no_more_has_no_calendar_of_them(
    swap: Swap, change: UserChange, administrator: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    address = (await administrator.post(f"{feed_of(swap)}-feed")).json()["url"]
    assert len(await shown(anonymous, address)) == 1
    async with swap.database.transaction() as session:
        await change_user(session, swap.people["ewan"].id, change)
    if change.councils:
        assert await shown(anonymous, address) == []
    else:
        assert (await anonymous.get(address)).status_code == 404
    if change.active is False:
        # Nor does it open again with the account.
        async with swap.database.transaction() as session:
            await change_user(session, swap.people["ewan"].id, UserChange(active=True))
        assert (await anonymous.get(address)).status_code == 404


async def test_everybody_makes_their_own_and_a_supervisor_of_all_their_councils_for_them(
    swap: Swap, app: FastAPI, client_for: ClientFor, administrator: httpx.AsyncClient
) -> None:
    created = {"username": "eilidh", "display_name": "Eilidh", "password": PASSWORD, "role": "engineer"}
    eilidh = (await administrator.post("/api/v1/users", json={**created, "councils": [ARGYLL]})).json()["id"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as own:
        session = await login(swap.database, "eilidh", PASSWORD)
        own.cookies.set(SESSION_COOKIE, session.session_token)
        own.headers["X-CSRF-Token"] = session.csrf_token
        mine, ewans = f"/api/v1/switchover/engineers/{eilidh}/calendar", feed_of(swap)
        assert (await own.post(f"{mine}-feed")).status_code == 201
        assert (await own.get(f"{mine}.ics")).status_code == 200
        for refused in (own.post(f"{ewans}-feed"), own.delete(f"{ewans}-feed"), own.get(f"{ewans}.ics")):
            assert (await refused).status_code == 404
    argyll, fife = await client_for(UserRole.SUPERVISOR, ARGYLL), await client_for(UserRole.SUPERVISOR, FIFE)
    assert (await argyll.post(f"{mine}-feed")).status_code == 201
    # Ewan visits in all councils: his calendar is not one council's to give away.
    assert (await argyll.post(f"{ewans}-feed")).status_code == 404
    assert (await fife.post(f"{mine}-feed")).status_code == 404
    assert (await (await client_for(UserRole.OPERATOR)).post(f"{mine}-feed")).status_code == 403
    assert (await argyll.post(feed_of(swap, "fiona") + "-feed")).status_code == 404
