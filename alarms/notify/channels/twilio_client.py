"""Twilio's own client over our HTTP: an address of choice, our time limit, and a call that can be broken off."""

from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from alarms.notify.delivery import Permanent, Result, Temporary, Unable
from telecare.kernel.logging import get_logger
from telecare.kernel.settings import Settings

OWN_ADDRESS = "https://api.twilio.com"
STATUS_PATH = "/api/v1/callbacks/twilio/status"
GATHER_PATH = "/api/v1/callbacks/twilio/gather"

OUT_OF_QUOTA = frozenset({20003, 20005, 21216, 21408, 30001, 30002, 63038})
"""Codes that are about our account (credentials, suspended, limits, regions), not about the message."""


class TwilioHttp(AsyncHttpClient):
    """Sends Twilio's requests to `url` in the place of its own address."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(get_logger("twilio"), True, timeout_s)
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            timeout=timeout_s, limits=httpx.Limits(max_connections=None), follow_redirects=False
        )

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request, as the library asks for it."""
        _ = timeout, allow_redirects  # ours hold
        response = await self._client.request(
            method,
            uri.replace(OWN_ADDRESS, self._url, 1),
            params=params,
            content=urlencode(data, doseq=True) if data else None,
            headers=headers,
            auth=auth,
        )
        return Response(response.status_code, response.text, response.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class TwilioAccount:
    """`async with TwilioAccount(settings) as account:` then `account.client`, for texts and calls alike."""

    def __init__(self, settings: Settings) -> None:
        self._http = TwilioHttp(settings.twilio_url, settings.provider_timeout_s)
        self.client = Client(
            settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value(), http_client=self._http
        )
        base = settings.callbacks_at
        self._base = base.rstrip("/") if base else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    def callback(self, path: str, message: Any) -> str | None:
        """Return where reports on a message go: its id is in the address, so that a report is never nobody's."""
        return f"{self._base}{path}?message={message.get('id', '')}" if self._base else None


def failure(error: TwilioException | httpx.HTTPError) -> Result:
    """Return what a failed request means."""
    if isinstance(error, httpx.HTTPError):
        return Temporary(f"no answer: {error or type(error).__name__}")
    if not isinstance(error, TwilioRestException):
        return Unable(str(error))
    detail = f"HTTP {error.status}: {error.msg}"
    if error.code in OUT_OF_QUOTA or error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Unable(detail)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Temporary(detail)
    return Permanent(detail)
