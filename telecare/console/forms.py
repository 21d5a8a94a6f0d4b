"""Forms as people fill them in: what was typed stays, and each fault is tied to its field. Pure but for the reading."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from telecare.kernel.errors import ProblemError
from telecare.kernel.pure.jsonsafe import clean_text

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field, in words. `line` is one of its lines, counted from 1, with its `text`; 0 is none."""

    field: str
    words: str
    line: int = 0
    text: str = ""


class FormError(Exception):
    """A form that cannot be used as it is."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.words for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Form:
    """One form of a page: its name, what was typed into it, and what is wrong with that."""

    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def of(self, name: str) -> "Form":
        """Return this form if it has this name, else an empty one: a page has several, and one was sent."""
        return self if self.name == name else Form(name)

    def value(self, name: str, otherwise: Any = "") -> Any:
        """Return what was typed into a field, or what it holds before anybody typed."""
        return self.values.get(name, otherwise) if self.values else otherwise

    def fault(self, name: str) -> str:
        """Return what is wrong with a field; empty when nothing is."""
        return "; ".join(fault.words for fault in self.faults if fault.field == name)

    def wrong(self, *faults: Fault) -> "Form":
        """Return the form with faults."""
        return Form(self.name, self.values, faults)


NOTHING = Form()


async def typed(request: Request, name: str = "") -> Form:
    """Return what a browser sent, less what no database can hold; a long text has one kind of line end."""
    sent = await request.form()
    values = {key: clean_text(value).replace("\r\n", "\n") for key, value in sent.items() if isinstance(value, str)}
    values.pop("csrf_token", None)
    return Form(name, values)


def read(schema: type[Schema], values: Mapping[str, Any], words: Mapping[str, str]) -> Schema:
    """Return the values as a schema, or raise FormError; `words` says of each field what it must be.

    Empty fields count as left out. A fault that belongs to no field of `words` goes to the first of them.
    """
    given = {name: value for name, value in values.items() if value not in ("", None)}
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        faults: dict[str, Fault] = {}
        for each in error.errors(include_url=False):
            name = next((str(part) for part in each["loc"] if str(part) in words), "")
            known = name or next(iter(words))
            said = words[known] if name else str(each["msg"]).removeprefix("Value error, ")
            faults.setdefault(known, Fault(known, f"{said[:1].upper()}{said[1:]}"))
        raise FormError(*faults.values()) from error


def check_sure(form: Form) -> None:
    """Raise FormError unless the box `sure` is ticked: what cannot be undone is not one press away."""
    if not form.value("sure"):
        raise FormError(Fault("sure", "Say that you are sure: tick the box"))


def refusal(problem: ProblemError, otherwise: str, fields: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    """Return why something was refused, tied to fields: `fields` maps places of the API's errors to them."""
    errors = problem.extra.get("errors") or []
    found = []
    for error in errors:
        where = str(error.get("where", ""))
        name = next((name for place, name in (fields or {}).items() if where.startswith(place)), otherwise)
        found.append(Fault(name, _sentence(str(error.get("what", problem.detail)))))
    return tuple(dict.fromkeys(found)) or (Fault(otherwise, _sentence(problem.detail)),)


def refused(error: Exception, otherwise: str, fields: Mapping[str, str] | None = None) -> tuple[int, tuple[Fault, ...]]:
    """Return the status of a page that shows why something was refused, and the faults to show on it."""
    if isinstance(error, ProblemError):
        return error.status, refusal(error, otherwise, fields)
    return 422, error.faults if isinstance(error, FormError) else (Fault(otherwise, str(error)),)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
