"""Rotas as YAML: what is read, and what is said of each fault, with its line."""

from uuid import UUID

import pytest

from alarms.rota.exchange import read, resolve

IDS = {"isla": UUID(int=1), "rory": UUID(int=2)}
GOOD = """rotas:
  - key: out-of-hours
    name: Out of hours
    council_id: S12000047
    layers:
      - kind: rotation
        unit: weekly
        starts_at: 2026-11-02 09:00
        members: [isla, rory]
        only:
          - {days: [mon, tue], from: 18:00, to: 08:00}
      - kind: weekly
        rules:
          - member: isla
            days: [sat]
            from: "09:00"
            to: "17:00"
"""


def faults_of(text: str) -> list[tuple[int, str]]:
    entries, faults = read(text.encode())
    for entry in entries:
        faults += resolve(entry, IDS)[1]
    return [(fault.line, f"{fault.what}: {fault.mend}") for fault in faults]


def test_a_file_without_faults_gives_a_rota_with_ids() -> None:
    (entry,), faults = read(GOOD.encode())
    rota, more = resolve(entry, IDS)
    assert faults == more == []
    assert rota is not None
    rotation, weekly = rota.layers
    assert rotation.kind == "rotation"
    assert (rotation.members, rotation.starts_at) == ([IDS["isla"], IDS["rory"]], "2026-11-02T09:00")
    assert weekly.kind == "weekly"
    assert weekly.rules[0].member == IDS["isla"]


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("rory]", "mhairi]", 9, "no responder who can serve here has the key mhairi"),
        ("member: isla", "member: nobody", 14, "no responder who can serve here has the key nobody"),
        ("unit: weekly", "unit: fortnightly", 7, "use hourly, daily, weekly or monthly"),
        ("2026-11-02 09:00", "2026-02-30 09:00", 8, "the calendar has no such moment"),
        ("to: 08:00", "to: 8:00", 11, 'write the time as "08:00"'),
        ("[sat]", "[caturday]", 15, "use a list of mon, tue"),
        ("            from:", "            form:", 16, "remove it, or correct its name"),
        ("key: out-of-hours", "key: Out Of Hours", 2, "use small letters"),
        ("council_id: S12000047", "zone: Europe/Atlantis", 4, "there is no such time zone"),
        ("council_id: S12000047", "as_of: 0", 4, "leave it as it was exported"),
    ],
)
def test_each_fault_has_its_line_and_how_to_mend_it(before: str, after: str, line: int, words: str) -> None:
    assert before in GOOD
    found = faults_of(GOOD.replace(before, after))
    assert any(number == line and words in said for number, said in found), found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("rotas: []", 1),
        ("rotas: 7", 1),
        ("rotas:\n  - 7", 2),
        ("rotas:\n  - {key: a, key: b}", 2),
        ("a: &x [1]\nrotas: [*x]", 2),
        ("rotas: [", 1),
        ("[" * 100_000, 1),
        ("x" * 300_000, 1),
        ("!!python/object:os.system {}", 1),
    ],
)
def test_what_is_no_such_file_is_one_fault(text: str, line: int) -> None:
    assert [number for number, _ in faults_of(text)] == [line]


def test_bytes_that_are_no_text_are_one_fault() -> None:
    assert len(read(b"\xff\xfe\x00")[1]) == 1
