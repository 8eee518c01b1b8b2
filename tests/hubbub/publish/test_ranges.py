"""Where the range of a site ends: with the data, whatever the time is."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubbub.publish.site import ranges
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.times import to_micros
from tests.support.stores.small_store import START


def ends(store: Store, **stated: str) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the pictures' range."""

    def runner(*, common: CommonOptions, names: bool) -> Runner:
        return Runner(store, common=common, names=names)

    options, _ = ranges(runner, CommonOptions(), stated, None)
    assert isinstance(options.since, datetime)
    assert isinstance(options.until, datetime)
    return options.since, options.until


@pytest.mark.parametrize(
    ("proven", "until"),
    [
        (None, "2026-02-04T22:36:01"),  # just after the newest event
        ("2026-01-20T00:00:00", "2026-02-04T22:36:01"),  # far behind
        ("2026-02-04T21:00:00", "2026-02-04T21:00:00"),
        ("2026-02-04T23:30:00", "2026-02-04T23:30:00"),
        ("2026-03-01T00:00:00", "2026-02-05T00:00:00"),  # nothing came since
    ],
)
def test_the_range_ends_with_the_data(
    people: Path, tmp_path: Path, proven: str | None, until: str
) -> None:
    shutil.copytree(people, tmp_path / "store")
    with Store.open(tmp_path / "store") as store:
        if proven is not None:
            end = to_micros(datetime.fromisoformat(f"{proven}+00:00"))
            store.state.span("history:x", "", START * 1_000_000, end, "complete", "all rows")
        assert ends(store)[1] == datetime.fromisoformat(f"{until}+00:00")


def test_durations_count_back_from_the_end_of_the_data(people: Path) -> None:
    with Store.open(people, reading=True) as store:
        assert ends(store, since="7d")[0] == datetime(2026, 1, 28, 22, 36, 1, tzinfo=UTC)
        # the first event is of 1 January: ninety days do not begin before it
        assert ends(store)[0] == datetime(2026, 1, 1, tzinfo=UTC)
