"""How many examples: few with each `make test`, many by night. A failing one prints the blob that replays it.

By day they are the same ones each time, so that who changes nothing breaks nothing; by night chance looks further.
"""

import os

from hypothesis import settings

NIGHTLY = bool(os.environ.get("TELECARE_NIGHTLY"))


def examples(by_day: int, by_night: int = 20_000, steps: int = 30) -> settings:
    """Return the settings of a property."""
    return settings(
        max_examples=by_night if NIGHTLY else by_day,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        derandomize=not NIGHTLY,
    )
