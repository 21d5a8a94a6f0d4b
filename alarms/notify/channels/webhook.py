"""Messages by webhook: a signed JSON POST to an address that an administrator chose."""

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from alarms.notify.delivery import Permanent, Result, Sent, Temporary
from telecare.kernel.pure.signing import SIGNATURE_HEADER, sign
from telecare.kernel.settings import Settings

TRY_AGAIN = frozenset({408, 425, 429})
"""The 4xx answers that mean "not now" (RFC 9110, RFC 8470, RFC 6585)."""

PRINTABLE = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}"


class WebhookChannel:
    """`async with WebhookChannel(settings) as channel:` one client for all addresses; signs when there is a secret.

    The timeout of the settings is for each of connecting, writing and reading; the sender bounds the whole.
    """

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.webhook_secret.get_secret_value()
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "telecare"},
            timeout=settings.provider_timeout_s,
            limits=httpx.Limits(max_connections=None),
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over the message's `data`; a receiver that honours `Idempotency-Key` shows a repeat once."""
        body = json.dumps(message["data"], ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            # A header is ASCII, an address in the key may not be.
            "Idempotency-Key": quote(effect_key, safe=PRINTABLE),
        }
        if self._secret:
            headers[SIGNATURE_HEADER] = sign(self._secret, int(time.time()), body)
        try:
            # The status decides. The body stays unread: one that never ends must not have the message sent again.
            async with self._client.stream("POST", address, content=body, headers=headers) as response:
                return _result(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return Permanent(f"this address cannot be used: {error}")
        except httpx.HTTPError as error:
            return Temporary(f"no answer: {error or type(error).__name__}")


def _result(response: httpx.Response) -> Result:
    detail = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if response.is_success:
        return Sent(detail)
    if response.is_server_error or response.status_code in TRY_AGAIN:
        return Temporary(detail)
    if response.is_redirect:
        return Permanent(f"{detail}: redirects are not followed; enter the address that it points to")
    return Permanent(detail)
