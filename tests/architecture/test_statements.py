"""A statement is the same text each time it is made: each connection prepares and keeps each text that it is told."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SELECTS = {"select", "union", "union_all"}
FEW = {"councils", "lanes", "roles", "states", "statuses"}
"""These come in a few lengths, and IN of one is an equality: a page in its order comes straight out of an index."""


def begins_as(node: ast.expr) -> str:
    """The name with which a chain of calls begins: `select` of `select(…).where(…)`."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def fixed(told: ast.expr, selects: set[str]) -> bool:
    """Whether it is a constant or a SELECT."""
    return (isinstance(told, ast.Name) and (told.id.isupper() or told.id in selects)) or begins_as(told) in SELECTS


def lists_of_any_length(tree: ast.AST) -> Iterator[int]:
    """The lines on which IN is told neither a list that stands in the program nor a SELECT."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and begins_as(node.value) in SELECTS]
    selects = {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"in_", "not_in"}:
            told = node.args[0]
            parts = told.elts if isinstance(told, ast.Tuple | ast.List) else [ast.Starred(told)]
            names = [part.value for part in parts if isinstance(part, ast.Starred)]
            if not all(ast.unparse(name).rpartition(".")[2] in FEW or fixed(name, selects) for name in names):
                yield node.lineno


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("(1, 2)", []),
        ("OPEN", []),
        ("[*OPEN, other]", []),
        ("old", []),
        ("select(a)", []),
        ("ids", [2]),
        ("self.councils", []),
        ("self.ids", [2]),
        ("[*ids]", [2]),
        ("list(ids)", [2]),
        ("[one.id for one in ids]", [2]),
    ],
)
def test_what_is_no_list_of_the_program_is_found(told: str, found: list[int]) -> None:
    assert list(lists_of_any_length(ast.parse(f"old = select(a).limit(3)\nb.in_({told})"))) == found


def test_a_list_of_any_length_is_one_array() -> None:
    paths = [path for room in ("alarms", "devices", "telecare") for path in sorted((ROOT / room).rglob("*.py"))]
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in paths}
    found = {path: list(lists_of_any_length(ast.parse(text))) for path, text in texts.items() if "in_(" in text}
    assert {path: lines for path, lines in found.items() if lines} == {}, "use telecare.kernel.among"
