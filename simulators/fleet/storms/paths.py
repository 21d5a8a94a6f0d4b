"""What a hub does as its paths go and come back: it moves to the next, tells of it, or can say nothing. Pure."""

import random
from collections.abc import Mapping, Sequence

from simulators.fleet.plan import LinkDown, LinkUp, PlannedStep
from simulators.fleet.storms.story import Span
from simulators.hub.happenings import PathChanged, Press

MOBILE = frozenset({"lte", "3g", "2g"})
"""The paths over a mobile network; every other one needs the home's own router, and so the home's mains."""

Walk = tuple[list[PlannedStep], list[Span]]


def walk(hub: int, paths: Sequence[str], gone: Mapping[str, Sequence[Span]], dice: random.Random) -> Walk:
    """Return what happens to a hub whose paths, the preferred one first, are gone for these times; and when it is dark.

    While it has a path left it tells of the loss, and once all are back of the return.
    """
    moments = {
        moment for spans in gone.values() for one in spans for moment in (one.at, one.back) if moment is not None
    }
    using, is_told, dark_from = paths[0] if paths else None, False, None
    steps: list[PlannedStep] = []
    dark: list[Span] = []
    for at in sorted(moments):
        left = [path for path in paths if not any(span.covers(at) for span in gone.get(path, ()))]
        now = left[0] if left else None
        if now is None and using is not None:
            steps.append(PlannedStep(at, hub, LinkDown()))
            dark_from = at
        if now is not None and now != using:
            steps.append(PlannedStep(at, hub, PathChanged(now, dice.randrange(-110, -70) if now in MOBILE else None)))
        if now is not None and dark_from is not None:
            steps.append(PlannedStep(at, hub, LinkUp()))
            dark.append(Span(dark_from, at))
            dark_from = None
        using = now
        lost = len(left) < len(paths)
        if now is not None and lost != is_told:
            steps.append(PlannedStep(at, hub, Press("path_lost" if lost else "path_restored")))
            is_told = lost
    if dark_from is not None:
        dark.append(Span(dark_from, None))
    return steps, dark
