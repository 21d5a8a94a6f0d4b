"""Imports in words: states, kinds, what becomes of rows. Pure."""

from devices.switchover.importing.columns import COLUMNS
from devices.switchover.importing.domain import STEPS, FileKind, FileState, RowStatus
from devices.switchover.importing.report import OWN, SAID

KINDS = {
    FileKind.HOMES: "Homes: people, addresses, hubs, lines",
    FileKind.INSTALLER: "Records of installers, reports of receiving centres",
    FileKind.TELCO: "A telco’s list of lines",  # noqa: RUF001 - an apostrophe is meant
}
STATES = {
    FileState.READING: "is being read",
    FileState.READ: "has been read",
    FileState.CHECKING: "is being tried out",
    FileState.CHECKED: "has been tried out; nothing has changed yet",
    FileState.COMMITTING: "is being made live",
    FileState.LIVE: "is live",
    FileState.REFUSED: "cannot be read",
    FileState.DISCARDED: "was thrown away",
}
HOW = {
    "remembered": "as last time",
    "known": "by its heading",
    "similar": "guessed: is it?",
    "said": "as you said",
    "": "",
}
WAITS = frozenset(STEPS)
REPORT = OWN
DONE = {
    "mapped": "The columns are kept",
    "discarded": "It was thrown away, with all its rows",
}


def options(kind: FileKind) -> list[tuple[str, str]]:
    """Return what a column may be, by name and title."""
    return [(column.name, column.title) for column in COLUMNS[kind].values()]


def outcomes(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return what becomes of rows, in words, with how many; those that are none are left out."""
    found = [(SAID[status], counts.get(str(status), 0)) for status in RowStatus]
    return [(words, count) for words, count in found if count]
