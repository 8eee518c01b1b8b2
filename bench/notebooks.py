"""`daily_metrics` and `material_usage` over 1 M accesses compared with the published program.

That program read its log line by line: it split the line, tested the account and put names into
sets of the day. It was published in two forms, both reimplemented here:

- first: after each line it computes the union of the set of the day and the set of all earlier
  days, for the totals at that time;
- later: it counts the totals, and keeps only points that change something.

Both read a text file from the page cache; hubbub reads Parquet files as in a store. Ibis and DuckDB
are imported before the measurement; nothing is cached between runs. Budget: at least 50 times as
fast as the first form. The later form takes about a second, hubbub some tenths: reading and
grouping a million names alone costs an engine more than a fiftieth of that second.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _events import events, seconds

from hubbub.analyzers.notebooks.daily_metrics import daily_metrics
from hubbub.analyzers.notebooks.material_usage import material_usage
from hubbub.registry import Names
from hubbub.store.tables.event_rows import SCHEMA
from hubbub.store.tables.events import Events

ACCESSES, STUDENTS, COURSES, NOTEBOOKS = 1_000_000, 800, 6, 50  # notebooks of each course
SINCE, DAYS = datetime(2024, 9, 1, tzinfo=UTC), 730
STAFF = Names(f"{n:032x}" for n in range(5))


def write(folder: Path) -> tuple[Path, list[str]]:
    """Write the accesses as a log and as Parquet files, one for each month."""
    rng = np.random.default_rng(7)
    student = _weighted(rng, STUDENTS, 0.6)
    course = student % COURSES  # each student takes one course
    notebook = course * NOTEBOOKS + _weighted(rng, NOTEBOOKS, 0.5)
    # Students start within a year, most of them in its first weeks.
    start = (rng.beta(1, 4, STUDENTS) * DAYS / 2).astype(np.int64)[student]
    day = start + (rng.random(ACCESSES) * (DAYS - start)).astype(np.int64)
    hour = np.clip(rng.normal(15, 4, ACCESSES), 0, 23.99)
    second = day * 86_400 + (hour * 3600).astype(np.int64)
    order = np.argsort(second, kind="stable")
    student, course, notebook = student[order], course[order], notebook[order]
    second = second[order] + int(SINCE.timestamp())
    names = {
        "student": pa.array([f"{n:032x}" for n in range(STUDENTS)]),
        "course": pa.array([f"course-{n}" for n in range(COURSES)]),
        "notebook": pa.array(
            [f"w{n % NOTEBOOKS // 8}/w-s{n % 8}-{n}" for n in range(COURSES * NOTEBOOKS)]
        ),
        "action": pa.array(["created", "running", "restarted", "killing"]),
    }
    codes = {
        "student": student,
        "course": course,
        "notebook": notebook,
        "action": rng.choice(4, ACCESSES, p=[0.1, 0.6, 0.2, 0.1]),
    }
    texts = {name: names[name].take(pa.array(code)) for name, code in codes.items()}
    stamps = np.datetime_as_string(second.astype("datetime64[s]"))
    log = folder / "events.raw"
    columns = (texts[name].to_pylist() for name in ("course", "student", "notebook", "action"))
    with log.open("w") as file:
        file.writelines(
            f"{' '.join(fields)} {8000 + n % 100}\n"
            for n, fields in enumerate(zip(stamps, *columns, strict=True))
        )
    return log, _stored(folder, second, texts)


def _stored(folder: Path, second: np.ndarray, texts: dict[str, Any]) -> list[str]:
    months = second.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(months)) + 1).tolist(), ACCESSES]
    one_each = pa.array(np.arange(ACCESSES + 1, dtype=np.int32))
    ports = pa.array([f"{8000 + n % 100}" for n in range(ACCESSES)])
    items = pa.table({"course": texts["course"], "port": ports})
    extra = pa.MapArray.from_arrays(
        pa.array(np.arange(ACCESSES + 1, dtype=np.int32) * 2),
        pa.array(["course", "port"] * ACCESSES),
        pa.array(np.stack([items[name].to_numpy() for name in items.column_names], 1).ravel()),
    )
    table = pa.table(
        {
            "time": pa.array(second * 1_000_000, pa.timestamp("us", "UTC")),
            "id": pa.array([f"nb-{n:032x}" for n in range(ACCESSES)]),
            "topic": pa.array(["notebook.access"] * ACCESSES),
            "category": pa.array(["notebook"] * ACCESSES),
            "agent": texts["student"],
            "users": pa.ListArray.from_arrays(
                one_each, texts["student"], type=SCHEMA.field("users").type
            ),
            "objects": pa.ListArray.from_arrays(
                one_each, texts["notebook"], type=SCHEMA.field("objects").type
            ),
            "action": texts["action"],
            "size": pa.array(np.zeros(ACCESSES, np.int64)),
            "source": pa.array(["notebook-events:events.raw"] * ACCESSES),
            "seq": pa.array(np.arange(1, ACCESSES + 1)),
            "extra": extra,
        },
        schema=SCHEMA,
    )
    files = []
    for part, (low, high) in enumerate(pairwise(edges)):
        file = folder / f"part-{part:03}.parquet"
        pq.write_table(table.slice(low, high - low), file, **Events.options)
        files.append(str(file))
    return files


def _weighted(rng: np.random.Generator, ranks: int, exponent: float) -> np.ndarray:
    weights = np.cumsum(1 / np.arange(1, ranks + 1) ** exponent)
    return np.searchsorted(weights / weights[-1], rng.random(ACCESSES))


# The published program, in its two forms


class DayFigures:
    """The sets of one day, in both forms; `earlier` is shared by all days."""

    def __init__(self, earlier: tuple[set[str], set[str]]) -> None:
        self.students: set[str] = set()
        self.notebooks: set[str] = set()
        self.earlier_students, self.earlier_notebooks = earlier
        self.total_students = len(self.earlier_students)
        self.total_notebooks = len(self.earlier_notebooks)

    def add_first(self, student: str, notebook: str) -> tuple[int, int]:
        """Add an access and return the totals, as the first form: by unions."""
        self.notebooks.add(notebook)
        self.students.add(student)
        return (
            len(self.students | self.earlier_students),
            len(self.notebooks | self.earlier_notebooks),
        )

    def add_later(self, student: str, notebook: str) -> tuple[int, int]:
        """Add an access and return the totals, as the later form: by counting."""
        if notebook not in self.notebooks and notebook not in self.earlier_notebooks:
            self.total_notebooks += 1
        self.notebooks.add(notebook)
        if student not in self.students and student not in self.earlier_students:
            self.total_students += 1
        self.students.add(student)
        return self.total_students, self.total_notebooks

    def end(self) -> None:
        """Finish the day."""
        self.unique = len(self.students), len(self.notebooks)
        self.new = (
            len(self.students - self.earlier_students),
            len(self.notebooks - self.earlier_notebooks),
        )
        self.earlier_students.update(self.students)
        self.earlier_notebooks.update(self.notebooks)


def published(log: Path, staff: frozenset[str], *, later: bool) -> dict[str, Any]:
    """Compute `daily_metrics` from a log, line by line."""
    days: dict[str, DayFigures] = {}
    earlier: tuple[set[str], set[str]] = (set(), set())
    figures = DayFigures(earlier)
    points: list[tuple[str, int, int]] = []
    with log.open() as file:
        for line in file:
            stamp, _, student, notebook, action, _ = line.split()
            if action == "killing":
                continue
            if student in staff:
                continue
            day = stamp.split("T")[0] + " 23:59:59"
            if day in days:
                figures = days[day]
            else:
                figures.end()
                figures = days[day] = DayFigures(earlier)
            if later:
                totals = figures.add_later(student, notebook)
                if not points or totals != points[-1][1:]:
                    points.append((stamp, *totals))
            else:
                points.append((stamp, *figures.add_first(student, notebook)))
            last = stamp
    figures.end()
    if later and points[-1][0] != last:
        points.append((last, *points[-1][1:]))
    columns = list(zip(*points, strict=True))
    return {
        "daily": {
            "timestamps": list(days),
            "unique_students": [day.unique[0] for day in days.values()],
            "unique_notebooks": [day.unique[1] for day in days.values()],
            "new_students": [day.new[0] for day in days.values()],
            "new_notebooks": [day.new[1] for day in days.values()],
        },
        "events": {
            "timestamps": list(columns[0]),
            "total_students": list(columns[1]),
            "total_notebooks": list(columns[2]),
        },
    }


def usage(log: Path, staff: frozenset[str]) -> dict[str, int]:
    """Compute `material_usage` from a log without its animation; return students per notebook."""
    students: defaultdict[str, set[str]] = defaultdict(set)
    notebooks: defaultdict[str, set[str]] = defaultdict(set)
    visits: Counter[tuple[str, str]] = Counter()
    with log.open() as file:
        for line in file:
            _, _, student, notebook, action, *_ = line.split()
            if action == "killing" or student in staff:
                continue
            students[notebook].add(student)
            notebooks[student].add(notebook)
            visits[notebook, student] += 1
    return {name: len(students[name]) for name in sorted(students)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, files = write(Path(folder))
        stored = events(files)
        ours = partial(daily_metrics, stored, lambda _form: [], STAFF)
        material = partial(material_usage, stored, lambda _form: [], STAFF)
        first = partial(published, log, frozenset(STAFF), later=False)
        later = partial(published, log, frozenset(STAFF), later=True)
        published_usage = partial(usage, log, frozenset(STAFF))
        result, expected = ours()[0], later()
        assert result["daily"] == expected["daily"]
        assert result["events"] == expected["events"]
        assert dict(material()[0]["nbstudents_per_notebook"]) == published_usage()
        times = seconds(
            {"ours": ours, "later": later, "material": material, "usage": published_usage}
        )
        times |= seconds({"first": first}, rounds=1)
    print(f"{ACCESSES:,} accesses of {STUDENTS} students to {COURSES * NOTEBOOKS} notebooks")
    for form, budget in (("first", "; budget 50"), ("later", "")):
        print(
            f"daily_metrics: {times[form] / times['ours']:.1f} times as fast as the {form} "
            f"published method ({times['ours']:.3f} s against {times[form]:.2f} s{budget})"
        )
    print(
        f"material_usage: {times['usage'] / times['material']:.1f} times as fast as the published "
        f"method without animation ({times['material']:.3f} s against {times['usage']:.2f} s)"
    )


if __name__ == "__main__":
    main()
