"""The demo's firmware: one newer than the simulated hubs have, released, so that a rollout can be tried. Fictional."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncSession

from devices.firmware.repository import ImageRepository
from devices.firmware.service import ImageService
from devices.registry.domain import Connection
from devices.registry.repository import ModelRepository

VERSION, BY = "sim-1.1", "user:ailsa"
NOTES = "The demo's own: hubs load it in 5 to 60 seconds, a few find it not genuine, and one in 200 never comes back."


async def add_images(session: AsyncSession) -> None:
    """Register and release it at the first start of a folder; after that it is the visitor's to block."""
    for model in await ModelRepository(session).models():
        if model.connection == Connection.DIGITAL:
            name = f"{model.make} {model.name}".lower().replace(" ", "-")
            image = await ImageRepository(session).add(
                model_id=model.id, version=VERSION, url=f"https://firmware.example/{name}/{VERSION}.bin",
                sha256=hashlib.sha256(name.encode()).hexdigest(), size=4_194_304, notes=NOTES, made_by=BY,
            )  # fmt: skip
            if image is not None:
                await ImageService(session).release(image.id, BY)
