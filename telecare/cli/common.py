"""What the commands share: settings with clear faults, one transaction, words for a terminal."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.kernel.db import Database
from telecare.kernel.errors import ProblemError
from telecare.kernel.settings import Settings
from telecare.kernel.transient import is_of_database, is_transient

Result = TypeVar("Result")

NEW_PASSWORD = "TELECARE_NEW_PASSWORD"  # noqa: S105 - the name of a variable
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password",
        envvar=NEW_PASSWORD,
        help="visible to everybody on this machine who lists processes: better by the variable, or asked for",
    ),
]
PasswordFromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="take the first line of standard input as the password")
]


def new_password(given: str | None, *, from_stdin: bool) -> str:
    """Return the password of a new account: from standard input, as given, or asked for, twice."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif given is None:
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    if not given:
        raise typer.BadParameter("the password is empty")
    return given


def say(words: str) -> None:
    """Print a line for whoever looks."""
    Console(highlight=False, soft_wrap=True, markup=False).print(words)


def complain(words: str) -> None:
    """Print what went wrong, where programs that read our output do not stumble over it."""
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(words)


def run_command(work: Callable[[], int]) -> None:
    """Run a command; an expected failure is one clear line and code 1, a wrong setting is named and is code 2."""
    try:
        code = work()
    except ProblemError as error:
        complain(error.detail)
        for fault in error.extra.get("errors", ()):
            complain(f"  {fault['where']}: {fault['what']}")
        code = 1
    except ValidationError as error:
        for fault in error.errors():
            place = "_".join(str(part) for part in fault["loc"]).upper()
            sys.stderr.write(f"TELECARE_{place}: {fault['msg']}\n")
        code = 2
    except Exception as error:
        if not (is_transient(error) and is_of_database(error)):
            raise
        complain(
            f"The database does not answer ({type(error).__name__}): is TELECARE_DATABASE_URL right, is it running?"
        )
        code = 1
    raise typer.Exit(code)


def in_transaction(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do some work in one transaction on the database that the environment names."""

    async def run() -> Result:
        database = Database(Settings())
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.dispose()

    return asyncio.run(run())
