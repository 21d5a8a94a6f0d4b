"""Rotas as YAML: what a file says, line by line what is wrong with it and how to mend it, and the way back.

A file is `rotas:`, a list of what the API takes, with the keys of responders in place of their ids. What was exported
carries each rota's version, so that no later change is overwritten. Reading needs no database; who the keys are is
asked in between.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from ruamel.yaml import YAML

from alarms.rota.document import RotationDocument, WeeklyDocument
from alarms.rota.models import RotaPlan
from alarms.rota.schemas import FileRota, ImportFault
from telecare.kernel.lined_yaml import Lines, Path, UnreadableError, load

MOST_BYTES = 256 * 1024

_MEND = {
    "key": "use small letters, digits and hyphens, such as out-of-hours",
    "council_id": "use a GSS code, such as S12000035, or leave it out for a rota of all councils",
    "zone": "use a name such as Europe/London",
    "as_of": "leave it as it was exported, or take it out",
    "kind": "use rotation or weekly",
    "unit": "use hourly, daily, weekly or monthly",
    "every": "use a whole number from 1",
    "starts_at": "write the wall clock's time, such as 2026-11-02T09:00",
    "members": "use a list of keys of responders, such as [isla-reid, rory-bell]",
    "member": "use the key of a responder, such as isla-reid",
    "days": "use a list of mon, tue, wed, thu, fri, sat, sun",
    "from": 'write the time as "18:00"',
    "to": 'write the time as "08:00"',
}
_MEND_TYPE = {"extra_forbidden": "remove it, or correct its name", "missing": "add it"}
_OTHERWISE = "compare it with what telecare exports"


@dataclass(frozen=True)
class Entry:
    """One rota of a file: its values as plain data, and where in the file it stands."""

    values: dict[str, Any]
    lines: Lines
    place: int

    @property
    def line(self) -> int:
        """Return the line on which it begins."""
        return self.lines.of(("rotas", self.place))

    @property
    def council_id(self) -> str | None:
        """Return the council as it is written, whatever it is worth."""
        written = self.values.get("council_id")
        return written if isinstance(written, str) else None

    def where(self, path: Path) -> int:
        """Return the line of what a path leads to, as near as the file goes along with it."""
        return self.lines.along(path, ("rotas", self.place))

    def member_keys(self) -> set[str]:
        """Return the keys of all members that this rota names."""
        return {str(key) for key, _ in self.members()}

    def members(self) -> Iterator[tuple[Any, int]]:
        """Give the key and the line of each member that this rota names."""
        layers = self.values.get("layers")
        for place, layer in enumerate(layers if isinstance(layers, list) else ()):
            if not isinstance(layer, dict):
                continue
            members, rules = layer.get("members"), layer.get("rules")
            for number, key in enumerate(members if isinstance(members, list) else ()):
                yield key, self.where(("layers", place, "members", number))
            for number, rule in enumerate(rules if isinstance(rules, list) else ()):
                if isinstance(rule, dict) and "member" in rule:
                    yield rule["member"], self.where(("layers", place, "rules", number, "member"))


def read(text: bytes) -> tuple[list[Entry], list[ImportFault]]:
    """Return the rotas of a file, and what keeps others or all of it from being read."""
    try:
        listed, lines = _list(text)
    except UnreadableError as error:
        return [], [_fault(error.line or 1, error.what, error.mend)]
    entries, faults = [], []
    for place, values in enumerate(listed):
        if isinstance(values, dict):
            entries.append(Entry(_plain(values), lines, place))
        else:
            faults.append(_fault(lines.of(("rotas", place)), "a rota must have fields", "give it key, name and layers"))
    return entries, faults


def _list(text: bytes) -> tuple[list[Any], Lines]:
    """Return the list of rotas of a file, and where all of it stands; UnreadableError when there is none."""
    if len(text) > MOST_BYTES:
        raise UnreadableError(f"the file is larger than {MOST_BYTES // 1024} KiB", "split it")
    try:
        document, lines = load(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableError("the file is not UTF-8", "save it as UTF-8") from error
    listed = document.get("rotas") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise UnreadableError("the file has no list of rotas", "begin it with `rotas:` and a list")
    return listed, lines


def resolve(entry: Entry, ids: Mapping[str, UUID]) -> tuple[FileRota | None, list[ImportFault]]:
    """Return a rota with the ids of its members, or everything that is wrong with it."""
    faults = [
        _fault(line, f"no responder who can serve here has the key {key}", "correct it, or add the responder first")
        for key, line in entry.members()
        if str(key) not in ids
    ]
    nobody = UUID(int=0)
    try:
        rota = FileRota.model_validate(
            _with_ids(entry.values, {key: ids.get(key, nobody) for key in entry.member_keys()})
        )
    except ValidationError as error:
        return None, faults + [_explained(entry, each) for each in error.errors()]
    return (None if faults else rota), faults


Plans = Sequence[tuple[RotaPlan, Sequence[RotationDocument | WeeklyDocument]]]


def write(plans: Plans, keys: Mapping[UUID, str]) -> str:
    """Return rotas as a file that `read` reads. Members who are no longer known keep their id: replace them."""
    rotas = [
        {
            "key": plan.key,
            "name": plan.name,
            **({"council_id": plan.council_id} if plan.council_id else {}),
            "as_of": plan.version,
            "zone": plan.zone,
            "layers": [_with_keys(document, keys) for document in documents],
        }
        for plan, documents in plans
    ]
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    stream = io.StringIO()
    yaml.dump({"rotas": rotas}, stream)
    return stream.getvalue()


def _with_keys(document: RotationDocument | WeeklyDocument, keys: Mapping[UUID, str]) -> dict[str, Any]:
    values = document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=False)
    if isinstance(document, RotationDocument):
        values["members"] = [keys.get(member, str(member)) for member in document.members]
    else:
        for rule, written in zip(document.rules, values["rules"], strict=True):
            written["member"] = keys.get(rule.member, str(rule.member))
    return values


def _with_ids(values: dict[str, Any], ids: Mapping[str, UUID]) -> dict[str, Any]:
    layers = values.get("layers")
    if not isinstance(layers, list):
        return values
    return {**values, "layers": [_layer_with_ids(layer, ids) for layer in layers]}


def _layer_with_ids(layer: Any, ids: Mapping[str, UUID]) -> Any:
    if not isinstance(layer, dict):
        return layer
    changed = dict(layer)
    if isinstance(changed.get("members"), list):
        changed["members"] = [ids.get(str(key), key) for key in changed["members"]]
    if isinstance(changed.get("rules"), list):
        changed["rules"] = [
            {**rule, "member": ids.get(str(rule["member"]), rule["member"])}
            if isinstance(rule, dict) and "member" in rule
            else rule
            for rule in changed["rules"]
        ]
    return changed


def _explained(entry: Entry, error: Any) -> ImportFault:
    names = [str(part) for part in error["loc"]]
    field = next((name for name in reversed(names) if name in _MEND), "")
    where = ".".join(name for name in names if name not in {"rotation", "weekly"})
    mend = _MEND_TYPE.get(error["type"], _MEND.get(field, _OTHERWISE))
    return _fault(entry.where(error["loc"]), f"{where}: {error['msg']}", mend)


def _plain(value: Any) -> Any:
    """Return a value of a file as plain data."""
    if isinstance(value, dict):
        return {str(name): _field(str(name), _plain(each)) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, bool) or value is None:
        return value
    return int(value) if isinstance(value, int) else str(value)


def _field(name: str, value: Any) -> Any:
    return value.replace(" ", "T", 1) if name == "starts_at" and isinstance(value, str) else value


def _fault(line: int, what: str, mend: str) -> ImportFault:
    return ImportFault(line=line, what=what, mend=mend)
