"""State and inputs as JSON values and back, for the alarm's row and its log; and replay of a log."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args

import msgspec

from alarms.escalation.decide import decide
from alarms.escalation.domain import State
from alarms.escalation.inputs import Input

INPUTS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Input)}


def dump_state(state: State) -> dict[str, Any]:
    """Return the state as JSON values, just as the database gives them back: lists and not tuples."""
    dumped: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(state))
    return dumped


def load_state(value: dict[str, Any]) -> State:
    """Return the state that `dump_state` wrote."""
    return msgspec.convert(value, State)


def dump_input(event: Input) -> dict[str, Any]:
    """Return an input as JSON values, with its name."""
    return {"input": type(event).__name__, **msgspec.json.decode(msgspec.json.encode(event))}


def load_input(value: dict[str, Any]) -> Input:
    """Return the input that `dump_input` wrote."""
    loaded: Input = msgspec.convert({k: v for k, v in value.items() if k != "input"}, INPUTS[value["input"]])
    return loaded


def replay(entries: Iterable[tuple[datetime, dict[str, Any]]]) -> State | None:
    """Fold the inputs of a log, each with its time, into the state that they led to."""
    state: State | None = None
    for at, value in entries:
        state = decide(state, load_input(value), at).state
    return state
