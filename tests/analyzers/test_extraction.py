"""The daily extraction and its checkpoint: golden vectors, and invariants of all runs."""

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
from hubbub.run.injection import State as ModuleState
from hubbub.store.state.database import State
from hubbub.store.state.documents import Documents
from tests.support import paths
from tests.support.examples import examples

JOBS = paths.GOLDEN / "core4" / "jobs"
DAY = timedelta(days=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        yield state


def day(text: str | None) -> date | None:
    return None if text is None else datetime.fromisoformat(text).date()


def run(case: dict[str, Any], options: dict[str, Any], state: State) -> dict[str, Any]:
    """Do one run of a golden vector, as its README describes."""
    module_state, stored = ModuleState(state, "m"), Documents(state, "m")["usage"]
    progress: list[float] = []
    sources: list[str] = []

    def read(requested: date) -> list[dict[str, str]]:
        if requested == day(options.get("fail_on")):
            raise RuntimeError("boom")
        return sorted(
            (
                {"user": user, "created": created}
                for created, user, message in case["events"]
                if day(created) == requested and requested != day(options.get("without_day"))
                and created <= options.get("visible_until", created)
                and "successful login" in message and user != "admin"
            ),
            key=lambda use: (use["user"], use["created"]),
        )  # fmt: skip

    error = None
    try:
        dates = days(
            day(module_state.get(CHECKPOINT)),
            today=datetime.fromisoformat(options.get("now", case["now"])).date(),
            config_start=datetime.fromisoformat(case["config_start"]).date(),
            start=day(options.get("start")),
            end=day(options.get("end")),
            reset=options.get("reset", False),
        )
        extract(
            read, stored, module_state, dates, backfill="start" in options,
            progress=lambda done, total: progress.append(round(done / total, 6)),
            source=sources.append,
        )  # fmt: skip
    except (RuntimeError, UsageError) as exception:
        error = str(exception)
    return {
        "error": error,
        "checkpoint": module_state.get(CHECKPOINT),
        "progress": progress,
        "sources": sources,
        "stored": {d: [list(use.values()) for use in uses] for d, uses in stored.items()},
    }


@pytest.mark.parametrize("name", sorted(path.name for path in JOBS.glob("*.json")))
def test_golden_jobs(name: str, state: State) -> None:
    case = json.loads((JOBS / name).read_text())
    for options, expected in zip(case["runs"], case["expected"], strict=True):
        result = run(case, options, state)
        assert (result["error"] is None) == (expected["error"] is None)
        assert result | {"error": 0} == expected | {"error": 0}


TODAY = date(2026, 3, 10)


def first_and_last(checkpoint: date | None = None, **options: Any) -> tuple[date, date]:
    dates = days(checkpoint, today=TODAY, config_start=date(2026, 3, 1), **options)
    assert dates == [dates[0] + n * DAY for n in range(len(dates))]
    return dates[0], dates[-1]


def test_which_days_a_run_handles() -> None:
    first, seen = date(2026, 3, 1), date(2026, 3, 7)
    assert first_and_last() == (first, TODAY)
    assert first_and_last(seen) == (seen, TODAY)
    assert first_and_last(seen, reset=True) == (first, TODAY)
    assert first_and_last(seen, start=date(2026, 2, 1), end=seen) == (date(2026, 2, 1), seen)
    assert first_and_last(seen, start=TODAY, reset=True) == (TODAY, TODAY)
    assert first_and_last(seen, end=seen) == (seen, seen)


@pytest.mark.parametrize(
    "options",
    [
        {"end": TODAY + DAY},
        {"start": TODAY + DAY},
        {"start": TODAY, "end": TODAY - DAY},
        {"end": date(2026, 3, 6)},
        {"end": date(2026, 2, 6), "reset": True},
    ],
)
def test_an_empty_or_future_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the last day, "):
        first_and_last(date(2026, 3, 7), **options)


RUNS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["go", "fail", "reset"])), max_size=8)


@settings(
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(runs=RUNS, uses=st.lists(st.integers(0, 6), max_size=8))
def test_after_failed_runs_the_next_handles_all_missing_days(
    runs: list[tuple[int, str]], uses: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = date(2026, 3, 1)
    times = [f"{first + n * DAY}T12:00:00" for n in uses]
    case = {"events": [[time, f"u{n}", "successful login"] for n, time in enumerate(times)],
            "config_start": f"{first}T00:00:00", "now": f"{first + 6 * DAY}T01:00:00"}  # fmt: skip
    with State(tmp_path_factory.mktemp("s") / "state.sqlite") as state:
        for n, kind in runs:
            options = (
                {"fail_on": f"{first + n * DAY}"} if kind == "fail" else {"reset": kind == "reset"}
            )
            run(case, options, state)
        last = run(case, {}, state)
    expected = {d: sorted([f"u{n}", time] for n, time in enumerate(times) if time[:10] == d)
                for d in {time[:10] for time in times}}  # fmt: skip
    assert last["stored"] == expected
    assert (last["checkpoint"], last["progress"][-1]) == (str(first + 6 * DAY), 1.0)


class FullState(ModuleState):
    """A state on a full disk."""

    def set(self, key: str, value: Any) -> None:
        raise OSError("no room")


def test_a_checkpoint_and_its_day_are_stored_together(state: State) -> None:
    stored = Documents(state, "m")["days"]
    with pytest.raises(OSError, match="no room"):
        extract(lambda _day: ["x"], stored, FullState(state, "m"), [TODAY])
    assert dict(stored) == {}


def test_the_content_of_a_day_is_stored_unchanged(state: State) -> None:
    stored = Documents(state, "m")["days"]
    extract(lambda date: [date.day] * 3, stored, ModuleState(state, "m"), [TODAY - DAY, TODAY])
    assert dict(stored) == {"2026-03-09": [9, 9, 9], "2026-03-10": [10, 10, 10]}
