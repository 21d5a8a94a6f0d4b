"""Who is on call as a picture: gaps are named, names are escaped, the days of both changes of the clocks fit."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from alarms.responders.schemas import Member
from alarms.rota.schemas import ShiftOut
from telecare.console import rota_picture

LONDON = ZoneInfo("Europe/London")
MONDAY = date(2026, 3, 23)
START = datetime(2026, 3, 23, tzinfo=UTC)
ISLA = Member(id=UUID(int=1), key="isla", name="Isla <Reid>")


def shift(first_hour: int, last_hour: int) -> ShiftOut:
    return ShiftOut(
        starts_at=START + timedelta(hours=first_hour), ends_at=START + timedelta(hours=last_hour), members=[ISLA]
    )


def test_the_whole_period_is_told_gaps_included():
    spans = rota_picture.spans([shift(1, 5), shift(9, 20)], START, START + timedelta(hours=24))
    assert [span.words for span in spans] == ["nobody", "Isla <Reid>", "nobody", "Isla <Reid>", "nobody"]
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]


@pytest.mark.parametrize("monday", [MONDAY, date(2026, 10, 19)])
def test_the_picture_is_xml_within_its_edges_at_both_changes_of_the_clocks(monday: date):
    start = datetime(monday.year, monday.month, monday.day, tzinfo=LONDON).astimezone(UTC)
    spans = [
        rota_picture.Span(start + timedelta(hours=hour), start + timedelta(hours=hour + 1), ((ISLA.id, ISLA.name),))
        for hour in range(0, 24 * 14, 2)
    ]
    whole = [*spans, *(rota_picture.Span(span.end, span.end + timedelta(hours=1)) for span in spans)]
    drawn = rota_picture.picture(whole, monday, 2, LONDON, start + timedelta(days=6))
    root = ET.fromstring(drawn)  # noqa: S314 - our own picture
    boxes = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("x") is not None]
    assert boxes
    for box in boxes:
        assert float(box.get("x", "-1")) >= rota_picture.LEFT
        assert float(box.get("x", "0")) + float(box.get("width", "0")) <= rota_picture.WIDTH + 1
    assert "Isla &lt;Reid&gt;" in drawn
    assert "nobody is on" in drawn
    assert "style=" not in drawn
