"""Reads a policy's YAML, and says of each fault what is wrong, where, and how to mend it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from alarms.policy.document import PolicyDocument
from telecare.kernel.lined_yaml import Lines, Path, UnreadableError, load

MAX_LENGTH = 64 * 1024
MAX_NODES = 5_000
"""What a short text with aliases can unfold to is bounded too."""

_DOCS = {"policy": "policies.md", "scenario": "scenarios.md"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a policy. `line` counts from 1, 0 where no text was written; `grave` refuses it."""

    what: str
    mend: str
    where: str = ""
    line: int = 0
    grave: bool = True

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        name = f"{self.where}: " if self.where else ""
        return f"{place}{name}{self.what}. {self.mend}."


@dataclass(frozen=True)
class Reading:
    """What a text says; `document` is None when it has grave faults."""

    document: PolicyDocument | None
    faults: tuple[Fault, ...]
    lines: Lines


def read(text: str) -> Reading:
    """Read a policy from YAML (or JSON, which is YAML)."""
    try:
        data, lines = load_yaml(text)
    except UnreadableError as error:
        return Reading(None, (unreadable(error),), Lines())
    return read_data(data, lines)


def read_data(data: Any, lines: Lines | None = None) -> Reading:
    """Read a policy from JSON values."""
    lines = lines or Lines()
    try:
        document = PolicyDocument.model_validate(data)
    except ValidationError as error:
        return Reading(None, tuple(faults_of(error, PolicyDocument, lines)), lines)
    return Reading(document, (), lines)


def load_yaml(text: str) -> tuple[Any, Lines]:
    """Return the values of a document and where each stands, or raise UnreadableError."""
    if len(text) > MAX_LENGTH:
        raise UnreadableError(f"the text is longer than {MAX_LENGTH // 1024} KiB", "write it shorter")
    values, lines = load(text, unfold=MAX_NODES)
    if not isinstance(values, dict):
        raise UnreadableError("this is not a document with names and values", "begin with `key: …` and `name: …`")
    return values, lines


def unreadable(error: UnreadableError) -> Fault:
    """Return the one fault of a text that is no document at all."""
    return Fault(error.what, f"{error.mend[:1].upper()}{error.mend[1:]}", line=error.line)


def faults_of(error: ValidationError, model: type[BaseModel], lines: Lines, about: str = "policy") -> list[Fault]:
    """Say in words what pydantic found; `about` is what kind of document it is."""
    details = error.errors(include_url=False, include_input=False)
    # A list whose only item is wrong is not too short as well.
    inner = {detail["loc"][:-1] for detail in details}
    told = [one for one in details if not (one["type"] == "too_short" and one["loc"] in inner)]
    return [_fault(detail, model, lines, about) for detail in told]


def where(path: Sequence[str | int]) -> str:
    """Return a place in the document in words: steps 2, tell 1."""
    words: list[str] = []
    for part in path:
        if isinstance(part, int):
            words[-1:] = [f"{words[-1] if words else ''} {part + 1}".strip()]
        else:
            words.append(str(part))
    return ", ".join(words)


def _fault(detail: Mapping[str, Any], model: type[BaseModel], lines: Lines, about: str) -> Fault:
    path: Path = tuple(detail["loc"])
    context = detail.get("ctx", {})
    mend = f"See docs/{_DOCS[about]} for what may stand here"
    match detail["type"]:
        case "missing":
            what, mend = f"`{path[-1]}` is missing", f"Add `{path[-1]}: …` here"
            path = path[:-1]
        case "extra_forbidden":
            what = f"`{path[-1]}` is no word of a {about} here"
            mend = f"Take it out, or write one of: {', '.join(_words(model, path[:-1]))}"
        case "value_error":
            what, _, rest = str(context.get("error", detail["msg"])).partition("; ")
            mend = f"{rest[:1].upper()}{rest[1:]}" if rest else mend
        case "literal_error" | "enum":
            what, mend = "this value is not one of those that may stand here", f"Write {context.get('expected')}"
        case _:
            what = f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return Fault(what, mend, where(path), lines.of(path))


def _words(model: type[BaseModel], path: Path) -> list[str]:
    """Return the words that a part of the document knows."""
    part: Any = model
    for name in (name for name in path if isinstance(name, str)):
        fields = {field.alias or known: field for known, field in part.model_fields.items()}
        nested = _models_in(fields[name].annotation) if name in fields else []
        if not nested:
            break
        part = nested[0]
    return [field.alias or name for name, field in part.model_fields.items()]


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in _models_in(inner)]
