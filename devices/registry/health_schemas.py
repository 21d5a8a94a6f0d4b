"""What the API says of a fleet as a whole."""

from datetime import datetime

from pydantic import BaseModel

from devices.presence.domain import Presence
from devices.registry.health import Dimension


class BarOut(BaseModel):
    """So many digital hubs have this value; `filters` of `GET /api/v1/hubs` list them."""

    value: str
    hubs: int
    filters: dict[str, str]


class DeafOut(BaseModel):
    """When this service could not hear: a gap of its own, held against no hub."""

    started_at: datetime
    ended_at: datetime


class WorstOut(BaseModel):
    """A hub that somebody should look at, with what it last told."""

    hub_id: str
    council_id: str
    presence: Presence
    presence_since: datetime | None
    last_seen_at: datetime | None
    battery_pct: int | None
    mains: bool | None
    signal_dbm: int | None


class FleetOut(BaseModel):
    """Digital hubs by what they last told, heartbeats a minute, the worst hubs and our own deafness of seven days."""

    at: datetime
    hubs: int
    heartbeats_expected_per_minute: int
    heartbeats_last_minute: int
    distributions: dict[Dimension, list[BarOut]]
    worst: list[WorstOut]
    our_gaps: list[DeafOut]
