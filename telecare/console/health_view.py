"""A fleet's figures in words: charts whose bars lead to the hubs that they count. Pure."""

from dataclasses import dataclass
from urllib.parse import urlencode

from devices.registry.health import SIGNAL_WEAK, Dimension, is_low
from devices.registry.health_schemas import FleetOut, WorstOut
from telecare.console import view

TITLES = {
    Dimension.PRESENCE: "Presence",
    Dimension.BATTERY: "Battery",
    Dimension.SIGNAL: "Signal",
    Dimension.MAINS: "Mains",
    Dimension.PATH: "Path",
    Dimension.FIRMWARE: "Firmware",
    Dimension.MODEL: "Model",
    Dimension.SUPPORT: "Support by the maker ends",
}
WORDS: dict[Dimension, dict[str, str]] = {
    Dimension.PRESENCE: view.PRESENCES,
    Dimension.BATTERY: {
        "up_to_20": "20 % or less", "21_to_49": "21 to 49 %", "50_to_79": "50 to 79 %", "80_and_more": "80 % and more",
    },
    Dimension.SIGNAL: {
        "below_-110": "Below -110 dBm", "-110_to_-101": "-110 to -101 dBm", "-100_to_-86": "-100 to -86 dBm",
        "-85_and_more": "-85 dBm and more",
    },
    Dimension.MAINS: {"false": "Off", "true": "On"},
    Dimension.SUPPORT: {
        "ended": "It has ended", "within_a_year": "Within a year", "later": "Later", "not_known": "Not known",
    },
}  # fmt: skip
NOT_TOLD = "Not told"


@dataclass(frozen=True)
class Bar:
    """So many hubs; `width` is the share of the longest in percent, `query` lists them."""

    label: str
    count: int
    width: int
    query: str


@dataclass(frozen=True)
class Chart:
    """Bars of one dimension."""

    title: str
    bars: list[Bar]


def charts(found: FleetOut, council: str) -> list[Chart]:
    """Return a chart for each dimension: what has an order in its order, the rest by number."""
    shown = []
    for dimension in Dimension:
        counted = found.distributions[dimension]
        words = WORDS.get(dimension, {})
        order = list(words)
        bars = sorted(counted, key=lambda bar: order.index(bar.value) if bar.value in order else len(order))
        most = max((bar.hubs for bar in bars), default=1)
        scope = {"council": council} if council else {}
        shown.append(
            Chart(
                TITLES[dimension],
                [
                    Bar(
                        NOT_TOLD if bar.value == "not_told" else words.get(bar.value, bar.value),
                        bar.hubs,
                        round(100 * bar.hubs / most),
                        urlencode({**scope, **bar.filters}),
                    )
                    for bar in bars
                ],
            )
        )
    return shown


def reasons(hub: WorstOut) -> str:
    """Return in words why somebody should look at a hub."""
    why = []
    if hub.mains is False:
        why.append("no mains")
    if is_low(hub.battery_pct):
        why.append(f"battery {hub.battery_pct} %")
    if hub.signal_dbm is not None and hub.signal_dbm < SIGNAL_WEAK:
        why.append(f"signal {hub.signal_dbm} dBm")
    return ", ".join(why) or "silent"
