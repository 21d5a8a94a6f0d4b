"""`telecare user`, `token`, `broker`: who may come in. For the first administrator, and for repair."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.accounts import create_api_token, create_user
from telecare.access.broker import BrokerRole, set_broker_account
from telecare.access.broker_export import export, watch
from telecare.access.domain import UserRole
from telecare.cli.common import (
    PasswordFromStdin,
    PasswordOption,
    in_transaction,
    new_password,
    run_command,
    say,
)
from telecare.ingest.lane import Place
from telecare.ingest.retire import retire
from telecare.kernel.db import Database, database_now
from telecare.kernel.settings import Settings

users = typer.Typer(no_args_is_help=True, help="People who log in.")
tokens = typer.Typer(no_args_is_help=True, help="Keys of programs.")
broker = typer.Typer(no_args_is_help=True, help="Accounts on the MQTT broker.")

Councils = Annotated[list[str] | None, typer.Option("--council", help="GSS code; repeat it; without it all councils")]


@users.command("create")
def create(
    username: str,
    role: UserRole,
    name: Annotated[str, typer.Option(help="as the console shows it")],
    password: PasswordOption = None,
    password_stdin: PasswordFromStdin = False,
    council: Councils = None,
) -> None:
    """Create a user; the password is asked for, or comes by standard input or the variable TELECARE_NEW_PASSWORD.

    Example: telecare user create morag supervisor --name "Morag Lamont" --council S12000035
    """
    chosen = new_password(password, from_stdin=password_stdin)

    async def work(session: AsyncSession) -> int:
        await create_user(
            session, username=username, display_name=name, password=chosen, role=role, councils=council or ()
        )
        say(f"{name} may log in as {username} ({role}).")
        return 0

    run_command(lambda: in_transaction(work))


@tokens.command("create")
def create_token(
    name: str,
    role: UserRole,
    days: Annotated[int | None, typer.Option(min=1, help="valid for so long; for ever without it")] = None,
    council: Councils = None,
) -> None:
    """Issue an API token; it is shown this once.

    Example: telecare token create reports operator --days 90
    """

    async def work(session: AsyncSession) -> int:
        expires_at = None if days is None else await database_now(session) + timedelta(days=days)
        issued = await create_api_token(session, name=name, role=role, councils=council or (), expires_at=expires_at)
        say(issued.plain)
        return 0

    run_command(lambda: in_transaction(work))


@broker.command("account")
def account(
    username: str,
    role: BrokerRole,
    password: PasswordOption = None,
    password_stdin: PasswordFromStdin = False,
) -> None:
    """Create or replace an account: `service` for ourselves, `gateway` for one that speaks for hubs.

    `canary` is for the service's own test alarm: telecare broker account telecare-canary canary

    The password is asked for, or comes by standard input or the variable TELECARE_NEW_PASSWORD.

    Example: telecare broker account telecare-service service --password-stdin < password.txt
    """
    chosen = new_password(password, from_stdin=password_stdin)

    async def work(session: AsyncSession) -> int:
        await set_broker_account(session, username, chosen, role)
        say(f"{username} may log in to the broker as {role}.")
        return 0

    run_command(lambda: in_transaction(work))


@broker.command("export")
def export_accounts(
    password_file: Annotated[Path, typer.Option(help="Mosquitto's password file, written in one step")],
    acl_file: Annotated[Path, typer.Option(help="Mosquitto's ACL file, written in one step")],
    keep: Annotated[bool, typer.Option("--watch", help="stay, and write again when an account changes")] = False,
) -> None:
    """Write the accounts of all hubs and services for Mosquitto; it reads them again on SIGHUP.

    Example: telecare broker export --password-file /mosquitto/accounts/passwords --acl-file /mosquitto/accounts/acl
    """

    async def run() -> int:
        database = Database(Settings())
        try:
            if keep:
                await watch(database, password_file, acl_file)
            else:
                await export(database, password_file, acl_file)
        finally:
            await database.dispose()
        return 0

    run_command(lambda: asyncio.run(run()))


@broker.command("retire")
def retire_place(
    place: Annotated[str, typer.Argument(help="SLOT.NUMBER, such as 1.3: the third of those that share slot 1")],
) -> None:
    """Take a place out of those that share the heartbeats, once no process has it: what waits for it is written first.

    Example: telecare broker retire 1.3
    """

    async def run() -> None:
        slot, _, number = place.rpartition(".")
        if not slot or not number.isdigit():
            raise typer.BadParameter("a place is written SLOT.NUMBER, such as 1.3")
        settings = Settings()
        database = Database(settings)
        try:
            await retire(settings, database, Place(slot, int(number)))
        finally:
            await database.dispose()
        say(f"{place} is retired: the broker keeps nothing for it any more.")

    def work() -> int:
        asyncio.run(run())
        return 0

    run_command(work)
