"""The product's own web side, in this process, on the scenario's database: whoever reports, replies or logs in."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx
from fastapi import FastAPI

from simulators.provider.desk import AUTH_TOKEN, CALLBACK_TOKEN
from simulators.provider.signing import signature
from telecare.access.accounts import create_api_token
from telecare.access.domain import UserRole
from telecare.api.deps import Services
from telecare.app import create_app
from telecare.kernel.db import Database
from telecare.kernel.ids import new_id
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from tests.conftest import SEAL_KEY

ADDRESS = "http://telecare.example"


class Web:
    """Asks as a provider does, or as somebody with a token."""

    def __init__(self, database: Database) -> None:
        self._app = _app_on(database)
        self._database = database

    def of(self, token: str) -> httpx.AsyncClient:
        """Return what whoever has this token asks the API with; it is for them to close."""
        headers = {"Authorization": f"Bearer {token}"}
        base = f"{ADDRESS}/api/v1"
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=base, headers=headers)

    async def metrics(self) -> str:
        """Return the figures as they are scraped."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=ADDRESS) as client:
            return (await client.get("/metrics")).text

    async def receipt(self, document: Mapping[str, Any], *, forged: bool = False) -> httpx.Response:
        """Post what GOV.UK Notify says of a message."""
        token = f"not {CALLBACK_TOKEN}" if forged else CALLBACK_TOKEN
        return await self._post("/notify", json=document, headers={"Authorization": f"Bearer {token}"})

    async def text(self, number: str, says: str, ref: str, *, forged: bool = False) -> httpx.Response:
        """Post a text of somebody as Twilio does."""
        fields = {"MessageSid": ref, "From": number, "Body": says}
        token = f"not {AUTH_TOKEN}" if forged else AUTH_TOKEN
        signed = signature(token, f"{ADDRESS}/api/v1/callbacks/twilio/sms", fields)
        return await self._post("/twilio/sms", data=fields, headers={"X-Twilio-Signature": signed})

    async def take_away(self, kind: str, key: str) -> httpx.Response:
        """Delete a policy or a rota by its key, as an administrator."""
        async with self._database.transaction() as session:
            issued = await create_api_token(session, name=f"{new_id()}", role=UserRole.ADMINISTRATOR, councils=())
        async with self.of(issued.plain) as client:
            listed = (await client.get(f"/{kind}")).raise_for_status().json()["items"]
            id_ = next((one["id"] for one in listed if one["key"] == key), "none-of-this-key")
            return await client.delete(f"/{kind}/{id_}")

    async def _post(self, path: str, **request: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=ADDRESS) as client:
            return await client.post(f"/api/v1/callbacks{path}", **request)


@lru_cache(maxsize=1)
def _app_on(database: Database) -> FastAPI:
    """Return the application; it takes longer to make than many a scenario to run, so those of a database share it."""
    settings = Settings(
        database_url=database.url,
        seal_key=SEAL_KEY,
        callback_url=ADDRESS,
        notify_callback_token=CALLBACK_TOKEN,
        twilio_auth_token=AUTH_TOKEN,
    )
    return create_app(Services(settings, database, Sealer(settings)))
