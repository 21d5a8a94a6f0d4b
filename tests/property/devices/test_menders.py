"""Whatever was typed: mending twice is mending once, and nothing that was typed is lost without a word."""

from datetime import date, timedelta

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.registry.councils import COUNCILS, FORMER_CODES
from devices.registry.fields import day as strict_day
from devices.registry.fields import phone as strict_phone
from devices.registry.fields import postcode as strict_postcode
from devices.switchover.importing.columns import COLUMNS, DAYS
from devices.switchover.importing.days import Evidence, evidence
from devices.switchover.importing.domain import FileKind
from devices.switchover.importing.menders import Setting, mend_council, mend_phone, mend_postcode, mend_yes_no, plain
from devices.switchover.importing.mending import HIDDEN, mend_row

TODAY = date(2026, 11, 27)
SETTING = Setting(TODAY)
HOMES = COLUMNS[FileKind.HOMES]

days = st.dates(date(1905, 1, 1), date(2035, 12, 31))
scraps = st.sampled_from(
    ["31/01/1940", "31.1.40", "Mrs", "O'NEIL", "01632 960001", "(0)", "+44", "PX31", "4AB", "n/a", "-", "x", "yes",
     "1E+9", "1.0", "\n", ",", ";", "|", "S12000015", "Fife", "voip", "A - high", "10 mins", "<a@b.example>", "ext 4",
     "14641"]
)  # fmt: skip
cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30),
    st.lists(scraps, min_size=1, max_size=4).map(" ".join),
)


@given(st.sampled_from(sorted(HOMES)), cells)
def test_mending_twice_is_mending_once_and_nothing_is_lost_without_a_word(name: str, typed: str) -> None:
    column = HOMES[name]
    try:
        mended = column.mend(typed, name, SETTING)
    except ValueError:
        return
    again = column.mend(mended.value, name, SETTING) if mended.value else mended
    assert again.value == mended.value
    if not mended.words:
        assert bones(name, mended.value) == bones(name, typed)


def bones(name: str, text: str) -> str:
    """Return what a cell says, without its form: blanks, signs, capitals, the order of a day, a number's country."""
    said = "".join(char for char in text.casefold() if char.isalnum())
    if name in DAYS:
        return "".join(sorted(said.replace("0", "")))
    if HOMES[name].mend is mend_phone:
        return said.removeprefix("00").removeprefix("44").lstrip("0")
    return said[:1].translate(str.maketrans("t1f0", "yynn")) if HOMES[name].mend is mend_yes_no else said


@given(st.lists(st.tuples(st.sampled_from([*sorted(HOMES), None]), cells), unique_by=lambda each: each[0], max_size=8))
def test_a_row_says_of_each_cell_what_became_of_it(row: list[tuple[str | None, str]]) -> None:
    fields, typed = [name for name, _ in row], [cell for _, cell in row]
    mended = mend_row(FileKind.HOMES, fields, typed, SETTING)
    told = {mend.field for mend in mended.mends} | {fault.field for fault in mended.faults} | set(mended.values)
    joined = {"address_2": "address", "address_3": "address"}
    for name, cell in row:
        if name is not None and plain(cell).strip(" ,;|/"):
            assert {name, joined.get(name, name)} & told or name in {"full_name", "full_address", "make_and_model"}
    for mend in mended.mends:
        assert mend.typed in {*typed, HIDDEN} or mend.field in {"full_name", "full_address", "make_and_model"}
        assert mend.words


@given(days)
def test_a_month_is_its_last_day_however_it_is_written_and_a_day_stays_a_day(day: date) -> None:
    month = COLUMNS[FileKind.INSTALLER]["handshakes_until"]
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    for typed in (f"{day:%B %Y}", f"{day:%b-%Y}", f"{day:%m/%Y}", f"{day:%Y-%m}", f"{day:%b} {day.year}"):
        assert month.mend(typed, "handshakes_until", SETTING).value == last.isoformat(), typed
    assert month.mend(day.isoformat(), "handshakes_until", SETTING).value == day.isoformat()


@given(days)
def test_every_way_in_which_a_day_is_written_gives_that_day(day: date) -> None:
    month, short = f"{day:%B}", f"{day:%b}"
    ways = [
        f"{day:%d/%m/%Y}", f"{day.day}/{day.month}/{day.year}", f"{day:%d.%m.%Y}", f"{day:%d-%m-%Y}", day.isoformat(),
        f"{day.isoformat()} 00:00:00", f"{day.isoformat()}T00:00:00Z", f"{day:%Y/%m/%d}", f"{day:%d/%m/%Y} 00:00",
        f"{day.day} {month} {day.year}", f"{day:%d}-{short}-{day.year}", f"{day.day}th of {month}, {day.year}",
        f"{month} {day.day}, {day.year}", f"{day:%A} {day.day} {month} {day.year}", f"{day:%Y%m%d}",
        f" {day:%d / %m / %Y} ",
    ]  # fmt: skip
    for typed in ways:
        assert HOMES["installed_on"].mend(typed, "installed_on", SETTING).value == day.isoformat(), typed
    serial = (day - date(1899, 12, 30)).days
    if not 1900 <= serial <= 2100:
        assert HOMES["installed_on"].mend(str(serial), "installed_on", SETTING).value == day.isoformat()
    assert strict_day(day.isoformat()) == day


@given(st.dates(date(1912, 1, 1), TODAY))
def test_a_date_of_birth_with_two_digits_is_a_day_of_the_past_or_asked_about(day: date) -> None:
    typed = f"{day:%d/%m/%y}"
    early, late = 1900 + day.year % 100, 2000 + day.year % 100
    if late <= TODAY.year and TODAY.year - early <= 115:
        with pytest.raises(ValueError, match="write the year in full"):
            HOMES["date_of_birth"].mend(typed, "date_of_birth", SETTING)
        return
    mended = HOMES["date_of_birth"].mend(typed, "date_of_birth", SETTING)
    read = date.fromisoformat(mended.value)
    assert read.year % 100 == day.year % 100
    assert read.year <= TODAY.year
    assert TODAY.year - read.year <= 115
    assert mended.words


@given(days.filter(lambda day: day.day <= 12 and day.day != day.month), days.filter(lambda day: day.day > 12))
def test_a_day_that_could_be_another_is_asked_about_where_a_column_mixes_both_ways(day: date, plain_day: date) -> None:
    american, british = f"{plain_day:%m/%d/%Y}", f"{plain_day:%d/%m/%Y}"
    typed = f"{day:%m/%d/%Y}"
    all_american = Setting(TODAY, {"installed_on": evidence([american, typed])})
    assert HOMES["installed_on"].mend(typed, "installed_on", all_american).value == day.isoformat()
    mixed = Setting(TODAY, {"installed_on": evidence([american, british, typed])})
    with pytest.raises(ValueError, match="write the month in letters"):
        HOMES["installed_on"].mend(typed, "installed_on", mixed)
    certain = HOMES["installed_on"].mend(american, "installed_on", mixed)
    assert (certain.value, certain.words) == (plain_day.isoformat(), "written with the month first")
    assert evidence([british, typed]) == Evidence(day_first=1)


national = st.one_of(
    st.integers(0, 999).map(lambda last: f"01632960{last:03}"),
    st.integers(0, 999).map(lambda last: f"07700900{last:03}"),
)


@given(national, st.sampled_from(["", " ", "-", "."]), st.integers(0, 9))
def test_every_way_in_which_a_telephone_number_is_written_gives_that_number(number: str, sign: str, way: int) -> None:
    area, rest = number[:5], number[5:]
    ways = [
        f"{area}{sign}{rest}", f"({area}) {rest}", f"{area} {rest[:3]} {rest[3:]}", f"+44{number[1:]}",
        f"+44 (0){number[1:]}", f"0044 {number[1:]}", f"44{number[1:]}", number[1:], f"Tel: {number}",
        f"{number} (daughter)",
    ]  # fmt: skip
    mended = mend_phone(ways[way], "phone", SETTING)
    assert mended.value == f"+44{number[1:]}" == strict_phone(number)
    assert phonenumbers.parse(mended.value).national_number == int(number[1:])
    if way == 9:
        assert "daughter" in mended.words
    two = mend_phone(f"{number} / 01632 960999", "phone", SETTING)
    assert two.value == mended.value
    assert "01632 960999" in two.words


@given(
    st.sampled_from(["PA34 4AB", "G1 1AA", "EH1 2NG", "IV2 3BW", "KW15 1AA", "ML11 7SR", "DD1 1AB"]),
    st.sampled_from(["", " ", "  ", "\u00a0", "-", "."]), st.sampled_from(["", " ", "  "]), st.booleans(),
)  # fmt: skip
def test_a_postcode_is_read_however_it_is_padded(code: str, between: str, around: str, small: bool) -> None:
    typed = around + code.replace(" ", between) + around
    mended = mend_postcode(typed.lower() if small else typed, "postcode", SETTING)
    assert mended.value == code == strict_postcode(code)


def test_a_letter_in_the_place_of_a_digit_is_mended_in_a_postcode() -> None:
    mended = mend_postcode("PA34 OAB", "postcode", SETTING)
    assert (mended.value, mended.words) == ("PA34 0AB", "a letter stood for a digit")


@given(st.sampled_from(sorted(FORMER_CODES)), st.sampled_from(["", " ", "\u00a0"]), st.booleans())
def test_a_former_code_is_the_present_one_and_says_so(code: str, around: str, small: bool) -> None:
    mended = mend_council(around + (code.lower() if small else code) + around, "council", SETTING)
    assert mended.value == FORMER_CODES[code]
    assert COUNCILS[mended.value] in mended.words


def test_a_day_long_ago_or_to_come_is_left_to_the_register() -> None:
    assert HOMES["installed_on"].mend("01/01/2031", "installed_on", SETTING).value == "2031-01-01"
    assert TODAY + timedelta(1) > TODAY
