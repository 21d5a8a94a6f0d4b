"""Sends the callbacks of the simulated provider, and remembers how each was answered."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from simulators.provider.signing import signature

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Callback:
    """One callback as sent, and the status and body of its answer; status 0 when there was none."""

    url: str
    fields: Mapping[str, Any]
    status: int
    body: str


class Reporter:
    """Signs as Twilio and brings the token of GOV.UK Notify, or a wrong one of either on purpose."""

    def __init__(
        self, twilio_token: str, notify_url: str | None, notify_token: str, told: Callable[[], Awaitable[None]]
    ) -> None:
        self.notify_url = notify_url
        self.sent: list[Callback] = []
        self._twilio_token = twilio_token
        self._notify_token = notify_token
        self._told = told
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._at_work: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop everything that is still to be reported."""
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await self._client.aclose()

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the request has been answered."""
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def to_twilio_callback(self, url: str, fields: Mapping[str, str], *, signed: bool = True) -> Callback:
        """Post a form as Twilio does."""
        token = self._twilio_token if signed else f"not {self._twilio_token}"
        headers = {"X-Twilio-Signature": signature(token, url, fields)}
        return await self._post(url, fields, data=dict(fields), headers=headers)

    async def to_notify_callback(self, document: Mapping[str, Any], *, signed: bool = True) -> None:
        """Post a document as GOV.UK Notify does; nowhere when nobody said where to."""
        if self.notify_url is not None:
            token = self._notify_token if signed else f"not {self._notify_token}"
            headers = {"Authorization": f"Bearer {token}"}
            await self._post(self.notify_url, document, json=dict(document), headers=headers)

    async def _post(self, url: str, fields: Mapping[str, Any], **request: Any) -> Callback:
        try:
            answer = await self._client.post(url, **request)
            callback = Callback(url, fields, answer.status_code, answer.text)
        except httpx.HTTPError as error:
            callback = Callback(url, fields, 0, repr(error))
        self.sent.append(callback)
        await self._told()
        return callback
