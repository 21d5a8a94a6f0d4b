"""The secrets of one demo directory: made at its first start, kept in a file that only its owner reads."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.fernet import Fernet


@dataclass(frozen=True)
class DemoSecrets:
    """What a demo directory must know at its next start; nothing in it guards a real person."""

    seal_key: str
    fleet_secret: str
    service_password: str
    gateway_password: str
    webhook_secret: str
    operator_password: str
    api_token: str


def load_or_make(path: Path) -> DemoSecrets:
    """Read the file, or make it; it is written whole or not at all."""
    if path.exists():
        return DemoSecrets(**json.loads(path.read_text(encoding="utf-8")))
    made = DemoSecrets(
        seal_key=Fernet.generate_key().decode(),
        fleet_secret=secrets.token_hex(32),
        service_password=secrets.token_hex(16),
        gateway_password=secrets.token_hex(16),
        webhook_secret=secrets.token_hex(32),
        operator_password="-".join(secrets.token_hex(2) for _ in range(4)),
        api_token="tc_" + secrets.token_urlsafe(32),
    )
    write_private(path, json.dumps(asdict(made)))
    return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, in one step: a reader sees the old or the new, never half."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
