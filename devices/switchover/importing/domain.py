"""What kinds of file there are, the states of an import, and what becomes of a row. Pure."""

from dataclasses import dataclass
from enum import StrEnum

MOST_ROWS = 50_000
MOST_BYTES = 32 * 1024 * 1024
MOST_COLUMNS = 250


class FileKind(StrEnum):
    """What a file is about."""

    HOMES = "homes"
    INSTALLER = "installer"
    TELCO = "telco"


class FileState(StrEnum):
    """How far an import has come. What ends in -ing is a step that the service is at, or will be soon."""

    READING = "reading"
    READ = "read"
    CHECKING = "checking"
    CHECKED = "checked"
    COMMITTING = "committing"
    LIVE = "live"
    REFUSED = "refused"
    DISCARDED = "discarded"


STEPS = (FileState.READING, FileState.CHECKING, FileState.COMMITTING)
"""What the service does by itself."""

ENDED = (FileState.LIVE, FileState.REFUSED, FileState.DISCARDED)
"""Nothing follows."""

BEFORE = {
    FileState.CHECKING: (FileState.READ, FileState.CHECKED),
    FileState.COMMITTING: (FileState.CHECKED,),
    FileState.DISCARDED: (FileState.READ, FileState.CHECKED, FileState.REFUSED, FileState.READING),
}
"""From where a person may ask for a step: nothing is made live that was not tried out first."""


class RowStatus(StrEnum):
    """What becomes of a row: the last three are not taken, and somebody must look at them."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNMATCHED = "unmatched"
    AMBIGUOUS = "ambiguous"
    ERROR = "error"


REFUSED = (RowStatus.ERROR, RowStatus.UNMATCHED, RowStatus.AMBIGUOUS)


@dataclass(frozen=True)
class Mend:
    """What was done to a cell: `typed` is what stood there, `value` what it was read as, `words` how."""

    field: str
    typed: str
    value: str
    words: str


@dataclass(frozen=True)
class CellFault:
    """What is wrong with a cell, and how to mend it."""

    field: str
    what: str


@dataclass(frozen=True)
class MendedRow:
    """A row by our names of its columns, with what was mended, and what could not be."""

    values: dict[str, str]
    mends: tuple[Mend, ...] = ()
    faults: tuple[CellFault, ...] = ()
