"""The workflow files, run as a forge runs them: what changes is committed, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from cronsim import CronSim

from hubbub.publish.write import LIST
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.hubbub.publish.forge_job import Forge
from tests.support.commandline import Run

FORGES = ("github", "gitlab", "forgejo")
DAY = 86_400_000_000  # µs


def service(seed: int, *, days: int) -> HistoryServer:
    """Return a history service whose newest message is some days old."""
    clock = partial(int, time.time_ns() // 1000 - days * DAY)
    return HistoryServer(Traffic(seed=seed, per_day=80), days=5, clock=clock)


@pytest.fixture
def history() -> Iterator[HistoryServer]:
    with service(4, days=3) as server:
        yield server


@pytest.fixture
def forge(
    request: pytest.FixtureRequest, hubbub: Run, history: HistoryServer, tmp_path: Path
) -> Forge:
    printed = hubbub("publish", "--workflow", request.param)
    assert printed.code == 0
    values = {
        "HISTORY": history.url, "HUBBUB": "hubbub",
        "HUBBUB_PUBLISH_VIEWS": "tail,volume", "HUBBUB_PUBLISH_CARDS": "false",
    }  # fmt: skip
    return Forge(request.param, yaml.safe_load(printed.out), tmp_path, values)


@pytest.mark.parametrize("forge", FORGES, indirect=True)
def test_new_data_are_committed_and_nothing_else(forge: Forge) -> None:
    assert forge.run() == 0
    assert forge.commits() == ["Publish new numbers", "Begin"]
    first = forge.files()
    assert {"index.html", "views/tail.svg", "data/volume.csv", LIST} <= first.keys()
    assert not any("store" in path for path in first)

    assert forge.run() == 0  # nothing new
    assert forge.commits() == ["Publish new numbers", "Begin"]

    # new messages, and somebody else pushes while the job runs
    other = forge.folder / "begin"
    forge.meanwhile = (
        f"git -C {other} pull -q && git -C {other} commit -q --allow-empty -m Other "
        f"&& git -C {other} push -q"
    )
    with service(5, days=1) as more:
        forge.values = {**forge.values, "HISTORY": more.url}
        assert forge.run() == 0
    assert forge.commits() == ["Publish new numbers", "Other", "Publish new numbers", "Begin"]
    second = forge.files()
    assert second["views/volume.svg"] != first["views/volume.svg"]
    assert second["static/site.css"] == first["static/site.css"]
    if forge.name == "github":  # a commit of a workflow deploys nothing by itself
        assert [path.name for path in forge.deployed] == ["artifact-1", "artifact-3"]
        assert (forge.deployed[-1] / "index.html").exists()


@pytest.mark.parametrize("forge", FORGES, indirect=True)
def test_a_history_that_fails_publishes_nothing(forge: Forge, history: HistoryServer) -> None:
    forge.values = {**forge.values, "HISTORY": f"{history.url}/nothing"}
    assert forge.run() > 0
    assert forge.commits() == ["Begin"]
    assert not forge.cache.exists()
    assert forge.deployed == []


@pytest.mark.parametrize("forge", ["github"], indirect=True)
def test_a_store_that_is_lost_gives_the_same_numbers(forge: Forge) -> None:
    assert forge.run() == 0
    first = forge.files()
    forge.cache.rename(forge.folder / "lost")
    assert forge.run() == 0
    changed = {path for path, sha in forge.files().items() if first.get(path) != sha}
    # gathered later, the last 90 days begin later: metadata say so
    assert changed <= {LIST, "datapackage.json", "views/tail.svg", "views/volume.svg"}


def test_what_the_files_ask_for(hubbub: Run) -> None:
    for name in ("github", "forgejo"):
        document: dict[Any, Any] = yaml.safe_load(hubbub("publish", "--workflow", name).out)
        (when,) = document[True]["schedule"]  # YAML reads the key `on` as true
        assert next(CronSim(when["cron"], datetime(2026, 1, 1, tzinfo=UTC))).day == 1
        (job,) = document["jobs"].values()
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        form = r"actions/[\w-]+@[0-9a-f]{40}" if name == "github" else r"actions/[\w-]+@v\d+"
        assert all(re.fullmatch(form, each) for each in used), used
        assert document["concurrency"] == {"group": "hubbub"}
        if name == "github":
            granted = {"contents": "write", "pages": "write", "id-token": "write"}
            assert document["permissions"] == granted
