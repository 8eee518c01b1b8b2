"""Stores, and a mirror on a mount or on an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hubbub.store import Store
from tests.support.stores.mirrored import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two stores, and a mirror of both on a mount."""
    (tmp_path / "shared").mkdir()
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(tmp_path / name)) for name in ("one", "two")]
        yield Pair(stores[0], stores[1], f"file://{tmp_path}/shared/mirror", tmp_path / "reader")
