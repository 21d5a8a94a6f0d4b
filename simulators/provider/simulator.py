"""A provider of texts, calls, mail and notifications: real HTTP, the wire of GOV.UK Notify, Twilio and Web Push.

    async with ProviderSimulator() as provider:
        provider.plan.set(Service.NOTIFY_SMS, Behaviour(Answer.QUOTA))

It delivers to nobody and remembers everything. Each request meets the behaviour that was set for it.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from simulators.provider.behaviour import Answer, Behaviour, Pickup, Plan, Service, When, sequence
from simulators.provider.reporter import Reporter
from simulators.provider.script import Script, read_script
from simulators.provider.signing import fits_notify_key

HOST = "127.0.0.1"
MAX_BODY = 1024 * 1024

SERVICE_ID = "26785a09-ab16-4eb0-8407-a37497a57506"
API_SECRET = "3d844edf-8d35-48ac-975b-e847b4f122b0"  # noqa: S105 - of a provider that delivers to nobody
API_KEY = f"simulated-{SERVICE_ID}-{API_SECRET}"
ACCOUNT_SID = "AC00000000000000000000000000000000"
AUTH_TOKEN = "simulated auth token"  # noqa: S105 - the same
CALLBACK_TOKEN = "simulated callback token"  # noqa: S105 - the same

TEXT_REPORTS = ("queued", "sent", "delivered")
NOTIFY_REPORTS = ("delivered",)

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    document: Any = None


@dataclass
class Shown:
    """One message as its receiver sees it: a text, a mail or a notification."""

    id: str
    to: str
    text: str
    reference: str | None = None
    headers: Fields = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Call:
    """One call: what was heard so far, whether it has ended, and how."""

    sid: str
    to: str
    script: Script
    status: str = "queued"
    heard: list[str] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Asked:
    """One request as received."""

    method: str
    path: str
    headers: Fields
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        """The body as a form."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


class ProviderSimulator:
    """`async with ProviderSimulator() as provider:`; `url` is the base address for all of its services.

    With `honours_reference` a text or mail of GOV.UK Notify with a known reference is the same message again, shown
    once; otherwise it is another one, as at the real one. Reports of GOV.UK Notify go to `notify_callback`, those of
    Twilio to the address that each request names.
    """

    def __init__(self, *, port: int = 0, notify_callback: str | None = None, honours_reference: bool = False) -> None:
        self.port = port
        self.plan = Plan()
        self.honours_reference = honours_reference
        self.texts: list[Shown] = []
        self.mails: list[Shown] = []
        self.pushes: list[Shown] = []
        self.webhooks: list[Shown] = []
        self.calls: list[Call] = []
        self.attempts: list[tuple[Service, str]] = []
        self._changed = asyncio.Condition()
        self._replanned = asyncio.Event()
        self.reporter = Reporter(AUTH_TOKEN, notify_callback, CALLBACK_TOKEN, self._tell)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://{HOST}:{self.port}"

    def behave(
        self, service: Service, behaviour: Behaviour, *, to: str | None = None, times: int | None = None
    ) -> None:
        """Set how a service behaves from now on; what hangs is looked at anew."""
        self.plan.set(service, behaviour, to=to, times=times)
        self._replanned.set()

    async def until(self, done: Callable[[], bool], timeout_s: float = 15.0) -> None:
        """Wait until something is true of what was received or reported."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(done)

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

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # -- the wire

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _read(reader)
            reply = await self._answer(asked) if asked else Reply(HTTPStatus.LENGTH_REQUIRED)
            if reply is None:
                writer.transport.abort()
                return
            body = json.dumps(reply.document).encode() if reply.document is not None else b""
            phrase = HTTPStatus(reply.status).phrase
            head = f"HTTP/1.1 {reply.status} {phrase}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, as clients with a time limit do
        finally:
            writer.close()

    async def _answer(self, asked: Asked) -> Reply | None:
        path = urlsplit(asked.path).path
        account = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
        ways: dict[str, Callable[[Asked], Awaitable[Reply | None]]] = {
            "/v2/notifications/sms": self._notify_sms,
            "/v2/notifications/email": self._notify_email,
            f"{account}/Messages.json": self._twilio_text,
            f"{account}/Calls.json": self._call,
            "/_control": self._control,
        }
        if path in ways:
            return await ways[path](asked)
        if path.startswith(f"{account}/Calls/"):
            return await self._stop_call(asked, path.rsplit("/", 1)[1].removesuffix(".json"))
        if path.startswith("/push/"):
            return await self._push(asked, path)
        if path.startswith("/hook"):
            return await self._hook(asked, path)
        return Reply(HTTPStatus.NOT_FOUND, {"message": "no such address"})

    async def _behaviour(self, service: Service, to: str) -> Behaviour:
        """Return how this request is met; one that hangs waits here until another behaviour is set."""
        self.attempts.append((service, to))
        await self._tell()
        behaviour = self.plan.take(service, to)
        while behaviour.answer is Answer.HANG:
            self._replanned.clear()
            await self._replanned.wait()
            behaviour = self.plan.lasting(service, to)
        return behaviour

    # -- GOV.UK Notify

    async def _notify_sms(self, asked: Asked) -> Reply | None:
        return await self._notify(asked, Service.NOTIFY_SMS, "phone_number", self.texts)

    async def _notify_email(self, asked: Asked) -> Reply | None:
        return await self._notify(asked, Service.NOTIFY_EMAIL, "email_address", self.mails)

    async def _notify(self, asked: Asked, service: Service, address: str, shown: list[Shown]) -> Reply | None:
        wanted = json.loads(asked.body)
        behaviour = await self._behaviour(service, wanted[address])
        refusal = _NOTIFY_REFUSALS.get(behaviour.answer)
        if not fits_notify_key(asked.headers.get("authorization", ""), SERVICE_ID, API_SECRET):
            refusal = _NOTIFY_REFUSALS[Answer.FORBIDDEN]
        if refusal is not None:
            status, error, words = refusal
            return Reply(status, {"status_code": status, "errors": [{"error": error, "message": words}]})
        reference = wanted.get("reference")
        known = [each for each in shown if each.reference == reference] if self.honours_reference and reference else []
        if known:
            message = known[0]
        else:
            fields = wanted.get("personalisation", {})
            text = "\n".join(str(fields[name]) for name in sorted(fields, reverse=True))
            message = Shown(str(uuid4()), wanted[address], text, reference)
            shown.append(message)
            await self._tell()
        await self._report(behaviour, NOTIFY_REPORTS, lambda word: self._notify_report(message, word, behaviour))
        if behaviour.answer is Answer.DIE:
            return None
        return Reply(
            HTTPStatus.CREATED,
            {"id": message.id, "reference": reference, "content": {"body": message.text}, "uri": "", "template": {}},
        )

    async def _notify_report(self, message: Shown, word: str, behaviour: Behaviour) -> None:
        document = {"id": message.id, "reference": message.reference, "to": message.to, "status": word}
        await self.reporter.to_notify_callback(document, signed=behaviour.signed)

    async def receive_text(self, url: str, from_number: str, text: str, *, sid: str | None = None) -> None:
        """Let somebody send a text to the service's number at Twilio, whose address for texts is `url`."""
        fields = {"MessageSid": sid or _sid("SM"), "From": from_number, "To": "+441414960000", "Body": text}
        await self.reporter.to_twilio_callback(url, fields)

    # -- Twilio

    async def _twilio_text(self, asked: Asked) -> Reply | None:
        form = asked.form
        to = form["To"][0]
        behaviour = await self._behaviour(Service.TWILIO_SMS, to)
        refusal = _twilio_refusal(asked, behaviour)
        if refusal is not None:
            return refusal
        message = Shown(_sid("SM"), to, form["Body"][0])
        self.texts.append(message)
        await self._tell()
        url = form.get("StatusCallback", [""])[0]

        async def report(word: str) -> None:
            fields = {"MessageSid": message.id, "SmsSid": message.id, "MessageStatus": word, "To": to}
            await self.reporter.to_twilio_callback(url, fields, signed=behaviour.signed)

        if url:
            await self._report(behaviour, TEXT_REPORTS, report)
        if behaviour.answer is Answer.DIE:
            return None
        return Reply(HTTPStatus.CREATED, {"sid": message.id, "status": "queued", "to": to})

    async def _call(self, asked: Asked) -> Reply | None:
        form = asked.form
        to = form["To"][0]
        behaviour = await self._behaviour(Service.CALL, to)
        refusal = _twilio_refusal(asked, behaviour)
        if refusal is not None:
            return refusal
        call = Call(_sid("CA"), to, read_script(form["Twiml"][0]))
        self.calls.append(call)
        await self._tell()
        callback = form.get("StatusCallback", [""])[0]
        detection = form.get("AsyncAmdStatusCallback", [""])[0] if "MachineDetection" in form else ""
        self.reporter.later(self._ring(call, behaviour, callback, detection))
        if behaviour.answer is Answer.DIE:
            return None
        return Reply(HTTPStatus.CREATED, {"sid": call.sid, "status": "queued", "to": to})

    async def _ring(self, call: Call, behaviour: Behaviour, callback: str, detection: str) -> None:
        async def report(url: str, **fields: str) -> None:
            if url and behaviour.when is not When.NEVER:
                about = {"CallSid": call.sid, "AccountSid": ACCOUNT_SID, **fields}
                for _ in range(2 if behaviour.twice else 1):
                    await self.reporter.to_twilio_callback(url, about, signed=behaviour.signed)

        async def becomes(status: str) -> None:
            call.status = status
            await self._tell()
            await report(callback, CallStatus=status)

        if behaviour.when is When.LATE:
            await asyncio.sleep(behaviour.late_s)
        for status in ("initiated", "ringing"):
            await becomes(status)
        if behaviour.pickup is Pickup.RINGS:
            await call.ended.wait()
            await becomes("canceled")
        elif behaviour.pickup in {Pickup.BUSY, Pickup.NO_ANSWER}:
            await becomes("busy" if behaviour.pickup is Pickup.BUSY else "no-answer")
        else:
            await becomes("in-progress")
            call.heard.extend(call.script.says)
            person = behaviour.pickup is Pickup.PERSON
            await report(detection, AnsweredBy="human" if person else "machine_start")
            if person and behaviour.key and call.script.action:
                await self._press(call, behaviour, call.script.action)
            await becomes("completed")
        call.ended.set()

    async def _press(self, call: Call, behaviour: Behaviour, action: str) -> None:
        """Press the keys one after the other, as long as the answer asks for another."""
        for digit in behaviour.key or "":
            fields = {"CallSid": call.sid, "Digits": digit, "CallStatus": "in-progress"}
            for _ in range(2 if behaviour.twice else 1):
                answer = await self.reporter.to_twilio_callback(action, fields, signed=behaviour.signed)
            if answer.status != HTTPStatus.OK:
                return
            script = read_script(answer.body)
            call.heard.extend(script.says)
            if script.action is None:
                return
            action = script.action

    async def _stop_call(self, asked: Asked, sid: str) -> Reply:
        call = next((each for each in self.calls if each.sid == sid), None)
        if call is None or not _basic_fits(asked.headers.get("authorization", "")):
            return Reply(HTTPStatus.NOT_FOUND, {"code": 20404, "message": "no such call", "status": 404})
        if asked.form.get("Status") == ["completed"]:
            call.ended.set()
        return Reply(HTTPStatus.OK, {"sid": sid, "status": "completed"})

    async def _report(
        self, behaviour: Behaviour, usual: tuple[str, ...], report: Callable[[str], Awaitable[None]]
    ) -> None:
        words = sequence(behaviour, usual)

        async def all_of_them(wait_s: float) -> None:
            await asyncio.sleep(wait_s)
            for word in words:
                await report(word)

        if behaviour.when is When.EARLY:
            await all_of_them(0)
        elif words:
            self.reporter.later(all_of_them(behaviour.late_s if behaviour.when is When.LATE else 0))

    # -- notifications to browsers, and webhooks

    async def _push(self, asked: Asked, path: str) -> Reply | None:
        behaviour = await self._behaviour(Service.PUSH, path)
        if not asked.headers.get("authorization", "").startswith("vapid "):
            return Reply(HTTPStatus.UNAUTHORIZED)
        return await self._show(asked, behaviour, path, self.pushes, HTTPStatus.CREATED, HTTPStatus.GONE)

    async def _hook(self, asked: Asked, path: str) -> Reply | None:
        behaviour = await self._behaviour(Service.WEBHOOK, path)
        return await self._show(asked, behaviour, path, self.webhooks, HTTPStatus.OK, HTTPStatus.BAD_REQUEST)

    async def _show(
        self, asked: Asked, behaviour: Behaviour, path: str, shown: list[Shown], taken: int, refused: int
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
        shown.append(Shown(str(uuid4()), path, text, headers=asked.headers, body=asked.body))
        await self._tell()
        return None if behaviour.answer is Answer.DIE else Reply(taken)

    # -- for whoever runs it as a program

    async def _control(self, asked: Asked) -> Reply:
        """Set a behaviour (POST `{"service", "behaviour", "to"?, "times"?}`), or tell what was received (GET)."""
        if asked.method == "POST":
            wanted = json.loads(asked.body)
            self.behave(
                Service(wanted["service"]),
                read_behaviour(wanted["behaviour"]),
                to=wanted.get("to"),
                times=wanted.get("times"),
            )
            return Reply(HTTPStatus.NO_CONTENT)
        return Reply(
            HTTPStatus.OK,
            {
                "texts": [{"to": each.to, "text": each.text, "reference": each.reference} for each in self.texts],
                "mails": [{"to": each.to, "text": each.text, "reference": each.reference} for each in self.mails],
                "calls": [{"to": call.to, "status": call.status, "heard": call.heard} for call in self.calls],
                "pushes": len(self.pushes),
                "webhooks": len(self.webhooks),
                "attempts": len(self.attempts),
                "callbacks": [{**asdict(each), "body": None} for each in self.reporter.sent],
            },
        )


def read_behaviour(document: Mapping[str, Any]) -> Behaviour:
    """Read a behaviour from JSON; ValueError or TypeError when it is none."""
    reports = document.get("reports")
    return Behaviour(
        **{
            **document,
            "answer": Answer(document.get("answer", "accept")),
            "when": When(document.get("when", "on_time")),
            "pickup": Pickup(document.get("pickup", "person")),
            "reports": tuple(reports) if reports is not None else None,
        }
    )


_NOTIFY_REFUSALS = {
    Answer.REJECT: (400, "ValidationError", "phone_number Not a valid phone number"),
    Answer.RATE_LIMITED: (
        429,
        "RateLimitError",
        "Exceeded rate limit for key type LIVE of 3000 requests per 60 seconds",
    ),
    Answer.QUOTA: (429, "TooManyRequestsError", "Exceeded send limits (250,000) for today"),
    Answer.FORBIDDEN: (403, "AuthError", "Invalid token: API key not found"),
    Answer.UNAVAILABLE: (503, "Exception", "Service unavailable"),
}

_TWILIO_REFUSALS = {
    Answer.REJECT: (400, 21211, "Invalid 'To' Phone Number"),
    Answer.RATE_LIMITED: (429, 20429, "Too Many Requests"),
    Answer.QUOTA: (429, 63038, "Account exceeded the daily messages limit"),
    Answer.FORBIDDEN: (401, 20003, "Authenticate"),
    Answer.UNAVAILABLE: (503, 20503, "Service unavailable"),
}


def _twilio_refusal(asked: Asked, behaviour: Behaviour) -> Reply | None:
    refusal = _TWILIO_REFUSALS.get(behaviour.answer)
    if not _basic_fits(asked.headers.get("authorization", "")):
        refusal = _TWILIO_REFUSALS[Answer.FORBIDDEN]
    if refusal is None:
        return None
    status, code, words = refusal
    return Reply(status, {"code": code, "message": words, "status": status})


def _basic_fits(authorization: str) -> bool:
    return authorization == "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()


def _sid(kind: str) -> str:
    return f"{kind}{uuid4().hex}"


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    """Read one request; None when it has a body whose length is not said, or that is too long."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = (head[0] + "  ").split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY:
        return None
    return Asked(method, path, headers, await reader.readexactly(int(length)))
