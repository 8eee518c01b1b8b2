"""`hubbub plugins` and `hubbub plugins new`."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.commandline import Run
from tests.support.paths import ROOT


def test_the_package_passes_its_own_test(hubbub: Run, tmp_path: Path) -> None:
    """A name without a dash is that of the tutorial (tests/docs/test_plugin_tutorial.py)."""
    name = "busy-topics"
    result = hubbub("plugins", "new", name, "-o", tmp_path / "made")
    assert (result.code, result.out) == (0, "")
    folder, module = tmp_path / "made" / name, name.replace("-", "_")
    assert f"cd {folder} && python -m pytest" in result.err
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == [
        "README.md", f"{module}.py", "pyproject.toml", f"tests/test_{module}.py",
    ]  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         f"--basetemp={tmp_path / 'inner'}"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"hubbub.plugins": {name: module}}


def test_its_functions_are_listed_and_run(hubbub: Run, tmp_path: Path, registry: None) -> None:
    hubbub("plugins", "new", "busy-topics", "-o", tmp_path)
    file = tmp_path / "busy-topics" / "busy_topics.py"
    rows = hubbub("plugins", "--json", "--plugins", file).json
    module = "hubbub_plugin_busy_topics_"
    own = {row["name"]: row["kind"] for row in rows if row["module"].startswith(module)}
    assert own == {
        "busy_topics": "query", "busy_topics_seen": "query", "busy_topics_chart": "view",
        "busy_topics_count": "event handler",
    }  # fmt: skip
    table = hubbub("plugins", "--plugins", file)
    assert "Events per topic, the busiest first." in table.out


def test_nothing_is_overwritten(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    result = hubbub("plugins", "new", "mine", "-o", tmp_path)
    assert result.code == 2
    assert "this exists already, and is not overwritten" in result.err
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Karma", "1st", "a" * 41, "a.b", "ü", "a b"])
def test_names_that_no_package_can_have(hubbub: Run, tmp_path: Path, name: str) -> None:
    result = hubbub("plugins", "new", "-o", tmp_path, "--", name)
    assert result.code == 2
    assert "cannot be the name of a package" in result.err
    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize("name", ["class", "json", "hubbub"])
def test_names_that_python_has(hubbub: Run, tmp_path: Path, name: str) -> None:
    result = hubbub("plugins", "new", name, "-o", tmp_path)
    assert result.code == 2
    assert f"choose another one, for example {name}-stats" in result.err
