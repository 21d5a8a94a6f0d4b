"""A provider of texts, calls, mail and notifications: real HTTP, the wire of GOV.UK Notify, Twilio and Web Push.

    async with ProviderSimulator() as provider:
        provider.behave(Service.NOTIFY_SMS, Behaviour(Answer.QUOTA))

It delivers to nobody and remembers everything. Each request meets the behaviour that was set for it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from simulators.provider.behaviour import Answer, Behaviour, Pickup, Service, When
from simulators.provider.desk import Desk, Shown
from simulators.provider.govuk import Govuk
from simulators.provider.twilio import ACCOUNT, Twilio
from simulators.provider.wire import Asked, Reply, read_request

HOST = "127.0.0.1"

Way = Callable[[Asked], Awaitable[Reply | None]]
"""Takes a request; no reply means that the connection breaks."""


class ProviderSimulator(Desk):
    """`async with ProviderSimulator() as provider:`; `url` is the base address for all of its services.

    Reports of GOV.UK Notify go to `notify_callback`, those of Twilio to the address that each request names.
    """

    def __init__(self, *, port: int = 0, notify_callback: str | None = None, honours_reference: bool = False) -> None:
        super().__init__(notify_callback)
        self.port = port
        self.govuk = Govuk(self, honours_reference=honours_reference)
        self.twilio = Twilio(self)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self.reporter.close()
        if self._server is not None:
            await self._server.wait_closed()

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await read_request(reader)
            reply = await self._way(asked.path)(asked) if asked else Reply(HTTPStatus.LENGTH_REQUIRED)
            if reply is None:
                writer.transport.abort()
                return
            writer.write(reply.encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, as clients with a time limit do
        finally:
            writer.close()

    def _way(self, path: str) -> Way:
        ways: dict[str, Way] = {
            "/v2/notifications/sms": self.govuk.sms,
            "/v2/notifications/email": self.govuk.email,
            f"{ACCOUNT}/Messages.json": self.twilio.text,
            f"{ACCOUNT}/Calls.json": self.twilio.call,
            "/_control": self._control,
        }
        below: dict[str, Way] = {
            f"{ACCOUNT}/Calls/": self.twilio.change_call,
            "/push/": self._push,
            "/hook": self._hook,
        }
        found = ways.get(path)
        return found or next((way for start, way in below.items() if path.startswith(start)), _no_such_address)

    async def _push(self, asked: Asked) -> Reply | None:
        behaviour = await self.behaviour(Service.PUSH, asked.path)
        if not asked.authorization.startswith("vapid "):
            return Reply(HTTPStatus.UNAUTHORIZED)
        return await self._show(asked, behaviour, self.pushes, HTTPStatus.CREATED, HTTPStatus.GONE)

    async def _hook(self, asked: Asked) -> Reply | None:
        behaviour = await self.behaviour(Service.WEBHOOK, asked.path)
        return await self._show(asked, behaviour, self.webhooks, HTTPStatus.OK, HTTPStatus.BAD_REQUEST)

    async def _show(
        self, asked: Asked, behaviour: Behaviour, shown: list[Shown], taken: int, refused: int
    ) -> Reply | None:
        answers = {
            Answer.REJECT: refused,
            Answer.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
            Answer.QUOTA: HTTPStatus.TOO_MANY_REQUESTS,
            Answer.FORBIDDEN: HTTPStatus.FORBIDDEN,
            Answer.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
        }
        if behaviour.answer in answers:
            return Reply(answers[behaviour.answer])
        text = asked.body.decode("utf-8", "replace")
        shown.append(Shown(str(uuid4()), asked.path, text, headers=asked.headers, body=asked.body))
        await self.tell()
        return None if behaviour.answer is Answer.DIE else Reply(taken)

    async def _control(self, asked: Asked) -> Reply:
        """Set a behaviour (POST `{"service", "behaviour", "to"?, "times"?}`), or tell what was received (GET)."""
        if asked.method != "POST":
            return Reply(HTTPStatus.OK, self._received())
        try:
            wanted = json.loads(asked.body)
            service, behaviour = Service(wanted["service"]), read_behaviour(wanted["behaviour"])
            self.behave(service, behaviour, to=wanted.get("to"), times=wanted.get("times"))
        except (ValueError, LookupError, TypeError) as error:
            return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, {"message": repr(error)})
        return Reply(HTTPStatus.NO_CONTENT)

    def _received(self) -> dict[str, Any]:
        def row(shown: Shown) -> dict[str, Any]:
            return {"to": shown.to, "text": shown.text, "reference": shown.reference}

        return {
            "texts": [row(each) for each in self.texts],
            "mails": [row(each) for each in self.mails],
            "calls": [{"to": call.to, "status": call.status, "heard": call.heard} for call in self.calls],
            "pushes": len(self.pushes),
            "webhooks": [row(each) for each in self.webhooks],
            "attempts": len(self.attempts),
            "callbacks": [asdict(each) for each in self.reporter.sent],
        }


def read_behaviour(document: Mapping[str, Any]) -> Behaviour:
    """Read a behaviour from JSON; ValueError or TypeError when it is none."""
    reports = document.get("reports")
    return Behaviour(
        **{
            **document,
            "answer": Answer(document.get("answer", Answer.ACCEPT)),
            "when": When(document.get("when", When.ON_TIME)),
            "pickup": Pickup(document.get("pickup", Pickup.PERSON)),
            "reports": tuple(reports) if reports is not None else None,
        }
    )


async def _no_such_address(_asked: Asked) -> Reply:
    return Reply(HTTPStatus.NOT_FOUND, {"message": "no such address"})
