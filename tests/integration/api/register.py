"""A register to test on, filled over the API as a council's own program would."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

FIFE, GLASGOW, FALKIRK = "S12000047", "S12000049", "S12000014"


@dataclass
class Register:
    """Puts things in and returns them as the API shows them."""

    client: httpx.AsyncClient
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, method: str, path: str, body: Any = None, status: int = 201) -> Any:
        reply = await self.client.request(method, f"/api/v1{path}", json=body)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    async def model(self, **columns: Any) -> dict[str, Any]:
        row = {"make": "Skerry", "name": f"Halo {next(self.numbers)}", "connection": "digital", **columns}
        model: dict[str, Any] = await self.send("POST", "/device-models", row)
        return model

    async def image(self, model_id: str, version: str = "2.0", *, released: bool = True) -> str:
        """Register a firmware image, and release it unless said."""
        row = {"model_id": model_id, "version": version, "url": "https://firmware.example/halo.bin", "sha256": "0" * 64}
        image_id = str((await self.send("POST", "/firmware/images", row))["id"])
        if released:
            await self.send("POST", f"/firmware/images/{image_id}/release", status=200)
        return image_id

    async def hub(self, hub_id: str | None = None, council: str = FIFE, **columns: Any) -> str:
        """Register a hub, of a model of its own unless said; return its id."""
        if "model" not in columns and "model_id" not in columns:
            columns["model_id"] = (await self.model())["id"]
        row = {"hub_id": hub_id or f"HUB-{next(self.numbers):04d}", "council_id": council, **columns}
        return str((await self.send("POST", "/hubs", row))["hub_id"])

    async def person(self, council: str = FIFE, **columns: Any) -> str:
        row = {"council_id": council, "given_name": "Jean", "family_name": "Rennie", **columns}
        return str((await self.send("POST", "/people", row))["id"])

    async def premises(self, council: str = FIFE, **columns: Any) -> str:
        row = {"council_id": council, "address": "1 High Street", "town": "Cupar", "postcode": "KY15 4AA", **columns}
        return str((await self.send("POST", "/premises", row))["id"])

    async def home(self, council: str = FIFE) -> dict[str, str]:
        """Add a person and premises, as an installation names them."""
        return {"person_id": await self.person(council), "premises_id": await self.premises(council)}

    async def install(self, hub_id: str, **body: Any) -> dict[str, Any]:
        place: dict[str, Any] = await self.send("POST", f"/hubs/{hub_id}/installations", body)
        return place
