"""Thousands of simulated afternoons by night, a few hundred with each `make test`; each is its seed."""

import os

import pytest

from tests.property.examples import NIGHTLY
from tests.simulation.world import Afternoon

ONE = os.environ.get("TELECARE_SEED")
SEEDS = 20_000 if NIGHTLY else 200
LOTS = 20
"""So that several processes share the seeds."""


def outcome(seed: int) -> str:
    """What must not be, with the command that shows it again; empty when all is well."""
    try:
        faults = Afternoon(seed).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed belongs to it
        faults = [repr(error)]
    again = f"TELECARE_SEED={seed} .venv/bin/python -m pytest tests/simulation"
    return "\n".join([f"seed {seed}; again: {again}", *faults[:20]]) if faults else ""


@pytest.mark.parametrize("lot", range(LOTS))
def test_whatever_dies_when_every_alarm_is_told_once_and_in_order(lot: int):
    seeds = [int(ONE)] if ONE else range(lot, SEEDS, LOTS)
    failed = [found for seed in seeds if (found := outcome(seed))]
    assert not failed, f"{len(failed)} seeds:\n" + "\n\n".join(failed[:3])
