"""`telecare broker account` and `user create`: a password need not be an argument, which others can see."""

import asyncio

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from telecare.cli.main import app
from telecare.kernel.db import Database
from telecare.kernel.pure.mqtt_credentials import verify
from telecare.kernel.settings import Settings

SECRET = "a long password of nobody"


async def telecare(settings: Settings, *arguments: str, typed: str = "", **environment: str):
    known = {"TELECARE_DATABASE_URL": settings.database_url.get_secret_value(), **environment}
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), input=typed, env=known)


@pytest.mark.parametrize(
    ("options", "typed", "environment"),
    [
        (["--password-stdin"], f"{SECRET}\n", {}),
        (["--password-stdin"], SECRET, {"TELECARE_NEW_PASSWORD": "of something else"}),
        ([], "", {"TELECARE_NEW_PASSWORD": SECRET}),
        ([], f"{SECRET}\n{SECRET}\n", {}),
        (["--password", SECRET], "", {}),
    ],
    ids=["stdin", "stdin before the variable", "variable", "asked", "argument"],
)
async def test_the_password_of_an_account_comes_by_any_of_these_ways(
    database: Database, settings: Settings, options: list[str], typed: str, environment: dict[str, str]
) -> None:
    done = await telecare(settings, "broker", "account", "gw", "gateway", *options, typed=typed, **environment)
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    async with database.transaction() as session:
        query = text("SELECT credential FROM broker_account WHERE username = 'gw'")
        assert verify(SECRET, (await session.execute(query)).scalar_one())


async def test_an_empty_password_makes_no_account(database: Database, settings: Settings) -> None:
    done = await telecare(settings, "broker", "account", "gw", "gateway", "--password-stdin")
    assert (done.exit_code, "the password is empty" in done.output) == (2, True)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT count(*) FROM broker_account"))).scalar_one() == 0


async def test_a_user_is_created_in_the_same_way(settings: Settings, database: Database) -> None:
    who = ("user", "create", "morag", "operator", "--name", "Morag")
    done = await telecare(settings, *who, "--password-stdin", typed=f"{SECRET}\n")
    assert done.exit_code == 0, done.output
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT username FROM app_user"))).scalars().all() == ["morag"]


def test_the_help_says_that_the_option_is_visible() -> None:
    shown = CliRunner().invoke(app, ["broker", "account", "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})
    assert "lists processes" in shown.output
    assert "TELECARE_NEW_PASSWORD" in shown.output
