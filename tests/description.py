"""What the service says of itself, without a service."""

from typing import Any

from cryptography.fernet import Fernet

from telecare.api.deps import Services
from telecare.app import create_app
from telecare.kernel.db import Database
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings


def description() -> dict[str, Any]:
    nowhere = Settings(database_url="postgresql+asyncpg://localhost:1/nowhere", seal_key=Fernet.generate_key().decode())
    return create_app(Services(nowhere, Database(nowhere), Sealer(nowhere))).openapi()
