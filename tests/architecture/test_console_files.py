"""Nothing of the console lies about unused: every template, script and class of a style sheet is named somewhere."""

import re
from pathlib import Path

CONSOLE = Path(__file__).parents[2] / "telecare" / "console"
MADE = ("is-", "lane-", "tone-", "who-")
"""Beginnings of classes that are put together where they are used, as `tone-{{ badge.tone }}`."""


def words(*suffixes: str) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in CONSOLE.rglob("*") if path.suffix in suffixes}


def test_every_template_and_script_is_named_by_another_file() -> None:
    named = words(".py", ".html", ".js")
    files = [path for path in named if path.suffix in {".html", ".js"}]
    unused = [
        path.name for path in files if not any(path.name in said for other, said in named.items() if other != path)
    ]
    assert files
    assert unused == []


def test_every_class_of_a_style_sheet_is_used() -> None:
    sheets = "\n".join(words(".css").values())
    selectors = re.sub(r"\{[^{}]*\}", "{}", re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL))
    classes = set(re.findall(r"\.([a-zA-Z_][\w-]*)", selectors))
    used = set(re.findall(r"[a-zA-Z_][\w-]*", "\n".join(words(".py", ".html", ".js").values())))
    assert classes
    assert sorted(name for name in classes - used if not name.startswith(MADE)) == []
