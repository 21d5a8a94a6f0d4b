"""What a survey found, in words."""

import pytest

from telecare.console.switchover_view import survey


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"network": "Three", "signal_dbm": -88, "socket": True, "ethernet": False, "notes": "Behind the sofa"},
            ["-88 dBm, enough (Three)", "there is one", "there is none", "Behind the sofa"],
        ),
        ({"signal_dbm": -112}, ["-112 dBm, weak", "nobody looked", "nobody looked", "nothing"]),
        ({"network": "EE"}, ["not measured (EE)", "nobody looked", "nobody looked", "nothing"]),
    ],
)
def test_a_survey_says_what_was_found_and_what_nobody_looked_at(found: dict[str, object], words: list[str]) -> None:
    assert [said for _, said in survey(found)] == words
