"""A command line in this process, and a small store that was made through it."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import LINES, Ran, Run

from hubbub.cli.main import execute
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY


@pytest.fixture
def hubbub(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`hubbub("query", "users")`: the command line, with a configuration and data of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args: str | Path) -> Ran:
        capfd.readouterr()
        code = execute([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    file = folder / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    code = execute(["import", str(file), "--format", "jsonl", "--store", str(folder / "store")])
    assert code == 0
    return folder / "store"


@pytest.fixture
def store(made_store: Path, tmp_path: Path) -> Path:
    """A store of five events, to be changed at will."""
    return Path(shutil.copytree(made_store, tmp_path / "store"))


@pytest.fixture
def registry() -> Iterator[None]:
    """Whatever a test registers is gone after it; what is built in stays."""
    load_builtins()
    before = dict(REGISTRY.queries), dict(REGISTRY.views), dict(REGISTRY.jobs)
    yield
    REGISTRY.queries, REGISTRY.views, REGISTRY.jobs = before
    for name in [name for name in sys.modules if name.startswith("hubbub_plugin_")]:
        del sys.modules[name]
