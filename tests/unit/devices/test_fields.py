"""What people type, read and normalised."""

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from devices.registry.fields import Day, DeviceId, Email, HubId, Kind, Name, Phone, Postcode, Uprn, Words


def read(form: Any, value: object) -> object:
    return TypeAdapter(form).validate_python(value)


@pytest.mark.parametrize(
    ("form", "typed", "kept"),
    [
        (Phone, "01632 960123", "+441632960123"),
        (Phone, "(0131) 496-0123", "+441314960123"),
        (Phone, "+44 7700 900123", "+447700900123"),
        (Phone, "0044 7700 900123", "+447700900123"),
        (Phone, "+33 1 23 45 67 89", "+33123456789"),
        (Postcode, "pa344ab", "PA34 4AB"),
        (Postcode, " G1  1AA ", "G1 1AA"),
        (Postcode, "gir 0aa", "GIR 0AA"),
        (Postcode, "ec1a 1bb", "EC1A 1BB"),
        (Uprn, "000906000001", "906000001"),
        (Day, "1940-01-31", date(1940, 1, 31)),
        (Day, "1940-01-31 00:00:00", date(1940, 1, 31)),
        (Name, "  Mòrag ", "Mòrag"),
        (Words, "Ring twice.\r\nDog.", "Ring twice.\nDog."),
        (Email, "una@family.example", "una@family.example"),
    ],
)
def test_is_normalised(form: Any, typed: str, kept: str) -> None:
    assert read(form, typed) == kept


@pytest.mark.parametrize(
    ("form", "typed"),
    [
        (Phone, "0131"),
        (Phone, "496 0123"),
        (Phone, "999"),
        (Phone, "0131 496 01234 5"),
        (Phone, "0131 496 0123 ext 4"),
        (Phone, "none"),
        (Postcode, "PA34"),
        (Postcode, "PA34 4A!"),
        (Postcode, "KY1O 3AA"),
        (Postcode, "KY10 3AO"),
        (Uprn, "12a"),
        (Uprn, "0"),
        (Uprn, "1234567890123"),
        (Uprn, "²"),
        (Name, "  "),
        (Name, "Mo\nrag"),
        (Name, "Mo\x00rag"),
        (Name, "x" * 101),
        (Name, "\ud800"),
        (Words, "a\x00b"),
        (Words, "\udfff"),
        (Email, "una@family.example\nBcc: x@y.example"),
        (Email, "una"),
        (Day, "0024-01-01"),
        (Day, "1940-02-31"),
        (Day, "1940-01-31T12:00:00"),
        (Day, "86400"),
        (Day, 86400),
        (Day, "40-01-31"),
        (HubId, "a/b"),
        (HubId, "-a"),
        (HubId, "a\n"),
        (HubId, "a" * 65),
        (DeviceId, "p\t1"),
        (Kind, "Smoke"),
    ],
)
def test_is_refused(form: Any, typed: object) -> None:
    with pytest.raises(ValidationError):
        read(form, typed)


@pytest.mark.parametrize(
    ("form", "typed", "words"),
    [
        (Phone, "4.41315E+11", "has rounded this number"),
        (Uprn, "9.06E+11", "has rounded this number"),
        (HubId, "a b", "letters, digits"),
        (Kind, "Smoke", "small letters"),
        (Day, "31/01/1940", "write the day as 1940-01-31"),
    ],
)
def test_a_refusal_says_how_to_mend_it(form: Any, typed: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read(form, typed)


@pytest.mark.parametrize("form", [HubId, Kind])
def test_the_description_has_the_pattern_too(form: Any) -> None:
    assert "pattern" in TypeAdapter(form).json_schema()
