"""Texts and calls: short, in the alphabet of texts, and with the ways to take the alarm uncut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.notify.brief import GSM_7, GSM_7_TWICE, MOST, bundle_of, septets, speech, text_message, to_gsm_7

LINK = "https://alarms.council.example/a/7Qx1"
PENDANT = {
    "subject": "Life-safety alarm: Pendant pressed, Ùna MacLeod",
    "text": "…",
    "brief": {
        "what": "Life-safety alarm: Pendant pressed",
        "who": "Ùna MacLeod",
        "where": "12 Hàrbour Street, Ùig (bedroom)",
    },
    "data": {"accept_url": LINK, "reply_code": "17"},
}


def test_a_text_says_what_who_where_and_how_to_take_it() -> None:
    assert text_message(PENDANT) == (
        "Life-safety alarm: Pendant pressed. Una MacLeod. 12 Hàrbour Street, Uig (bedroom). "
        f"Take it: {LINK} or reply 17"
    )


def test_a_contact_is_told_no_place() -> None:
    brief = {**PENDANT["brief"], "where": ""}
    message = {**PENDANT, "brief": brief, "data": {}}
    assert text_message(message) == "Life-safety alarm: Pendant pressed. Una MacLeod"
    assert speech(message) == "Life-safety alarm: Pendant pressed. Ùna MacLeod."


@pytest.mark.parametrize("data", [{"accept_url": LINK}, {"reply_code": "17"}, {}])
def test_only_the_ways_that_there_are(data: dict[str, str]) -> None:
    text = text_message({**PENDANT, "data": data})
    assert (LINK in text) == ("accept_url" in data)
    assert text.endswith("Reply 17") == ("reply_code" in data)


@pytest.mark.parametrize("message", [{}, {"subject": "", "brief": {"what": " "}}, {"brief": None, "data": None}])
def test_an_alarm_that_says_nothing_says_so(message: dict[str, object]) -> None:
    assert speech(message) == "No summary provided."
    assert text_message(message) == "No summary provided"


def test_a_message_without_a_brief_is_said_whole() -> None:
    code = {"subject": "Your code", "text": "Your code for telecare alarms is 123456.\nIt is good for 15 minutes."}
    assert text_message(code) == "Your code for telecare alarms is 123456. It is good for 15 minutes."


def test_a_long_place_gives_way_before_the_name() -> None:
    text = text_message({**PENDANT, "brief": {**PENDANT["brief"], "where": "Flat 1, " * 60}})
    assert "Una MacLeod. Flat 1" in text
    assert "..." in text
    assert text.endswith("reply 17")
    assert septets(text) <= MOST


words = st.text(max_size=400)


@given(what=words, who=words, where=words, link=st.none() | st.just(LINK), code=st.none() | st.just("17"))
def test_two_segments_whatever_is_said(what: str, who: str, where: str, link: str | None, code: str | None) -> None:
    message = {
        "brief": {"what": what, "who": who, "where": where},
        "data": {"accept_url": link, "reply_code": code},
    }
    text = text_message(message)
    assert set(text) <= GSM_7 | GSM_7_TWICE
    assert 0 < septets(text) <= MOST
    assert link is None or link in text
    assert code is None or text.endswith(code)


@given(words)
def test_what_the_alphabet_has_stays(text: str) -> None:
    kept = to_gsm_7(text)
    assert set(kept) <= GSM_7 | GSM_7_TWICE
    assert to_gsm_7(kept) == kept


def test_a_bundle_names_all_and_a_text_as_many_as_fit() -> None:
    messages = [
        {
            "label": "Fiona",
            "subject": f"Technical alarm: Mains failed, Person {n}",
            "text": f"at home {n}",
            "data": {"n": n},
        }
        for n in range(12)
    ]
    bundle = bundle_of(messages)
    assert bundle["subject"] == "12 alarms wait"
    assert bundle["label"] == "Fiona"
    assert all(f"at home {n}" in bundle["text"] for n in range(12))
    assert [data["n"] for data in bundle["data"]["alarms"]] == list(range(12))
    text = text_message(bundle)
    assert text.startswith("12 alarms wait: Technical alarm: Mains failed, Person 0; ")
    assert text.endswith(" more")
    assert septets(text) <= MOST


@given(st.lists(words, min_size=1, max_size=30))
def test_a_bundle_fits_whatever_it_is_of(subjects: list[str]) -> None:
    text = text_message(bundle_of([{"subject": subject} for subject in subjects]))
    assert text.startswith(f"{len(subjects)} alarms wait: ")
    assert septets(text) <= MOST
