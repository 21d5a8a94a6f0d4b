"""Responders, teams and rotas to test on, made over the API."""

from typing import Any

from tests.integration.api.register import FIFE, Register

NIGHTS = {"kind": "rotation", "unit": "daily", "every": 1, "starts_at": "2026-01-05T09:00"}


class Desk:
    """Makes what a rota needs, and returns it as the API shows it."""

    def __init__(self, register: Register) -> None:
        self.register = register

    async def responder(self, key: str, council: str | None = FIFE, **columns: Any) -> str:
        row = {"key": key, "name": key.title(), "council_id": council, **columns}
        return str((await self.register.send("POST", "/responders", row))["id"])

    async def method(self, responder_id: str, channel: str, address: str, **columns: Any) -> str:
        row = {"channel": channel, "address": address, **columns}
        return str((await self.register.send("POST", f"/responders/{responder_id}/methods", row))["id"])

    async def team(self, key: str, *members: str, council: str | None = FIFE) -> str:
        row = {"key": key, "name": key.title(), "council_id": council, "members": members}
        return str((await self.register.send("POST", "/teams", row))["id"])

    async def rota(
        self, key: str, *members: str, council: str | None = FIFE, name: str | None = None, **layer: Any
    ) -> dict[str, Any]:
        """A daily rotation that hands off at nine."""
        layers = [{**NIGHTS, "members": members, **layer}]
        row = {"key": key, "name": name or key.title(), "council_id": council, "layers": layers}
        made: dict[str, Any] = await self.register.send("POST", "/rotas", row)
        return made
