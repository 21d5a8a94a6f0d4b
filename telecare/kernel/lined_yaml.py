"""YAML from people: plain values, the line on which each of them stands, and what keeps a text from being read."""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

MOST_DEPTH = 30

Path = tuple[str | int, ...]

_MEND = "mind colons, dashes, quotes and indentation"


class UnreadableError(Exception):
    """A text that cannot be read: what is wrong, how to mend it, and the line; 0 where it is no line's fault."""

    def __init__(self, what: str, mend: str, line: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
        self.line = line


class Lines:
    """Knows on which line of a text, from 1, each of its values stands."""

    def __init__(self, lines: Mapping[Path, int] | None = None) -> None:
        self._lines = dict(lines or {})

    def of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest one around it; 0 without a text."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def along(self, path: Path, start: Path = ()) -> int:
        """Return the line to which a path leads from `start`, passing over the parts that the text does not have."""
        place = start
        for part in path:
            if (*place, part) in self._lines:
                place = (*place, part)
        return self.of(place)


def load(text: str, *, unfold: int = 0) -> tuple[Any, Lines]:
    """Return the values of a text and where they stand, or raise UnreadableError.

    A short text with aliases can mean very many values: it may mean `unfold`, and with 0 no alias is taken.
    """
    try:
        _check_shape(text, aliases=unfold > 0)
        loaded = YAML(typ="rt", pure=True).load(text)
        found: dict[Path, int] = {}
        return _plain(loaded, (), found, unfold), Lines(found)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UnreadableError(f"this is no YAML: {error.problem}", _MEND, line) from error
    except (YAMLError, ValueError) as error:
        raise UnreadableError(f"this is no YAML: {str(error)[:200]}", _MEND) from error


def _check_shape(text: str, *, aliases: bool) -> None:
    """Refuse what would cost far more to read than it is long."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) and not aliases:
            raise UnreadableError("the text uses a YAML alias", "write the value out", line)
        if depth > MOST_DEPTH:
            raise UnreadableError("the text nests too deep", "put fewer values into one another", line)


def _plain(node: Any, path: Path, lines: dict[Path, int], unfold: int) -> Any:
    if unfold and len(lines) > unfold:
        raise UnreadableError("the text unfolds to too many values", "write it out, without aliases")
    if isinstance(node, CommentedMap):
        for key in node:
            lines[(*path, str(key))] = node.lc.key(key)[0] + 1 if key in (node.lc.data or {}) else lines.get(path, 1)
        return {str(key): _plain(value, (*path, str(key)), lines, unfold) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*path, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*path, index), lines, unfold) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    return str(node) if isinstance(node, str) else node
