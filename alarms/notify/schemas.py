"""What the API says and takes about contact points."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from alarms.notify.addresses import shown
from alarms.notify.domain import Channel, ContactTarget


class ContactPointOut(BaseModel):
    """An address behind a target. Of one that is a key to something only the service is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    council_id: str | None
    target: ContactTarget
    channel: Channel
    address: str
    label: str
    active: bool
    created_at: datetime

    @field_validator("address")
    @classmethod
    def _mask(cls, address: str, info: ValidationInfo) -> str:
        return shown(info.data["channel"], address)


class ContactPointIn(BaseModel):
    """An address to add; without a council it serves all of them."""

    model_config = ConfigDict(extra="forbid")

    council_id: Annotated[str, Field(pattern=r"^S12[0-9]{6}$")] | None = None
    target: ContactTarget
    channel: Channel
    address: Annotated[str, Field(min_length=3, max_length=1500)]
    label: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="who this is, for the log")]
