"""README.md's table leaves no scenario out, and whatever it points to is there."""

import re
from pathlib import Path

import pytest

from tests.scenarios.files import FILES, FOLDER, scenario_of
from tests.scenarios.test_wire import CHOSEN

ROOT = FOLDER.parent.parent
WANTED = {
    "A": "S01 S02 S03 S05 S06 S07 S09 S11 S12 S13 S16 S17 S21 S22 S23 S30 S31 S32 S33 S34 S35 S37 S38 S39 S40 S46 S49 "
    "S56 S57 S60",
    "B": " ".join(f"R{number:02d}" for number in range(1, 47)),
    "C": " ".join(f"C{number:02d}" for number in range(1, 31)),
}
IDS = {id_ for listed in WANTED.values() for id_ in listed.split()}
_ROW = re.compile(r"\| (?P<id>[A-Z]\d\d) \| (?P<what>[^|]+) \| (?P<where>[^|]+) \|")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`([\w-]+\.yaml)`")

ROWS = {row["id"]: row["where"] for row in _ROW.finditer((FOLDER / "README.md").read_text(encoding="utf-8"))}


def test_no_scenario_is_left_out() -> None:
    assert {*ROWS} == IDS


@pytest.mark.parametrize("id_", sorted(ROWS))
def test_each_is_somewhere(id_: str) -> None:
    where = ROWS[id_]
    tests, files = _TEST.findall(where), _FILE.findall(where)
    assert files, f"{id_} is no file of the format: {where}"
    for name in files:
        assert (FOLDER / name).is_file(), name
        assert name.upper().startswith(id_), f"{name} is about another one"
    for path, test in tests:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"def {test}\(", text), f"{path} has no {test}"


def test_each_file_of_a_part_is_in_the_table() -> None:
    named = {name for where in ROWS.values() for name in _FILE.findall(where)}
    assert {path.name for path in FILES if not _own(path)} == named


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_run_and_says_what_must_come_of_it(path: Path) -> None:
    scenario = scenario_of(path)
    played = {"pure", "database", "page", "crash"} & {*scenario.levels}
    assert played or path in CHOSEN, f"no test runs it: {scenario.levels}"
    assert scenario.expect is not None or any(event.check for event in scenario.events)


def _own(path: Path) -> bool:
    return path.name.startswith("o")
