"""What a hub told, in words and as a picture; and the filters and the table of the fleet's list."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from devices.presence.telemetry import HOUR, Point
from devices.registry.health import BATTERY_BANDS, SIGNAL_BANDS, Dimension, Support, Told, filter_of
from devices.registry.health_schemas import WorstOut
from telecare.console import fleet_filter
from telecare.console.health_view import WORDS, reasons
from telecare.console.telemetry_picture import picture
from telecare.console.telemetry_view import duration, summary
from tests.property.examples import examples

NINE = datetime(2026, 11, 27, 9, tzinfo=UTC)
EMPTY = dict.fromkeys(fleet_filter.TOLD, "")


def hour(number: int, **told: Any) -> Point:
    at = NINE + number * HOUR
    return Point(at, at + HOUR, 12, **told)


def drawn(points: list[Point], deaf: list[tuple[datetime, datetime]] | None = None) -> ET.Element:
    return ET.fromstring(picture(points, deaf or [], NINE, NINE + timedelta(days=1)))  # noqa: S314 - our own


def test_the_words_say_what_the_picture_shows() -> None:
    points = [
        hour(0, battery_min=90, battery_max=95, signal_avg=-70, mains_off_s=0, path="ethernet", firmware="1.0"),
        hour(1, battery_min=60, battery_max=90, signal_avg=-90, mains_off_s=1800, path="lte", other_path="ethernet"),
        hour(2, battery_min=61, battery_max=70, mains_off_s=0, path="ethernet", firmware="1.1", seeded=True),
    ]
    said = summary(points)
    assert said.lines == [
        "Battery: 70 % now; between 60 and 95 %.",
        "Signal: -90 dBm now; between -90 and -70 dBm.",
        "Mains: off for 30 min in all.",
        "Path: ethernet now; also lte.",
        "Firmware: 1.1; before 1.0.",
    ]
    assert said.seeded


def test_what_was_not_told_is_said_too() -> None:
    assert summary([]).lines == ["Nothing was told in this time."]
    assert [line.split(": ")[1] for line in summary([hour(0)]).lines] == ["not told."] * 5
    assert summary([hour(0, mains_off_s=0, path="lte")]).lines[2:4] == [
        "Mains: on all the time.",
        "Path: lte all the time.",
    ]
    assert [duration(seconds) for seconds in (60, 1800, 7200)] == ["60 s", "30 min", "2 h"]


def test_a_line_breaks_where_the_hub_was_silent() -> None:
    lines = [hour(0, battery_min=90), hour(1, battery_min=90), hour(9, battery_min=80)]
    assert picture(lines, [], NINE, NINE + timedelta(days=1)).count("<polyline") == 2


def test_neighbours_that_say_the_same_are_one_band() -> None:
    points = [hour(0, mains_off_s=0), hour(1, mains_off_s=0), hour(2, mains_off_s=60), hour(9, mains_off_s=0)]
    titles = [node.text for node in drawn(points).iter("title")]
    assert [str(title).split(" from ")[0] for title in titles] == ["Mains on", "Mains OFF", "Mains on"]


def test_our_own_gap_is_shown_as_ours() -> None:
    titles = [node.text for node in drawn([hour(0)], [(NINE, NINE + HOUR)]).iter("title")]
    assert str(titles[0]).startswith("We could not hear")


@examples(60)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_what_hubs_write_is_text_and_there_is_nothing_that_the_policy_of_pages_forbids(text: str) -> None:
    points = [hour(0, path=text or None, firmware="<script>alert(1)</script>", battery_min=5)]
    shown = picture(points, [], NINE, NINE + timedelta(days=1))
    ET.fromstring(shown)  # noqa: S314 - our own
    assert not re.search(r"<script|\sstyle=|\son\w+=|href", shown)


def test_filters_that_make_no_sense_filter_nothing() -> None:
    assert set(fleet_filter.told({**EMPTY, "battery_below": "x", "mains": "maybe", "support": "?"}).values()) == {None}
    told = fleet_filter.told({**EMPTY, "signal_from": "-110", "mains": "false", "support": "ended", "untold": "path"})
    assert told == {
        **dict.fromkeys(fleet_filter.TOLD),
        "signal_from": -110, "mains": False, "support": Support.ENDED, "untold": Told.PATH,
    }  # fmt: skip
    assert fleet_filter.in_words({**EMPTY, "signal_from": "-110", "untold": "path"}) == [
        "signal from -110 dBm",
        "path not told",
    ]


def test_bands_leave_no_gap_and_lead_to_their_filters() -> None:
    for dimension, bands in ((Dimension.BATTERY, BATTERY_BANDS), (Dimension.SIGNAL, SIGNAL_BANDS)):
        assert bands[0].since is bands[-1].below is None
        assert [band.below for band in bands[:-1]] == [band.since for band in bands[1:]]
        for band in bands:
            assert len(filter_of(dimension, band.name)) == (band.since is not None) + (band.below is not None)
    assert filter_of(Dimension.PATH, "not_told") == {"untold": "path"}
    assert filter_of(Dimension.MODEL, "Skerry Halo") == {"model": "Skerry Halo"}


def test_a_hub_is_looked_at_for_a_battery_of_20_percent_and_the_lowest_bar_counts_it() -> None:
    def why(battery_pct: int) -> str:
        told = {"battery_pct": battery_pct, "mains": True, "signal_dbm": None}
        return reasons(WorstOut.model_construct(**told))

    assert [why(20), why(21)] == ["battery 20 %", "silent"]
    assert filter_of(Dimension.BATTERY, BATTERY_BANDS[0].name) == {"battery_below": "21"}
    assert list(WORDS[Dimension.BATTERY]) == [band.name for band in BATTERY_BANDS]


def test_no_cell_of_the_table_is_a_formula() -> None:
    row: dict[str, Any] = dict.fromkeys(fleet_filter.COLUMNS)
    row |= {"hub_id": "h", "council_id": "S12000047", "person_name": "=1+1", "signal_dbm": -70, "mains": False}
    lines = list(csv.reader(io.StringIO((fleet_filter.head() + fleet_filter.lines([row])).removeprefix("\ufeff"))))  # type: ignore[list-item]
    told = dict(zip(lines[0], lines[1], strict=True))
    assert (told["person_name"], told["signal_dbm"], told["mains"], told["serial"]) == ("'=1+1", "-70", "no", "")
