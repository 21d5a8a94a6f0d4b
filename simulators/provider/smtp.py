"""A real SMTP server that delivers to nobody: the mail side of the simulated provider."""

import asyncio
import time
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulators.provider.inbox import Inbox, Mode

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Mail:
    """One mail as received; `raw` is the message as text, `at` seconds since 1970."""

    at: float
    sender: str
    recipients: list[str]
    raw: str

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.raw.encode("utf-8", "surrogateescape"), policy=default)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["subject"] or "")

    @property
    def text(self) -> str:
        """The plain text of the mail, with plain line breaks and none at its end."""
        body = self.message.get_body(("plain",))
        return str(body.get_content()).replace("\r\n", "\n").rstrip("\n") if body is not None else ""


class _Connection(SMTP):
    """One client's connection that can be broken off."""

    def break_off(self) -> None:
        """Close without an answer."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()


class SmtpSink:
    """`async with SmtpSink() as sink:` then `sink.port`, `sink.messages`, `await sink.wait_for(n)`, `sink.inbox.mode`.

    Listens on `port` of 127.0.0.1, an ephemeral one by default.
    """

    def __init__(
        self, mode: Mode = Mode.ACCEPT, *, port: int = 0, path: Path | None = None, limit: int = 10_000
    ) -> None:
        self.host = HOST
        self.port = port
        self.inbox: Inbox[Mail] = Inbox(mode, limit=limit, path=path)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def messages(self) -> list[Mail]:
        """The mails that were accepted, oldest first."""
        return list(self.inbox.items)

    async def wait_for(self, n: int, timeout_s: float = 10.0) -> None:
        """Wait until `n` mails in all were accepted; TimeoutError otherwise."""
        await self.inbox.wait_for(n, timeout_s)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.break_off()
        if self._server is not None:
            await self._server.wait_closed()

    def _connect(self) -> _Connection:
        handler = _Handler(self.inbox)
        connection = _Connection(handler, hostname="sink.invalid", enable_SMTPUTF8=True)
        handler.connection = connection
        self._connections = {c for c in self._connections if c.transport is not None} | {connection}
        return connection


class _Handler:
    """aiosmtpd calls it by name; one for each connection."""

    connection: _Connection

    def __init__(self, inbox: Inbox[Mail]) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content or b""
        raw = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
        mail = Mail(time.time(), envelope.mail_from or "", [str(to) for to in envelope.rcpt_tos], raw)
        match await self._inbox.take(mail):
            case Mode.ACCEPT:
                return "250 OK"
            case Mode.REJECT:
                return "550 no such mailbox"
            case Mode.DIE:
                self.connection.break_off()
                return "250 OK"
            case _:
                return "451 try again later"
