"""A cursor comes back as the key that it was made of, and nothing else is a cursor."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecare.api.paging import decode_cursor, encode_cursor, page_of
from telecare.kernel.errors import InvalidError

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
zones = st.sampled_from([UTC, timezone(timedelta(hours=1))])
keys = st.tuples(storable, st.integers(-(2**63) + 1, 2**63 - 1), st.uuids(), st.datetimes(timezones=zones))


@given(keys)
def test_a_key_survives(key: tuple[str, int, UUID, datetime]) -> None:
    assert decode_cursor(encode_cursor(*key), str, int, UUID, datetime) == key


@given(st.text(max_size=400))
def test_what_a_stranger_sends_is_refused_or_harmless(cursor: str) -> None:
    try:
        key = decode_cursor(cursor, str)
    except InvalidError:
        return
    assert key is not None
    assert "\x00" not in key[0]
    key[0].encode()


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        (("a",), (int,)),
        ((1,), (str,)),
        ((True,), (int,)),
        ((2**63,), (int,)),
        (("nul\x00",), (str,)),
        (("\ud800",), (str,)),
        (("a", 1), (str,)),
        ((), (str,)),
        (("not a uuid",), (UUID,)),
        (("2026-01-01T00:00:00",), (datetime,)),
        (("yesterday",), (datetime,)),
    ],
)
def test_a_key_of_another_kind_is_refused(key: tuple[str | int, ...], kinds: tuple[type, ...]) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(encode_cursor(*key), *kinds)


def test_the_last_page_has_no_next() -> None:
    rows = ["a", "b", "c"]
    assert page_of(rows, 2, str.upper, lambda row: (row,)).items == ["A", "B"]
    assert decode_cursor(page_of(rows, 2, str.upper, lambda row: (row,)).next, str) == ("b",)
    assert page_of(rows, 3, str.upper, lambda row: (row,)).next is None
    assert page_of([], 3, str.upper, lambda row: (row,)).next is None
