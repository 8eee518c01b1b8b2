"""Stores, and a mirror on a mount or on an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hubbub.store import Store
from tests.support.object_store import BUCKET, environment, object_store
from tests.support.stores.mirrored import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two stores, and a mirror of both on a mount."""
    (tmp_path / "shared").mkdir()
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(tmp_path / name)) for name in ("one", "two")]
        yield Pair(stores[0], stores[1], f"file://{tmp_path}/shared/mirror", tmp_path / "reader")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with object_store() as found:
        yield found


@pytest.fixture
def s3(endpoint, pair: Pair, tmp_path, monkeypatch) -> Pair:
    """Two stores with a mirror on the object store."""
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pair.url = f"s3://{BUCKET}/{tmp_path.name}"
    return pair
