"""Seals key-safe codes at rest: a copy of the database alone opens no door."""

from cryptography.fernet import Fernet, InvalidToken

from telecare.kernel.errors import UnavailableError
from telecare.kernel.settings import Settings


class Sealer:
    """Seals and opens short texts with the key of `TELECARE_SEAL_KEY` (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, settings: Settings) -> None:
        key = settings.seal_key.get_secret_value()
        self._fernet = Fernet(key) if key else None

    def seal(self, text: str) -> str:
        """Return the sealed form; UnavailableError when the service has no key."""
        return self._require().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text; UnavailableError when there is no key or it is not the one that sealed it."""
        try:
            return self._require().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UnavailableError("This code was sealed with another key: ask the administrator") from error

    def seal_bytes(self, raw: bytes) -> str:
        """Return the sealed form of bytes; UnavailableError when the service has no key."""
        return self._require().encrypt(raw).decode()

    def open_bytes(self, sealed: str) -> bytes:
        """Return the bytes; UnavailableError as `open`."""
        try:
            return self._require().decrypt(sealed.encode())
        except InvalidToken as error:
            raise UnavailableError("This was sealed with another key: ask the administrator") from error

    def _require(self) -> Fernet:
        if self._fernet is None:
            raise UnavailableError("No seal key is set: set TELECARE_SEAL_KEY to store or show key-safe codes")
        return self._fernet
