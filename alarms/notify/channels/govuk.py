"""Texts and e-mail through GOV.UK Notify, by its own client.

The client is synchronous and not safe for threads: each hand of a channel's pool has one of its own. A hand for whose
answer nobody waits any more is free again when the client's own time is up.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from notifications_python_client.errors import APIError
from notifications_python_client.notifications import NotificationsAPIClient

from alarms.notify.brief import text_message
from alarms.notify.crowding import LIFE_SAFETY
from alarms.notify.delivery import Permanent, Result, Sent, Temporary, Unable
from telecare.kernel.settings import Settings

Post = Callable[[NotificationsAPIClient], Any]


class GovukNotify:
    """`async with GovukNotify(settings) as channel:` one pool of hands; the two kinds of message build on it."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.notify_api_key.get_secret_value()
        self._url = settings.notify_url
        self._timeout_s = settings.provider_timeout_s
        self._mine = threading.local()
        # As many hands as may be on their way by one channel: who has leased a message finds one.
        self._hands = ThreadPoolExecutor(LIFE_SAFETY.by_channel, thread_name_prefix="govuk-notify")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hands.shutdown(wait=False, cancel_futures=True)

    async def post(self, post: Post) -> Result:
        """Hand over one message with a hand's own client."""
        try:
            taken = await asyncio.get_running_loop().run_in_executor(self._hands, lambda: post(self._client()))
        except APIError as error:
            return _failure(error)
        return Sent("accepted", ref=str(taken["id"]))

    def _client(self) -> NotificationsAPIClient:
        client: NotificationsAPIClient | None = getattr(self._mine, "client", None)
        if client is None:
            client = NotificationsAPIClient(self._key, base_url=self._url, timeout=self._timeout_s)
            self._mine.client = client
        return client


class GovukTexts(GovukNotify):
    """Texts; the template has one field, `message`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._template = settings.notify_sms_template

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over one text; `reference` comes back in its reports."""
        fields = {"message": text_message(message)}
        return await self.post(
            lambda client: client.send_sms_notification(address, self._template, fields, reference=effect_key)
        )


class GovukMail(GovukNotify):
    """E-mail; the template has the fields `subject` and `message`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._template = settings.notify_email_template

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over one mail; `reference` comes back in its reports."""
        fields = {"subject": str(message["subject"]), "message": str(message["text"])}
        return await self.post(
            lambda client: client.send_email_notification(address, self._template, fields, reference=effect_key)
        )


def _failure(error: APIError) -> Result:
    """Return what an error means; one that stands for no answer at all has no response."""
    if error.response is None:
        return Temporary(f"no answer: {error.__cause__ or error}")
    detail = f"HTTP {error.status_code}: {_words(error)}"
    if error.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Unable(detail)
    if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        # RateLimitError is over in a minute, TooManyRequestsError (the day's quota) tomorrow.
        return Temporary(detail) if "RateLimitError" in detail else Unable(detail)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status_code < HTTPStatus.BAD_REQUEST:
        return Temporary(detail)
    return Permanent(detail)


def _words(error: APIError) -> str:
    if isinstance(error.message, str):
        return error.message
    return "; ".join(f"{found.get('error')}: {found.get('message')}" for found in error.message)
