"""What is said of a visit's new hub before anybody drives there with it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from telecare.console.render import templates

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
CALL = (
    "{% from '_macros/switchover.html' import silent_hub with context %}"
    "{% call silent_hub(hub, now) %}: choose it below{% endcall %}"
)


def said(presence: str) -> str:
    hub = {
        "hub_id": "SK-9",
        "presence": presence,
        "presence_since": NOW - timedelta(hours=2),
        "last_seen_at": NOW - timedelta(hours=3),
    }
    return re.sub(r"<[^>]*>", "", templates.from_string(CALL).render(hub=hub, now=NOW)).strip()


AS_FROM_THE_BOX = (
    "SK-9 has never been heard, not once since it was registered. Switch it on and wait for its first heartbeat,"
    " or take another one along: choose it below."
)
SINCE = "since 07:00:00, last heard 06:00:00. Find out why, or take another one along: choose it below."


@pytest.mark.parametrize(
    ("presence", "words"),
    [
        ("never_seen", AS_FROM_THE_BOX),
        ("offline", f"SK-9 is silent: offline {SINCE}"),
        ("lost", f"SK-9 is silent: lost {SINCE}"),
        ("online", ""),
        ("late", ""),
        ("dormant", ""),
    ],
)
def test_a_new_hub_that_was_never_heard_or_is_silent_is_said_with_since_when(presence: str, words: str) -> None:
    assert said(presence) == words


def test_where_no_new_hub_is_kept_nothing_is_said_of_it() -> None:
    assert templates.from_string(CALL).render(hub=None, now=NOW).strip() == ""
