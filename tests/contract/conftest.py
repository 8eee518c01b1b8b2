"""Fixtures of the contract: the other side of a source."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contract.suite", "tests.contract.harness")

from tests.contract.harness import Harness  # noqa: E402  after its registration


@pytest.fixture
def harness(make_harness: Callable[[Path], Harness], tmp_path: Path) -> Iterator[Harness]:
    """The other side of the module's source, with a store in a temporary folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = make_harness(folder)
    yield made
    made.close()
