"""Whether a callback is a provider's own (R44)."""

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator


def brings_token(authorization: str, token: str) -> bool:
    """Say whether a header `Authorization: Bearer …` carries this token; without a token nobody does."""
    return bool(token) and hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def signed_form(token: str, url: str, pairs: Sequence[tuple[str, str]], signature: str) -> bool:
    """Say whether Twilio signed this form for this address, which is the one that we gave it."""
    form: ImmutableMultiDict[str, str] = ImmutableMultiDict(pairs)
    return bool(token) and bool(RequestValidator(token).validate(url, form, signature))


def signed_json(token: str, url: str, body: str, signature: str) -> bool:
    """Say whether Twilio signed this address, and the address names the hash of this body."""
    hashed: Mapping[str, list[str]] = parse_qs(urlsplit(url).query)
    return bool(token) and "bodySHA256" in hashed and bool(RequestValidator(token).validate(url, body, signature))
