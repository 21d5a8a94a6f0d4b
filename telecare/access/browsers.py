"""Browsers in which people of this control room have logged in before: strangers cannot lock those people out there.

Anybody can type ten wrong passwords for every user name, or keep the checking of passwords busy, just before a shift
begins. A browser that shows our sealed cookie (a "device cookie", as OWASP calls it) is outside of that lock-out: its
own failures count, and it waits in a queue of its own. The cookie alone opens nothing.
"""

import base64
import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken

from telecare.kernel.settings import Settings

BROWSER_COOKIE = "telecare_browser"
BROWSER_LIFE = timedelta(days=180)
MOST_PEOPLE = 20
"""A workstation is shared over the shifts; a cookie must stay far below the 4096 bytes that browsers keep."""


@dataclass(frozen=True)
class Browser:
    """What a cookie said: who has logged in there, the last first; `mark` is another at each log-in."""

    people: tuple[UUID, ...] = ()
    mark: str = ""


class KnownBrowsers:
    """Reads and writes the cookies, and counts each browser's failures in this process."""

    def __init__(self, settings: Settings) -> None:
        # Without a key of the installation the cookies are good until the process ends.
        key = settings.seal_key.get_secret_value().encode() or secrets.token_bytes(32)
        own = hashlib.sha256(b"telecare known browsers\x00" + key).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(own))
        self._failures: Counter[str] = Counter()

    def read(self, cookie: str | None) -> Browser:
        """Return what we wrote into the cookie; a strange or old one says nothing."""
        try:
            text = self._fernet.decrypt(cookie or "", ttl=int(BROWSER_LIFE.total_seconds())).decode()
        except (InvalidToken, ValueError):
            return Browser()
        mark, *people = text.split()
        return Browser(tuple(map(UUID, people)), mark)

    def write(self, before: Browser, user_id: UUID) -> str:
        """Return the cookie of a browser in which this user has just logged in; its failures are forgiven."""
        self._failures.pop(before.mark, None)
        people = (user_id, *(other for other in before.people if other != user_id))[:MOST_PEOPLE]
        return self._fernet.encrypt(" ".join([secrets.token_hex(8), *map(str, people)]).encode()).decode()

    def may_try(self, browser: Browser, user_id: UUID, most: int) -> bool:
        """Count a try; False for a browser that is not known for this user, or has failed too often itself."""
        if user_id not in browser.people or self._failures[browser.mark] >= most:
            return False
        self._failures[browser.mark] += 1
        return True
