"""Passwords as argon2id hashes. Hashing is slow on purpose, so it runs in threads of its own, never in the loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from telecare.kernel.errors import UnavailableError

Result = TypeVar("Result")

MAX_WAITING = 32
"""More log-ins than this at once are sent away: a flood of guesses must not keep everybody waiting for minutes."""

_HASHER = PasswordHasher()  # argon2id with the parameters of RFC 9106 for machines of limited memory


class _Queue:
    """Runs hashes in few threads: each takes 64 MiB, and a rush of log-ins may starve neither memory nor the alarms."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="argon2")
        self._waiting = 0

    def check_room(self) -> None:
        """Raise UnavailableError when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise UnavailableError("Too many people are logging in at once: try again in a moment")

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Return what the work returns; UnavailableError when too many wait already."""
        self.check_room()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


_queue = _Queue(2)
_known = _Queue(1)
"""For browsers that we know: strangers can neither take their room nor make them wait."""


def check_room(*, known: bool = False) -> None:
    """Raise UnavailableError when a password could not be checked now; `known`: for a browser that we know."""
    (_known if known else _queue).check_room()


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await _queue.run(_HASHER.hash, _normal(password))


async def verify_password(stored: str | None, password: str, *, known: bool = False) -> bool:
    """Say whether the password fits the stored hash; without one, take as long and say no."""
    return await (_known if known else _queue).run(_verify, stored, _normal(password))


def needs_rehash(stored: str) -> bool:
    """Say whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def _verify(stored: str | None, password: str) -> bool:
    nobody = _nobody()  # made on the first call whoever logs in, so that its cost tells nothing
    try:
        return _HASHER.verify(stored or nobody, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


def _normal(password: str) -> str:
    """Return one form of letters that keyboards send in several (NIST SP 800-63B 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
