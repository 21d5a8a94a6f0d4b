"""The signature of what leaves us by webhook."""

import hashlib
import hmac

SIGNATURE_HEADER = "X-Telecare-Signature"


def sign(secret: str, at: int, body: bytes) -> str:
    """Return the signature header of a body sent `at` (seconds since 1970): HMAC-SHA256 of `{at}.{body}`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
