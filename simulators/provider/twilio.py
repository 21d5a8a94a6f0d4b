"""Twilio's side of the simulated provider: texts, calls that ring and are answered, and their callbacks."""

import asyncio
import base64
from http import HTTPStatus
from uuid import uuid4

from simulators.provider.behaviour import Answer, Behaviour, Pickup, Service, When
from simulators.provider.desk import ACCOUNT_SID, AUTH_TOKEN, Call, Desk, Shown
from simulators.provider.script import read_script
from simulators.provider.wire import Asked, Reply

ACCOUNT = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
REPORTS = ("queued", "sent", "delivered")
REFUSALS = {
    Answer.REJECT: (400, 21211, "Invalid 'To' Phone Number"),
    Answer.RATE_LIMITED: (429, 20429, "Too Many Requests"),
    Answer.QUOTA: (429, 63038, "Account exceeded the daily messages limit"),
    Answer.FORBIDDEN: (401, 20003, "Authenticate"),
    Answer.UNAVAILABLE: (503, 20503, "Service unavailable"),
}
BASIC = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()


class Twilio:
    """Texts and calls of one account."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def text(self, asked: Asked) -> Reply | None:
        """Take a text."""
        form = asked.form
        to = form["To"][0]
        behaviour = await self.desk.behaviour(Service.TWILIO_SMS, to)
        if (refused := _refusal(asked, behaviour)) is not None:
            return refused
        message = Shown(_sid("SM"), to, form["Body"][0])
        self.desk.texts.append(message)
        await self.desk.tell()
        url = form.get("StatusCallback", [""])[0]

        async def report(word: str) -> None:
            fields = {"MessageSid": message.id, "SmsSid": message.id, "MessageStatus": word, "To": to}
            await self.desk.reporter.to_twilio_callback(url, fields, signed=behaviour.signed)

        if url:
            await self.desk.report(behaviour, REPORTS, report)
        if behaviour.answer is Answer.DIE:
            return None
        return Reply(HTTPStatus.CREATED, {"sid": message.id, "status": "queued", "to": to})

    async def call(self, asked: Asked) -> Reply | None:
        """Take a call, and let it ring."""
        form = asked.form
        to = form["To"][0]
        behaviour = await self.desk.behaviour(Service.CALL, to)
        if (refused := _refusal(asked, behaviour)) is not None:
            return refused
        call = Call(_sid("CA"), to, read_script(form["Twiml"][0]))
        self.desk.calls.append(call)
        await self.desk.tell()
        callback = form.get("StatusCallback", [""])[0]
        detection = form.get("AsyncAmdStatusCallback", [""])[0] if "MachineDetection" in form else ""
        self.desk.reporter.later(_Ringing(self.desk, call, behaviour).run(callback, detection))
        if behaviour.answer is Answer.DIE:
            return None
        return Reply(HTTPStatus.CREATED, {"sid": call.sid, "status": "queued", "to": to})

    async def change_call(self, asked: Asked) -> Reply | None:
        """Stop a call that rings or is being listened to."""
        sid = asked.path.rsplit("/", 1)[1].removesuffix(".json")
        call = next((each for each in self.desk.calls if each.sid == sid), None)
        if call is None or asked.authorization != BASIC:
            return Reply(HTTPStatus.NOT_FOUND, {"code": 20404, "message": "no such call", "status": 404})
        if asked.form.get("Status") == ["completed"]:
            call.ended.set()
        return Reply(HTTPStatus.OK, {"sid": sid, "status": "completed"})

    async def receive_text(self, url: str, from_number: str, text: str, *, sid: str | None = None) -> None:
        """Let somebody send a text to the service's number, whose address for texts is `url`."""
        fields = {"MessageSid": sid or _sid("SM"), "From": from_number, "To": "+441414960000", "Body": text}
        await self.desk.reporter.to_twilio_callback(url, fields)


class _Ringing:
    """One call from the first ring to its end."""

    def __init__(self, desk: Desk, call: Call, behaviour: Behaviour) -> None:
        self.desk = desk
        self.call = call
        self.behaviour = behaviour

    async def run(self, callback: str, detection: str) -> None:
        """Ring, be answered or not, and report each step."""
        if self.behaviour.when is When.LATE:
            await asyncio.sleep(self.behaviour.late_s)
        for status in ("initiated", "ringing"):
            await self._becomes(status, callback)
        match self.behaviour.pickup:
            case Pickup.RINGS:
                await self.call.ended.wait()
                await self._becomes("canceled", callback)
            case Pickup.BUSY:
                await self._becomes("busy", callback)
            case Pickup.NO_ANSWER:
                await self._becomes("no-answer", callback)
            case _:
                await self._talk(callback, detection)
        self.call.ended.set()

    async def _talk(self, callback: str, detection: str) -> None:
        await self._becomes("in-progress", callback)
        self.call.heard.extend(self.call.script.says)
        person = self.behaviour.pickup is Pickup.PERSON
        await self._report(detection, AnsweredBy="human" if person else "machine_start")
        if person and self.behaviour.key and self.call.script.action:
            await self._press(self.behaviour.key, self.call.script.action)
        await self._becomes("completed", callback)

    async def _press(self, keys: str, action: str) -> None:
        """Press the keys one after the other, as long as the answer asks for another."""
        for digit in keys:
            fields = {"CallSid": self.call.sid, "Digits": digit, "CallStatus": "in-progress"}
            for _ in range(2 if self.behaviour.twice else 1):
                answer = await self.desk.reporter.to_twilio_callback(action, fields, signed=self.behaviour.signed)
            if answer.status != HTTPStatus.OK:
                return
            script = read_script(answer.body)
            self.call.heard.extend(script.says)
            if script.action is None:
                return
            action = script.action

    async def _becomes(self, status: str, callback: str) -> None:
        self.call.status = status
        await self.desk.tell()
        await self._report(callback, CallStatus=status)

    async def _report(self, url: str, **fields: str) -> None:
        if url and self.behaviour.when is not When.NEVER:
            about = {"CallSid": self.call.sid, "AccountSid": ACCOUNT_SID, **fields}
            for _ in range(2 if self.behaviour.twice else 1):
                await self.desk.reporter.to_twilio_callback(url, about, signed=self.behaviour.signed)


def _refusal(asked: Asked, behaviour: Behaviour) -> Reply | None:
    refusal = REFUSALS.get(behaviour.answer)
    if asked.authorization != BASIC:
        refusal = REFUSALS[Answer.FORBIDDEN]
    if refusal is None:
        return None
    status, code, words = refusal
    return Reply(status, {"code": code, "message": words, "status": status})


def _sid(kind: str) -> str:
    return f"{kind}{uuid4().hex}"
