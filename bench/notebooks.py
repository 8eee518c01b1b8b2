"""`daily_metrics` and `material_usage` over 1 M accesses against the published program, in one run.

That program read its log line by line: split the line, test the account, put names into sets of the
day. It was published in two forms, and both are written anew here:

- first: after each line the union of the day's set and the set of all earlier days is made, to know
  how many there were at that moment;
- later: the totals are counted along, and only points that change something are kept.

Both read a file of text from the page cache; hubbub reads the store's Parquet files. Ibis and
DuckDB are imported before the measure; nothing is kept from one run to the next. Budget: at least
50 times as fast as the first form. The later form does in a second what takes hubbub some tenths:
to read and to group a million names costs an engine more than a fiftieth of that.
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
from hubbub.store.tables.events import SCHEMA, Events

ACCESSES, STUDENTS, COURSES, NOTEBOOKS = 1_000_000, 800, 6, 50  # notebooks of each course
SINCE, DAYS = datetime(2024, 9, 1, tzinfo=UTC), 730
STAFF = Names(f"{n:032x}" for n in range(5))


def made(folder: Path) -> tuple[Path, list[str]]:
    """The log, and the same as files of a store, a month each."""
    rng = np.random.default_rng(7)
    student = _weighted(rng, STUDENTS, 0.6)
    course = student % COURSES  # each student takes one course
    notebook = course * NOTEBOOKS + _weighted(rng, NOTEBOOKS, 0.5)
    # students start over half a year, most of them in its first weeks
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


def _weighted(rng: np.random.Generator, most: int, exponent: float) -> np.ndarray:
    weights = np.cumsum(1 / np.arange(1, most + 1) ** exponent)
    return np.searchsorted(weights / weights[-1], rng.random(ACCESSES))


# the first program, in its two forms


class Figures:
    """Of a day, as both forms kept them; `earlier` is one set for all days."""

    def __init__(self, earlier: tuple[set[str], set[str]]) -> None:
        self.students: set[str] = set()
        self.notebooks: set[str] = set()
        self.earlier_students, self.earlier_notebooks = earlier
        self.total_students = len(self.earlier_students)
        self.total_notebooks = len(self.earlier_notebooks)

    def add_first(self, student: str, notebook: str) -> tuple[int, int]:
        """How many there are now: by a union."""
        self.notebooks.add(notebook)
        self.students.add(student)
        return (
            len(self.students | self.earlier_students),
            len(self.notebooks | self.earlier_notebooks),
        )

    def add_later(self, student: str, notebook: str) -> tuple[int, int]:
        """How many there are now: counted along."""
        if notebook not in self.notebooks and notebook not in self.earlier_notebooks:
            self.total_notebooks += 1
        self.notebooks.add(notebook)
        if student not in self.students and student not in self.earlier_students:
            self.total_students += 1
        self.students.add(student)
        return self.total_students, self.total_notebooks

    def end(self) -> None:
        """The day is over."""
        self.unique = len(self.students), len(self.notebooks)
        self.new = (
            len(self.students - self.earlier_students),
            len(self.notebooks - self.earlier_notebooks),
        )
        self.earlier_students.update(self.students)
        self.earlier_notebooks.update(self.notebooks)


def published(log: Path, staff: frozenset[str], *, later: bool) -> dict[str, Any]:
    """`daily_metrics` of a log, line by line."""
    days: dict[str, Figures] = {}
    earlier: tuple[set[str], set[str]] = (set(), set())
    figures = Figures(earlier)
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
                figures = days[day] = Figures(earlier)
            if later:
                found = figures.add_later(student, notebook)
                if not points or found != points[-1][1:]:
                    points.append((stamp, *found))
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
            "unique_students": [one.unique[0] for one in days.values()],
            "unique_notebooks": [one.unique[1] for one in days.values()],
            "new_students": [one.new[0] for one in days.values()],
            "new_notebooks": [one.new[1] for one in days.values()],
        },
        "events": {
            "timestamps": list(columns[0]),
            "total_students": list(columns[1]),
            "total_notebooks": list(columns[2]),
        },
    }


def usage(log: Path, staff: frozenset[str]) -> dict[str, int]:
    """`material_usage` of a log, line by line, without its animation: students of each notebook."""
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
        log, files = made(Path(folder))
        stored = events(files)
        ours = partial(daily_metrics, stored, lambda _form: [], STAFF)
        material = partial(material_usage, stored, lambda _form: [], STAFF)
        first = partial(published, log, frozenset(STAFF), later=False)
        later = partial(published, log, frozenset(STAFF), later=True)
        used = partial(usage, log, frozenset(STAFF))
        answer, expected = ours()[0], later()
        assert answer["daily"] == expected["daily"]
        assert answer["events"] == expected["events"]
        assert dict(material()[0]["nbstudents_per_notebook"]) == used()
        took = seconds({"ours": ours, "later": later, "material": material, "used": used})
        took |= seconds({"first": first}, rounds=1)
    print(f"{ACCESSES:,} accesses of {STUDENTS} students to {COURSES * NOTEBOOKS} notebooks")
    for form, more in (("first", "; budget 50"), ("later", "")):
        print(
            f"daily_metrics: {took[form] / took['ours']:.1f} times as fast as the {form} published "
            f"method ({took['ours']:.3f} s against {took[form]:.2f} s{more})"
        )
    print(
        f"material_usage: {took['used'] / took['material']:.1f} times as fast as the published "
        f"method without animation ({took['material']:.3f} s against {took['used']:.2f} s)"
    )


if __name__ == "__main__":
    main()
