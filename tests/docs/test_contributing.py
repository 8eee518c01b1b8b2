"""The recipes of CONTRIBUTING.md work as printed, and the pages name files that exist."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commandline import LINES
from tests.support.paths import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^### (Add a \w+)\n(.*?)(?=^###? |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, and of the contract of sources."""
    folder = tmp_path_factory.mktemp("tree")
    tests = ("tests/contract", "tests/support", "tests/captures")
    for name in ("collector", "store", "analyzers", "charts", "live", "src", *tests):
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def commands(tree: Path) -> dict[str, list[str]]:
    """The shell commands of each recipe, whose changes were made in the copy."""
    return {name: apply(tree, recipe) for name, recipe in RECIPES.items()}


def apply(tree: Path, recipe: str) -> list[str]:
    """Make the recipe's changes; return its shell commands."""
    commands: list[str] = []
    replaced: tuple[Path, str] | None = None
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", recipe, re.MULTILINE | re.DOTALL):
        if language == "sh":
            commands += block.splitlines()
            continue
        head, _, code = block.partition("\n")
        if replaced is not None:
            assert head == "# by"
            path, old = replaced
            text = path.read_text()
            assert text.count(old) == 1, f"{path}: {old}"
            path.write_text(text.replace(old, code))
            replaced = None
        elif head.startswith("# append to "):
            path = tree / head.removeprefix("# append to ")
            path.write_text(path.read_text() + code)
        elif head.startswith("# replace in "):
            replaced = tree / head.removeprefix("# replace in "), code
        else:
            path = tree / head.removeprefix("# ")
            assert not path.exists(), path
            path.write_text(code)
    return commands


@pytest.mark.parametrize(
    ("recipe", "output"),
    [
        ("Add a query", "weekday,messages\nFriday,2\nThursday,2\nSaturday,1\n"),
        ("Add a view", ""),
        ("Add a source", "alice,1,"),
        ("Add a format", "alice,1,"),
        ("Add a command", "2026-01-03T10:00:00Z\n"),
    ],
)
def test_a_recipe_works_as_printed(
    tree: Path, commands: dict[str, list[str]], recipe: str, output: str, tmp_path: Path
) -> None:
    if recipe not in {"Add a source", "Add a format"}:
        lines = "".join(json.dumps(line) + "\n" for line in LINES)
        (tmp_path / "lines.jsonl").write_text(lines)
        commands[recipe].insert(0, "hubbub import lines.jsonl --format jsonl")
    environment = {
        **os.environ, "PYTHONPATH": str(tree / "src"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PYTEST_DEBUG_TEMPROOT": str(tmp_path),
    }  # fmt: skip
    outputs = [
        subprocess.run(
            ["sh", "-c", command], cwd=tree if "pytest" in command else tmp_path, env=environment,
            capture_output=True, text=True, check=True,
        ).stdout
        for command in commands[recipe]
    ]  # fmt: skip
    assert output in outputs[-1]
    if recipe == "Add a view":
        assert b"<svg" in (tmp_path / "weekdays.svg").read_bytes()
    if recipe == "Add a format":
        assert "new: 1\nknown: 0\nrefused: 1 (1 bad-fields)" in outputs[-2]


def test_the_recipes_pass_the_checks(tree: Path, commands: dict[str, list[str]]) -> None:
    new = [tree / path for path in re.findall(r"^```python\n# (\S+\.py)$", PAGE, re.MULTILINE)]
    assert len(new) == 7
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", *new], cwd=tree, check=True)
    subprocess.run([ruff, "format", "--check", *new], cwd=tree, check=True)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design.md"])
def test_the_pages_name_files_and_folders_that_exist(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    names = re.findall(
        r"(?:collector|store|analyzers|charts|live|src/hubbub|tests|docs)/[\w/.]*", text
    )
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name.rstrip(".")).exists()] == []
