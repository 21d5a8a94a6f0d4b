"""GOV.UK Notify's side of the simulated provider: texts and mail by template, and their receipts."""

import json
from http import HTTPStatus
from uuid import uuid4

from simulators.provider.behaviour import Answer, Behaviour, Service
from simulators.provider.desk import API_SECRET, SERVICE_ID, Desk, Shown
from simulators.provider.signing import fits_notify_key
from simulators.provider.wire import Asked, Reply

REPORTS = ("delivered",)
REFUSALS = {
    Answer.REJECT: (400, "ValidationError", "phone_number Not a valid phone number"),
    Answer.RATE_LIMITED: (429, "RateLimitError", "Exceeded rate limit for key type LIVE of 3000 requests per minute"),
    Answer.QUOTA: (429, "TooManyRequestsError", "Exceeded send limits (250,000) for today"),
    Answer.FORBIDDEN: (403, "AuthError", "Invalid token: API key not found"),
    Answer.UNAVAILABLE: (503, "Exception", "Service unavailable"),
}


class Govuk:
    """With `honours_reference` a known reference is the same message again, shown once; the real one shows another."""

    def __init__(self, desk: Desk, *, honours_reference: bool) -> None:
        self.desk = desk
        self.honours_reference = honours_reference

    async def sms(self, asked: Asked) -> Reply | None:
        """Take a text."""
        return await self._take(asked, Service.NOTIFY_SMS, "phone_number", self.desk.texts)

    async def email(self, asked: Asked) -> Reply | None:
        """Take a mail."""
        return await self._take(asked, Service.NOTIFY_EMAIL, "email_address", self.desk.mails)

    async def _take(self, asked: Asked, service: Service, address: str, shown: list[Shown]) -> Reply | None:
        wanted = json.loads(asked.body)
        behaviour = await self.desk.behaviour(service, wanted[address])
        refusal = REFUSALS.get(behaviour.answer)
        if not fits_notify_key(asked.authorization, SERVICE_ID, API_SECRET):
            refusal = REFUSALS[Answer.FORBIDDEN]
        if refusal is not None:
            status, error, words = refusal
            return Reply(status, {"status_code": status, "errors": [{"error": error, "message": words}]})
        reference = wanted.get("reference")
        message = next(
            (each for each in shown if self.honours_reference and reference and each.reference == reference), None
        )
        if message is None:
            fields = wanted.get("personalisation", {})
            text = "\n".join(str(fields[name]) for name in sorted(fields, reverse=True))
            message = Shown(str(uuid4()), wanted[address], text, reference)
            shown.append(message)
            await self.desk.tell()
        await self.desk.report(behaviour, REPORTS, lambda word: self._report(message, word, behaviour))
        if behaviour.answer is Answer.DIE:
            return None
        content = {"id": message.id, "reference": reference, "content": {"body": message.text}, "uri": ""}
        return Reply(HTTPStatus.CREATED, content)

    async def _report(self, message: Shown, word: str, behaviour: Behaviour) -> None:
        receipt = {"id": message.id, "reference": message.reference, "to": message.to, "status": word}
        await self.desk.reporter.to_notify_callback(receipt, signed=behaviour.signed)
