"""Passwords as argon2id hashes. Hashing is slow on purpose, so it runs in two threads of its own, never in the loop."""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()  # argon2id with the parameters of RFC 9106 for machines of limited memory

# Each hash takes 64 MiB: two at a time, so that a rush of log-ins starves neither memory nor the alarms.
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _HASHER.hash, _normal(password))


async def verify_password(stored: str | None, password: str) -> bool:
    """Say whether the password fits the stored hash; without one, take as long and say no."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _verify, stored, _normal(password))


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
