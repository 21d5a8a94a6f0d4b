"""Notifications in a browser (RFC 8030), encrypted to it and signed as us (VAPID, RFC 8292)."""

import base64
import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from alarms.notify.delivery import LIFE_SAFETY_BELOW, Permanent, Result, Sent, Temporary
from telecare.kernel.settings import Settings

KEEP_S = 600
"""How long the push service keeps it for a browser that is away: later the ladder has told somebody else."""
LONGEST_TEXT = 1000
"""A push service takes 4,096 bytes, encryption included (RFC 8030 section 7.2)."""
TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class PushChannel:
    """`async with PushChannel(settings) as channel:`; a message's address is the browser's subscription as JSON."""

    def __init__(self, settings: Settings) -> None:
        self._vapid = Vapid02.from_string(settings.push_vapid_key.get_secret_value())
        self._subject = settings.push_subject
        self._client = httpx.AsyncClient(
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
        """Hand over one notification; a repeat takes the place of the first while the browser is away (Topic)."""
        try:
            subscription = json.loads(address)
            endpoint = subscription["endpoint"]
            body = WebPusher(subscription).encode(_payload(message))["body"]
            headers = {
                **self._vapid.sign({"aud": _origin(endpoint), "sub": self._subject}),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(KEEP_S),
                "Urgency": "high" if int(message.get("rank", 0)) < LIFE_SAFETY_BELOW else "normal",
                "Topic": hashlib.sha256(effect_key.encode()).hexdigest()[:32],
            }
        except (ValueError, LookupError, TypeError, WebPushException, VapidException) as error:
            return Permanent(f"this is not the subscription of a browser: {type(error).__name__}")
        try:
            async with self._client.stream("POST", endpoint, content=body, headers=headers) as response:
                return _result(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return Permanent(f"this address cannot be used: {error}")
        except httpx.HTTPError as error:
            return Temporary(f"no answer: {error or type(error).__name__}")


def public_key(settings: Settings) -> str | None:
    """Return the key by which browsers know our notifications, in base64url; None where none is set up."""
    private = settings.push_vapid_key.get_secret_value()
    if not private:
        return None
    point = Vapid02.from_string(private).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _origin(endpoint: str) -> str:
    """Return whom the signature is meant for: the push service by scheme and host (RFC 8292 section 2)."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def _payload(message: Mapping[str, Any]) -> bytes:
    data = message.get("data") or {}
    shown = {
        "title": str(message.get("subject") or "")[:LONGEST_TEXT],
        "body": " ".join(str(message.get("text") or "").split())[:LONGEST_TEXT],
        "alarm_id": data.get("alarm_id"),
        "url": data.get("accept_url"),
    }
    return json.dumps(shown).encode()


def _result(response: httpx.Response) -> Result:
    detail = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if response.is_success:
        return Sent(detail)
    if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Permanent(f"{detail}: the browser no longer takes notifications")
    if response.is_server_error or response.status_code in TRY_AGAIN:
        return Temporary(detail)
    return Permanent(detail)
