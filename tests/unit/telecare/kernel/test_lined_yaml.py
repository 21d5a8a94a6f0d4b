"""The one reader of YAML from people: values, lines, and what it refuses."""

import pytest

from telecare.kernel.lined_yaml import Lines, UnreadableError, load

TEXT = """\
steps:
- tell: [a, b]
  wait: 5
-
  tell: [c]
"""


def test_each_value_has_its_line_and_what_is_missing_has_that_of_what_is_around_it() -> None:
    values, lines = load(TEXT)
    assert values == {"steps": [{"tell": ["a", "b"], "wait": 5}, {"tell": ["c"]}]}
    assert [lines.of(path) for path in (("steps",), ("steps", 0, "wait"), ("steps", 1, "tell", 0))] == [1, 3, 5]
    assert lines.of(("steps", 0, "every", "hour")) == lines.of(("steps", 0)) == 2
    assert lines.along(("a kind", "wait"), ("steps", 0)) == 3
    assert Lines().of(("steps",)) == 0


@pytest.mark.parametrize(
    ("text", "unfold", "words", "line"),
    [
        ("a: 1\nb: [", 0, "no YAML", 2),
        ("a: 1\na: 2", 0, "no YAML", 2),
        ("\x00", 0, "no YAML", 0),
        ("a: &x 1\nb: *x", 0, "alias", 2),
        ("a: &x [1, 2, 3]\nb: [*x, *x, *x]", 10, "too many values", 0),
        ("[" * 100_000, 0, "too deep", 1),
        ("[" * 100_000, 100, "too deep", 1),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, unfold: int, words: str, line: int) -> None:
    with pytest.raises(UnreadableError, match=words) as caught:
        load(text, unfold=unfold)
    assert caught.value.line == line
    assert caught.value.mend


def test_an_alias_within_the_bound_is_its_value() -> None:
    assert load("a: &x [1]\nb: *x", unfold=100)[0] == {"a": [1], "b": [1]}
