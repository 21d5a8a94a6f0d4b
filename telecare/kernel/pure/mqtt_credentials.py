"""Passwords of MQTT accounts, hashed in the format of Mosquitto's password file, so that one hash serves every broker.

`$7$iterations$salt$hash`: PBKDF2-HMAC-SHA512, salt and 64-byte hash in base64. Our passwords are 128 random bits, which
no number of iterations makes safer: 101, Mosquitto's default, keeps a thousand hubs that reconnect at once cheap.
"""

import base64
import binascii
import hashlib
import hmac

_SCHEME = "7"
_LENGTH = 64
_MAX_ITERATIONS = 1_000_000


def hash_password(password: str, salt: bytes, iterations: int = 101) -> str:
    """Return the stored form of a password; `salt` is 12 random bytes."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _LENGTH)
    return f"${_SCHEME}${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def verify(password: str, stored: str) -> bool:
    """Say whether the password is the stored one, in constant time; False for a stored form that is none of ours."""
    try:
        _, scheme, iterations, salt, key = stored.split("$")
        expected = base64.b64decode(key, validate=True)
        if scheme != _SCHEME or not 0 < int(iterations) <= _MAX_ITERATIONS:
            return False
        given = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations), len(expected))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(given, expected)
