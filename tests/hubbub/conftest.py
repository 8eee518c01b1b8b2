"""A small store, filled through the command line."""

import json
import shutil
from pathlib import Path

import pytest

from hubbub.cli.root import execute
from tests.support.commandline import LINES


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
    """A copy of `made_store` (five events) that a test may change."""
    return Path(shutil.copytree(made_store, tmp_path / "store"))
