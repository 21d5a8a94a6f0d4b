"""Messages by e-mail, one connection each: a mail server that hangs holds up nothing but itself."""

import contextlib
import hashlib
import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

from alarms.notify.delivery import Permanent, Result, Sent, Temporary
from telecare.kernel.settings import Settings

QUIT_S = 1.0
PERMANENT_FROM = 500
"""SMTP replies of 5xx are for good, of 4xx for now (RFC 5321 section 4.2.1)."""


class EmailChannel:
    """Sends through the mail server of the settings.

    `smtps` is TLS from the start; with `smtp` TLS is started where the server offers it, and a password leaves this
    machine under TLS only.
    """

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.smtp_url.get_secret_value())
        self._from = settings.mail_from
        self._domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
        self._host, self._port = parts.hostname or "localhost", parts.port
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "") if parts.username else None
        self._use_tls = parts.scheme == "smtps"
        self._start_tls = self._when_to_start_tls()
        self._timeout_s = settings.provider_timeout_s

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over one mail; its Message-ID comes from `effect_key`, so a repeat can be recognised."""
        try:
            mail = self._mail(address, effect_key, message)
        except (ValueError, UnicodeError) as error:
            return Permanent(f"this cannot be written as a mail: {error}")
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._use_tls,
            start_tls=self._start_tls,
            # Named here, as the library would otherwise ask the DNS for our own name and wait for it.
            local_hostname=self._domain,
            timeout=self._timeout_s,
        )
        try:
            await client.connect()
            _, reply = await client.send_message(mail)
            # It is taken: whatever happens to the farewell must not have it sent again.
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                await client.quit(timeout=QUIT_S)
        except SMTPRecipientsRefused as error:
            return _refused(error.recipients[0].code, error.recipients[0].message)
        except SMTPResponseException as error:
            return _refused(error.code, error.message)
        except SMTPNotSupported as error:
            return Permanent(f"the mail server cannot do this: {error.message}")
        except (SMTPException, OSError, TimeoutError) as error:
            return Temporary(f"the mail server did not answer: {error or type(error).__name__}")
        finally:
            client.close()
        return Sent(reply)

    def _mail(self, address: str, effect_key: str, message: Mapping[str, Any]) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._from
        mail["To"] = address
        mail["Subject"] = message["subject"]
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{hashlib.sha256(effect_key.encode()).hexdigest()[:40]}@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message["text"])
        return mail

    def _when_to_start_tls(self) -> bool | None:
        """Return True (insist), False (never) or None (if offered), as aiosmtplib takes it."""
        if self._use_tls or _is_this_machine(self._host):
            return False
        return True if self._user is not None else None


def _refused(code: int, words: str) -> Result:
    detail = f"{code} {words}"
    return Permanent(detail) if code >= PERMANENT_FROM else Temporary(detail)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
