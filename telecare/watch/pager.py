"""The watchdog's own ways to people: straight to the provider, without database, outbox or sender."""

import asyncio
import ipaddress
import json
import socket
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit, urlunsplit

import aiosmtplib
import httpx

from telecare.kernel.logging import get_logger
from telecare.kernel.pure.signing import SIGNATURE_HEADER, sign
from telecare.kernel.settings import Settings
from telecare.watch.domain import Page, words_of

log = get_logger("watchdog")

WITHIN_S = 15.0


class Pager:
    """Tells people by each way that the settings name, all at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._to = [address.strip() for address in settings.watchdog_mail_to.split(",") if address.strip()]

    @property
    def ways(self) -> tuple[str, ...]:
        """Return which ways are set up."""
        mail = self._settings.watchdog_smtp_url is not None and bool(self._to)
        webhook = self._settings.watchdog_webhook_url is not None
        return (*(("mail",) if mail else ()), *(("webhook",) if webhook else ()))

    async def send(self, page: Page) -> bool:
        """Say whether the page has reached anybody by any way; never raises."""
        sendings: Mapping[str, Awaitable[None]] = {
            way: self._mail(page) if way == "mail" else self._post(page) for way in self.ways
        }
        results = await asyncio.gather(*(self._tried(way, sending) for way, sending in sendings.items()))
        return any(results)

    async def _tried(self, way: str, sending: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(WITHIN_S):
                await sending
        except Exception as error:  # noqa: BLE001 - whatever it is, the other way and the next look must not suffer
            log.warning("not_paged", way=way, error=_plain(error))
            return False
        return True

    async def _mail(self, page: Page) -> None:
        url = self._settings.watchdog_smtp_url
        assert url is not None  # noqa: S101 - `ways` has looked
        parts = urlsplit(url.get_secret_value())
        subject, text = words_of(page)
        mail = EmailMessage()
        mail["From"] = self._settings.mail_from
        mail["To"] = ", ".join(self._to)
        mail["Subject"] = subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = make_msgid(domain=self._domain)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{text}\nThe watchdog on {socket.gethostname()}\n")
        user = unquote(parts.username) if parts.username else None
        use_tls = parts.scheme == "smtps"
        insist = None if user is None else True  # a password leaves this machine under TLS only
        await aiosmtplib.send(
            mail,
            hostname=parts.hostname,
            port=parts.port,
            username=user,
            password=unquote(parts.password or "") if user else None,
            use_tls=use_tls,
            start_tls=False if use_tls or _is_this_machine(parts.hostname or "") else insist,
            local_hostname=self._domain,
            timeout=self._settings.provider_timeout_s,
        )

    @property
    def _domain(self) -> str:
        return parseaddr(self._settings.mail_from)[1].rpartition("@")[2] or "localhost"

    async def _post(self, page: Page) -> None:
        url = self._settings.watchdog_webhook_url
        assert url is not None  # noqa: S101 - `ways` has looked
        subject, text = words_of(page)
        body = json.dumps(
            {
                "kind": page.kind,
                "subject": subject,
                "text": text,
                "problems": dict(page.problems),
                "lasts_s": round(page.lasts_s),
                "host": socket.gethostname(),
            }
        ).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "telecare-watchdog"}
        if secret := self._settings.webhook_secret.get_secret_value():
            headers[SIGNATURE_HEADER] = sign(secret, int(time.time()), body)
        async with (
            httpx.AsyncClient(timeout=self._settings.provider_timeout_s) as client,
            # The body stays unread: one that never ends must not count as a page that did not arrive.
            client.stream("POST", url.get_secret_value(), content=body, headers=headers) as response,
        ):
            response.raise_for_status()


async def ping(url: str, *, well: bool, within_s: float) -> None:
    """Tell the dead man's switch; what keeps a ping away is its business, for silence is what it listens to."""
    parts = urlsplit(url)
    address = url if well else urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
    try:
        async with asyncio.timeout(within_s), httpx.AsyncClient(timeout=within_s) as client:
            (await client.get(address, headers={"User-Agent": "telecare-watchdog"})).raise_for_status()
    except Exception as error:  # noqa: BLE001 - the watchdog goes on, whatever the switch does
        log.warning("dead_man_not_pinged", error=_plain(error))


def _plain(error: Exception) -> str:
    """Return an error without the address that it happened at: that of a webhook is often a secret."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__ if isinstance(error, (httpx.HTTPError, httpx.InvalidURL)) else repr(error)[:300]


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
