"""What lists are narrowed by, the same for each of them."""

from typing import Annotated

from fastapi import Depends, Query

from devices.presence.domain import Presence
from devices.registry.domain import Connection
from devices.registry.fields import CouncilRef
from devices.registry.health import Support, Told
from devices.registry.repository import HubFilter

Council = Annotated[CouncilRef | None, Query(description="a GSS code, also a former one, or a name")]
Search = Annotated[str | None, Query(max_length=120, description="looked for anywhere in the texts, as it is")]
Percent = Annotated[int | None, Query(ge=0, le=101)]
Dbm = Annotated[int | None, Query(ge=-200, le=100)]
Word = Annotated[str | None, Query(max_length=200)]


def hub_filter(
    council: Council = None,
    presence: Presence | None = None,
    model: Annotated[str | None, Query(max_length=120, description="make and name")] = None,
    connection: Connection | None = None,
    q: Search = None,
    firmware: Word = None,
    path: Word = None,
    mains: bool | None = None,
    battery_from: Percent = None,
    battery_below: Percent = None,
    signal_from: Dbm = None,
    signal_below: Dbm = None,
    support: Annotated[Support | None, Query(description="how long the model is supported, seen from today")] = None,
    untold: Annotated[Told | None, Query(description="hubs that never told this")] = None,
) -> HubFilter:
    """Return what a list of hubs is narrowed to; firmware, path, mains, battery and signal as the hub last told."""
    return HubFilter(
        council,
        presence,
        model,
        connection,
        q,
        firmware,
        path,
        mains,
        battery_from,
        battery_below,
        signal_from,
        signal_below,
        support,
        untold,
    )


Hubs = Annotated[HubFilter, Depends(hub_filter)]
