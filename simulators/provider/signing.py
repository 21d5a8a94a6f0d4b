"""How requests and callbacks prove whose they are, written from the providers' own descriptions."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

CLOCKS_DIFFER_S = 30


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """Return Twilio's `X-Twilio-Signature`: HMAC-SHA1 over the address and the sorted fields, base64."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def fits_notify_key(authorization: str, service_id: str, secret: str) -> bool:
    """Say whether a bearer token is one that GOV.UK Notify would take: a JWT of this service, signed (HS256), fresh."""
    try:
        head, claims, signed = authorization.removeprefix("Bearer ").split(".")
        wanted = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        said = json.loads(_decode(claims))
        fresh = abs(time.time() - said["iat"]) <= CLOCKS_DIFFER_S
        return hmac.compare_digest(_decode(signed), wanted) and said["iss"] == service_id and fresh
    except (ValueError, LookupError, TypeError):
        return False


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
