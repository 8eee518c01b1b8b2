"""A short run of the torture test of posted events; `make torture` runs the long form."""

import pytest

from tests.torture.test_torture import run


@pytest.mark.timeout(300)
def test_random_kills_lose_no_event_and_count_none_twice() -> None:
    output = run("events", "--kills", "5", seconds=280)
    assert "these numbers differ" not in output
    assert "answered" in output
