"""A simulated operator takes the first that has waited, and handles it to a closing that the service allows."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.escalation.outcomes import OUTCOMES, Needs
from simulators.operator.behaviour import Alarm, pick, story
from simulators.operator.run import OperatorOptions, load_tokens, run

NOW = datetime(2026, 11, 25, 3, 12, tzinfo=UTC)
PATIENCE = timedelta(seconds=60)

alarms = st.fixed_dictionaries(
    {
        "class": st.sampled_from("LUTI"),
        "rank": st.integers(0, 90),
        "person_name": st.none() | st.just("Morag Baird"),
        "handling": st.sampled_from(["raised", "acked", "attending"]),
        "raised_at": st.integers(0, 300).map(lambda ago: (NOW - timedelta(seconds=ago)).isoformat()),
    }
)


@given(st.lists(alarms, max_size=6))
def test_the_first_that_nobody_has_and_that_has_waited_is_taken(board: list[Alarm]) -> None:
    taken = pick(board, NOW, PATIENCE)
    fit = [
        alarm
        for alarm in board
        if alarm["handling"] == "raised" and NOW - datetime.fromisoformat(alarm["raised_at"]) > PATIENCE
    ]
    assert taken is (fit[0] if fit else None)


@given(alarms, st.integers())
def test_each_story_ends_in_a_closing_that_brings_what_its_outcome_needs(alarm: Alarm, seed: int) -> None:
    acts = story(alarm, random.Random(seed))
    assert [act.command for act in acts].index("close") == len(acts) - 1
    closing = acts[-1].body
    outcome = OUTCOMES[closing["outcome"]]
    assert outcome.needs in {Needs.NOTHING, Needs.PROOF}
    assert closing["reason"]
    assert closing["voice_confirmed"] == (alarm["class"] in {"L", "U"} and alarm["person_name"] is not None)
    assert all(act.wait_s > 0 for act in acts)


def test_a_file_without_tokens_says_so(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match="no file of tokens"):
        load_tokens(file)


async def test_an_operator_whose_token_is_refused_says_so_once_and_ends():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    said: list[str] = []
    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        code = await asyncio.wait_for(run(url, ["wrong", "wrong too"], OperatorOptions(), said.append), 20)
    assert code == 1
    assert said == ["the service refuses the token: 401"] * 2
