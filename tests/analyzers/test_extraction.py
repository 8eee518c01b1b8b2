"""The daily extraction with its checkpoint: golden vectors, and what must hold of every run."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.analyzers.extraction import CHECKPOINT, days, extract
from hubbub.errors import UsageError
from hubbub.run.injection import State as Place
from hubbub.store.state.database import State
from hubbub.store.state.documents import Documents
from tests.support import paths

JOBS = paths.GOLDEN / "core4" / "jobs"
DAY = timedelta(days=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        yield state


def day(text: str | None) -> date | None:
    return None if text is None else datetime.fromisoformat(text).date()


def run(case: dict[str, Any], asked: dict[str, Any], state: State) -> dict[str, Any]:
    """One run of a vector, as its README words it."""
    place, stored = Place(state, "m"), Documents(state, "m")["usage"]
    progress: list[float] = []
    sources: list[str] = []

    def read(one: date) -> list[dict[str, str]]:
        if one == day(asked.get("fail_on")):
            raise RuntimeError("boom")
        return sorted(
            (
                {"user": user, "created": created}
                for created, user, message in case["events"]
                if day(created) == one and one != day(asked.get("without_day"))
                and created <= asked.get("visible_until", created)
                and "successful login" in message and user != "admin"
            ),
            key=lambda use: (use["user"], use["created"]),
        )  # fmt: skip

    error = None
    try:
        every = days(
            day(place.get(CHECKPOINT)),
            today=datetime.fromisoformat(asked.get("now", case["now"])).date(),
            config_start=datetime.fromisoformat(case["config_start"]).date(),
            start=day(asked.get("start")),
            end=day(asked.get("end")),
            reset=asked.get("reset", False),
        )
        extract(
            read, stored, place, every, backfill="start" in asked,
            progress=lambda done, total: progress.append(round(done / total, 6)),
            source=sources.append,
        )  # fmt: skip
    except (RuntimeError, UsageError) as failed:
        error = str(failed)
    return {
        "error": error,
        "checkpoint": place.get(CHECKPOINT),
        "progress": progress,
        "sources": sources,
        "stored": {d: [list(use.values()) for use in uses] for d, uses in stored.items()},
    }


@pytest.mark.parametrize("name", sorted(path.name for path in JOBS.glob("*.json")))
def test_golden_jobs(name: str, state: State) -> None:
    case = json.loads((JOBS / name).read_text())
    for asked, expected in zip(case["runs"], case["expected"], strict=True):
        got = run(case, asked, state)
        assert (got["error"] is None) == (expected["error"] is None)
        assert got | {"error": 0} == expected | {"error": 0}


TODAY = date(2026, 3, 10)


def chosen(checkpoint: date | None = None, **asked: Any) -> tuple[date, date]:
    found = days(checkpoint, today=TODAY, config_start=date(2026, 3, 1), **asked)
    assert found == [found[0] + n * DAY for n in range(len(found))]
    return found[0], found[-1]


def test_which_days_a_run_handles() -> None:
    first, seen = date(2026, 3, 1), date(2026, 3, 7)
    assert chosen() == (first, TODAY)
    assert chosen(seen) == (seen, TODAY)
    assert chosen(seen, reset=True) == (first, TODAY)
    assert chosen(seen, start=date(2026, 2, 1), end=seen) == (date(2026, 2, 1), seen)
    assert chosen(seen, start=TODAY, reset=True) == (TODAY, TODAY)
    assert chosen(seen, end=seen) == (seen, seen)


@pytest.mark.parametrize(
    "asked",
    [
        {"end": TODAY + DAY},
        {"start": TODAY + DAY},
        {"start": TODAY, "end": TODAY - DAY},
        {"end": date(2026, 3, 6)},
        {"end": date(2026, 2, 6), "reset": True},
    ],
)
def test_a_range_that_is_none_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the last day, "):
        chosen(date(2026, 3, 7), **asked)


RUNS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["go", "fail", "reset"])), max_size=8)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(runs=RUNS, uses=st.lists(st.integers(0, 6), max_size=8))
def test_however_runs_fail_the_next_leaves_no_day_out(
    runs: list[tuple[int, str]], uses: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = date(2026, 3, 1)
    at = [f"{first + n * DAY}T12:00:00" for n in uses]
    case = {"events": [[when, f"u{n}", "successful login"] for n, when in enumerate(at)],
            "config_start": f"{first}T00:00:00", "now": f"{first + 6 * DAY}T01:00:00"}  # fmt: skip
    with State(tmp_path_factory.mktemp("s") / "state.sqlite") as state:
        for n, how in runs:
            asked = (
                {"fail_on": f"{first + n * DAY}"} if how == "fail" else {"reset": how == "reset"}
            )
            run(case, asked, state)
        last = run(case, {}, state)
    whole = {d: sorted([f"u{n}", when] for n, when in enumerate(at) if when[:10] == d)
             for d in {when[:10] for when in at}}  # fmt: skip
    assert last["stored"] == whole
    assert (last["checkpoint"], last["progress"][-1]) == (str(first + 6 * DAY), 1.0)


class Full(Place):
    """A place that cannot be written."""

    def set(self, key: str, value: Any) -> None:
        raise OSError("no room")


def test_a_checkpoint_and_its_day_are_stored_together(state: State) -> None:
    stored = Documents(state, "m")["days"]
    with pytest.raises(OSError, match="no room"):
        extract(lambda _day: ["x"], stored, Full(state, "m"), [TODAY])
    assert dict(stored) == {}


def test_the_uses_of_a_day_are_kept_as_they_were_read(state: State) -> None:
    stored = Documents(state, "m")["days"]
    extract(lambda one: [one.day] * 3, stored, Place(state, "m"), [TODAY - DAY, TODAY])
    assert dict(stored) == {"2026-03-09": [9, 9, 9], "2026-03-10": [10, 10, 10]}
