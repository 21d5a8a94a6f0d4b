"""The broker's accounts as the two files that Mosquitto reads at its start and on SIGHUP."""

import asyncio
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from telecare.access.broker import BrokerRole
from telecare.access.repository import BrokerAccountRepository
from telecare.kernel.db import Database
from telecare.kernel.logging import get_logger
from telecare.kernel.transient import is_transient
from telecare.wire.topics import CANARY_HUB, FROM_HUBS, MARKER, ROOT, TO_HUBS

log = get_logger("broker_export")

WATCH_S = 5.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")  # nothing that would end a line or a field of the files
_RESERVED = "telecare-"  # our own client ids; a hub's client id is its user name


class OtherAccount(NamedTuple):
    """An account that is not a hub's."""

    credential: str
    role: BrokerRole


class BrokerFiles(NamedTuple):
    """The texts of both files, and the names that got no account because they could be mistaken for another's."""

    passwords: str
    acl: str
    left_out: tuple[str, ...]


def broker_files(hubs: Mapping[str, str], others: Mapping[str, OtherAccount]) -> BrokerFiles:
    """Make the texts from credentials by hub id and accounts by user name.

    A hub that is called like an account of ours would have its rights, and one that is called like a client of ours
    could take over its session: they are left out.
    """
    safe = {name: account for name, account in others.items() if _NAME.fullmatch(name)}
    own = {
        hub_id: credential
        for hub_id, credential in hubs.items()
        if hub_id not in others and not hub_id.startswith(_RESERVED) and _NAME.fullmatch(hub_id)
    }
    passwords = own | {name: account.credential for name, account in safe.items()}
    return BrokerFiles(
        "".join(f"{name}:{credential}\n" for name, credential in sorted(passwords.items())),
        _acl({name: account.role for name, account in safe.items()}),
        tuple(sorted((hubs.keys() - own.keys()) | (others.keys() - safe.keys()))),
    )


def _acl(roles: Mapping[str, BrokerRole]) -> str:
    """Return the rules: a hub (%u, its user name) under its own id, the service and gateways for all hubs."""
    lines = ["# Written by `telecare broker export`: changes are lost.", *_rules("pattern", "%u", FROM_HUBS, TO_HUBS)]
    for name, role in sorted(roles.items()):
        if role == BrokerRole.CANARY:  # it speaks under its own name, as a hub does
            continue
        own = (MARKER,) if role == BrokerRole.SERVICE else ()
        writes, reads = (TO_HUBS, FROM_HUBS) if role == BrokerRole.SERVICE else (FROM_HUBS, TO_HUBS)
        lines += ["", f"user {name}", *_rules("topic", "+", (*writes, *own), (*reads, *own))]
        if role == BrokerRole.GATEWAY:  # it speaks for hubs, and the canary is none
            lines.append(f"topic deny {ROOT}/{CANARY_HUB}/#")
    return "\n".join(lines) + "\n"


def _rules(kind: str, hub: str, writes: Iterable[str], reads: Iterable[str]) -> list[str]:
    return [
        *(f"{kind} write {ROOT}/{hub}/{lane}" for lane in writes),
        *(f"{kind} read {ROOT}/{hub}/{lane}" for lane in reads),
    ]


async def export(database: Database, password_file: Path, acl_file: Path) -> None:
    """Write both files as the database has the accounts now."""
    async with database.transaction() as session:
        repository = BrokerAccountRepository(session)
        hubs = await repository.hub_credentials()
        others = {row.username: OtherAccount(row.credential, BrokerRole(row.role)) for row in await repository.all()}
    files = broker_files(hubs, others)
    if files.left_out:
        log.warning("broker_accounts_left_out", names=files.left_out)
    # The rules first: a new account is never without them.
    await asyncio.to_thread(_replace, acl_file, files.acl)
    await asyncio.to_thread(_replace, password_file, files.passwords)


async def watch(database: Database, password_file: Path, acl_file: Path) -> None:
    """Write both files, and again whenever an account has changed, until cancelled."""
    written: str | None = None
    while True:
        try:
            async with database.transaction() as session:
                present = await BrokerAccountRepository(session).fingerprint()
            if present != written:
                await export(database, password_file, acl_file)
                written = present
                log.info("broker_accounts_written")
        except Exception as error:
            # The broker goes on with the accounts it has; so must we.
            if not is_transient(error):
                raise
            log.warning("database_away", error=repr(error))
        await asyncio.sleep(WATCH_S)


def _replace(path: Path, text: str) -> None:
    """Put the text in the file's place in one step, for its owner's eyes only: readers find the old or the new one."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
