"""Which of a file's columns is which of ours: guessed, remembered, or said by a person. Pure."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.switchover.importing.columns import COLUMNS, NEEDED, title
from devices.switchover.importing.domain import FileKind
from devices.switchover.importing.headings import KNOWN, meaning, normal

LIKE = 0.86
"""How like a known heading another one must be to be taken for it."""
LONG = 5
"""Shorter words are like many."""


@dataclass(frozen=True)
class Guess:
    """What a column of a file was taken for, None for nothing, and how: remembered, known, similar, or said."""

    field: str | None
    how: str = ""


def guess(kind: FileKind, headings: Sequence[str], remembered: Mapping[str, str | None]) -> list[Guess]:
    """Return what each heading means; `remembered` is by normal heading, None for a column that was left out.

    No two columns are taken for the same one: first what was remembered, then what is known, then what is like it.
    """
    found: list[Guess] = [Guess(None)] * len(headings)
    taken: set[str] = set()
    columns = COLUMNS[kind]

    def take(at: int, field: str | None, how: str) -> None:
        if found[at].how or (field is not None and (field in taken or field not in columns)):
            return
        found[at] = Guess(field, how)
        taken.update({field} if field else ())

    for at, heading in enumerate(headings):
        if normal(heading) in remembered:
            take(at, remembered[normal(heading)], "remembered")
    for at, heading in enumerate(headings):
        if (field := meaning(heading)) is not None:
            take(at, field, "known")
    for at, heading in enumerate(headings):
        near = difflib.get_close_matches(normal(heading), KNOWN, n=1, cutoff=LIKE)
        if near and len(heading) >= LONG:
            take(at, KNOWN[near[0]], "similar")
    return found


def said(kind: FileKind, headings: Sequence[str], words: Mapping[str, str]) -> dict[int, str | None]:
    """Return what a person says of columns, `heading: our column` or `heading: ""`; ValueError when it cannot be."""
    found: dict[int, str | None] = {}
    for heading, name in words.items():
        at = next((at for at, each in enumerate(headings) if normal(each) == normal(heading)), None)
        if at is None:
            raise ValueError(f"the file has no column “{heading}”: it has {', '.join(filter(None, headings))}")
        found[at] = known_column(kind, name) if name else None
    return found


def known_column(kind: FileKind, name: str) -> str:
    """Return one of our columns by its name or title; ValueError when there is none."""
    asked = normal(name)
    for column in COLUMNS[kind].values():
        if asked in {normal(column.name), normal(column.title)}:
            return column.name
    near = difflib.get_close_matches(name, COLUMNS[kind], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list(COLUMNS[kind])[:40])}"
    raise ValueError(f"there is no column {name}: {hint}")


def faults(kind: FileKind, fields: Sequence[str | None], *, council: bool) -> list[str]:
    """Return why a mapping cannot be used, in words; `council`: it is said whose rows these are."""
    given = [field for field in fields if field]
    found = [
        f"“{title(kind, name)}” is given by two columns" for name in sorted({n for n in given if given.count(n) > 1})
    ]
    missing = [choice for choice in NEEDED[kind] if not set(choice) & set(given)]
    found += [f"No column is “{'” or “'.join(title(kind, name) for name in choice)}”" for choice in missing]
    if kind == FileKind.HOMES and "council" not in given and not council:
        found.append("No column is “Council”: say which, or whose file this is")
    return list(dict.fromkeys(found))
