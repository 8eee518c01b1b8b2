"""A mirror on an object store is queried by an engine that reads the objects itself."""

import shutil
from pathlib import Path

import pytest

from tests.support.commandline import Run
from tests.support.engines import sail
from tests.support.object_store import BUCKET, environment, object_store


@pytest.mark.service("sail")
def test_a_mirror_is_read_by_the_engine(
    folders: dict[str, Path], hubbub: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = shutil.copytree(folders["merged"], tmp_path / "store")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with object_store() as endpoint:
        variables = environment(endpoint)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        url = f"s3://{BUCKET}/engine"
        assert hubbub("mirror", url, "--once", "--store", store).code == 0
        with sail(**variables, AWS_ALLOW_HTTP="true") as server:
            for name in ("users", "volume", "monitor_counts"):
                query = ("query", name, "--json", "--store", url)
                there = hubbub(*query, "--engine", server.url)
                assert there.code == 0, there.err
                assert there.json == hubbub(*query, "--engine", "duckdb").json
                assert there.json["data"]
