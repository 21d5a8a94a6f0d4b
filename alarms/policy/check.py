"""What is wrong with a policy that can be read: it contradicts itself, ends without a human, takes too long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alarms.escalation.domain import FOREVER, IN_HOUSE, target_words
from alarms.escalation.ranks import FIRE, FIRE_TYPES
from alarms.policy.bound import LIMITS, Bound, Hole, Outlook, StandsBehind, is_human, outlook
from alarms.policy.calendar import LONDON, at_words
from alarms.policy.document import PolicyDocument, StepPart
from alarms.policy.reading import Fault, where
from telecare.kernel.lined_yaml import Lines, Path


@dataclass(frozen=True)
class Known:
    """What a policy may name: `targets` that exist, such as `rota:wardens`; `types` gives each type's class."""

    targets: frozenset[str]
    types: dict[str, str]


HOLES_TOLD = 5

NO_STEPS = "it has no steps: the last resort would be told at once"
ADD_A_STEP = "Add a step, such as `- {tell: [queue], wait: 30s}`"


def check(document: PolicyDocument, lines: Lines, known: Known) -> list[Fault]:
    """Return what can be said without looking at a calendar."""
    made = _Faults(lines)
    _check_match(document, known, made)
    _check_rank(document, made)
    _check_names(document, known, made)
    for index, step in enumerate(document.steps):
        _check_step(step, ("steps", index), made)
    _check_whole(document, made)
    return made.found


def check_times(
    document: PolicyDocument, lines: Lines, since: datetime, stands_behind: StandsBehind
) -> tuple[list[Fault], Outlook]:
    """Return what the days to come bring: hours with nobody, and the longest time until a human has heard of it."""
    made = _Faults(lines)
    seen = outlook(document.ladder(0), since, stands_behind)
    for hole in seen.holes[:HOLES_TOLD]:
        _tell_hole(hole, document, made)
    if len(seen.holes) > HOLES_TOLD:
        more = len(seen.holes) - HOLES_TOLD
        made.add(("steps",), f"there are {more} more such gaps", "See the rotas' own lists of gaps", grave=False)
    for class_ in sorted(document.for_.classes or LIMITS):
        _check_limit(class_, document, seen, made)
    return made.found, seen


class _Faults:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.found: list[Fault] = []

    def add(self, path: Path, what: str, mend: str, *, grave: bool = True) -> None:
        self.found.append(Fault(what, mend, where(path), self.lines.of(path), grave))


def _check_match(document: PolicyDocument, known: Known, made: _Faults) -> None:
    wanted = document.for_
    for index, name in enumerate(wanted.types):
        if name not in known.types:
            made.add(("for", "types", index), f"“{name}” is no type of alarm", "See docs/hub-protocol.md for the types")
        elif wanted.classes and known.types[name] not in wanted.classes:
            said = ", ".join(wanted.classes)
            what = f"“{name}” is of class {known.types[name]}, and this policy is for {said} only: it fits nothing"
            made.add(("for", "types", index), what, "Take one of the two out")


def _check_rank(document: PolicyDocument, made: _Faults) -> None:
    if document.rank is None:
        return
    types = set(document.for_.types)
    if types and types <= FIRE_TYPES and document.rank > FIRE:
        made.add(("rank",), "this would put fire below others", "Fire is always 0 (BS 8591): take `rank` out")
    elif document.rank <= FIRE and not (types and types <= FIRE_TYPES):
        made.add(("rank",), "only fire stands at 0 (BS 8591)", "Write a rank from 1 to 99")
    elif types & FIRE_TYPES and document.rank > FIRE:
        fires = ", ".join(sorted(types & FIRE_TYPES))
        what = f"this would put fire ({fires}) below others"
        made.add(("rank",), what, "Make a policy of its own for fire, or take `rank` out")


def _check_names(document: PolicyDocument, known: Known, made: _Faults) -> None:
    for path, target in _targets(document):
        kind, _, key = target.partition(":")
        if key and target not in known.targets:
            near = sorted(one for one in known.targets if one.startswith(f"{kind}:"))
            there = f"There are: {', '.join(near)}" if near else f"Make the {kind} “{key}” first"
            made.add(path, f"there is no {kind} “{key}”", there)


def _check_step(step: StepPart, path: Path, made: _Faults) -> None:
    for index, target in enumerate(step.tell):
        if target in step.tell[:index]:
            made.add((*path, "tell", index), f"{target} is told twice in one step", "Take one out")
    if step.otherwise and step.only is None:
        made.add((*path, "otherwise"), "`otherwise` never comes to pass without `only`", "Add `only`, or take it out")
    if step.retries and step.wait == 0:
        made.add((*path, "retries"), "telling again at once is telling once", "Give the step a `wait`")
    if step.one_by_one is not None and step.one_by_one > step.wait:
        what = f"the next step comes after {step.wait} s, before the second party is told"
        made.add((*path, "one_by_one"), what, "Wait longer, or shorten `one_by_one`", grave=False)
    if step.accepts > 1 and all(target in IN_HOUSE for target in step.tell):
        made.add((*path, "accepts"), "operators claim; only those who are sent accept", "Take `accepts` out")


def _check_whole(document: PolicyDocument, made: _Faults) -> None:
    if not document.steps:
        made.add(("steps",), NO_STEPS, ADD_A_STEP)
    if document.loops == FOREVER:
        what = "it loops without exit: the last resort is never told"
        made.add(("loops",), what, "Write how many times the steps are gone through again")
    if document.steps and document.loops and not any(step.wait for step in document.steps):
        made.add(("loops",), "it loops without waiting anywhere", "Give a step a `wait`")
    if not any(is_human(target) for target in document.catch_all.tell):
        what = "there is no human at the end"
        made.add(("catch_all", "tell"), what, "Add the queue, the duty manager or somebody else who is a person")
    if document.ack.remind >= document.ack.lapses:
        what = f"the reminder comes {document.ack.remind} s before a claim of {document.ack.lapses} s lapses"
        made.add(("ack", "remind"), what, "Make it shorter than the claim")
    if "L" in document.for_.classes and document.closes_when_cleared:
        what = "a life-safety alarm never ends by itself"
        made.add(("closes_when_cleared",), what, "Take it out, or leave L out of the classes")
    if "L" in document.for_.classes and document.ack.lapses > timedelta(hours=1).total_seconds():
        made.add(("ack", "lapses"), "a claim of a life-safety alarm lasts an hour at most", "Shorten it")


def _check_limit(class_: str, document: PolicyDocument, seen: Outlook, made: _Faults) -> None:
    to_human, to_last = LIMITS[class_]
    grave = class_ in document.for_.classes or class_ == "L" or not document.for_.classes
    for worst, seconds, limit, words in (
        (seen.worst_human, seen.worst_human.human_s, to_human, "the first human is told"),
        (seen.worst_last_resort, seen.worst_last_resort.last_resort_s, to_last, "the last resort is told"),
    ):
        if document.loops == FOREVER and seconds is None:
            continue
        if seconds is None:
            what = f"for an alarm of {_moment(worst)} it never comes that {words}: nobody stands there"
            made.add(("catch_all",), what, "Put somebody behind it, or name somebody else as well", grave=grave)
        elif seconds > limit.total_seconds():
            what = f"it can take {seconds} s until {words} (an alarm of {_moment(worst)}), and {_limit(class_, limit)}"
            made.add(("steps",), what, "Shorten the waits, the retries or the loops", grave=grave)


def _tell_hole(hole: Hole, document: PolicyDocument, made: _Faults) -> None:
    last = hole.step > len(document.steps)
    path: Path = ("catch_all",) if last else ("steps", hole.step - 1)
    names = " and ".join(target_words(target) for target in hole.targets)
    what = f"nobody stands behind {names} from {at_words(hole.since)} until {at_words(hole.until)}"
    made.add(
        path, what, "It would be fallen through at once: fill the rota, or name somebody else as well", grave=False
    )


def _targets(document: PolicyDocument) -> Iterable[tuple[Path, str]]:
    for number, step in enumerate(document.steps):
        for index, target in enumerate(step.tell):
            yield ("steps", number, "tell", index), target
        for index, target in enumerate(step.otherwise):
            yield ("steps", number, "otherwise", index), target
    for index, target in enumerate(document.catch_all.tell):
        yield ("catch_all", "tell", index), target


def _moment(bound: Bound) -> str:
    return f"{bound.at.astimezone(LONDON):%H:%M on %A %d %B %Y}"


def _limit(class_: str, limit: timedelta) -> str:
    return f"for class {class_} the limit is {round(limit.total_seconds())} s"
