"""Engines behind Spark Connect, and a store with events of all kinds."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.query import identity
from tests.support.engines import REQUIRED, Server, sail, spark
from tests.support.stores.varied_store import fill

#: Apache Spark takes minutes: `make test-spark` asks for it.
ENGINES = {"sail": sail, "spark": spark} if "spark" in REQUIRED else {"sail": sail}


@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=pytest.mark.service(name)) for name in ENGINES],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running engine."""
    with ENGINES[request.param]() as server:
        yield server


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The stores' folders: `plain`, and `merged` where people have several accounts."""
    parent = tmp_path_factory.mktemp("engine stores")
    found = {name: parent / name for name in ("plain", "merged")}
    fill(found["plain"])
    shutil.copytree(found["plain"], found["merged"])
    with Store.open(found["merged"]) as store:
        for account, person in (("bob", "ann"), ("eve", "dora"), ("fay", "dora")):
            identity.merge(store.state, account, person, who="x", why="y", time=1)
    return found


@pytest.fixture(scope="module")
def stores(folders: dict[str, Path], engine: Server) -> Iterator[dict[Any, Store]]:
    """Open stores by name and by whether another engine answers."""
    opened = {}
    for name, folder in folders.items():
        for other in (False, True):
            store = opened[name, other] = Store.open(folder)
            store.engine_url = engine.url if other else None
    yield opened
    for store in opened.values():
        store.close()
