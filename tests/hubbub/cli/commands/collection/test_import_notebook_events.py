"""Import and queries of notebook accesses, against golden vectors and a plain implementation."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from pathlib import PurePosixPath as Posix
from typing import Any

import pytest

from tests.support import paths
from tests.support.commandline import Run

GOLDEN = paths.GOLDEN / "nbhosting"
CASES = sorted(path.stem for path in GOLDEN.glob("ev*.json"))
SUFFIXES = {".ipynb", ".md", ".py"}


def imported(hubbub: Run, tmp_path: Path, source: Path) -> Path:
    result = hubbub("import", source, "--format", "notebook-events", "--store", tmp_path / "s")
    assert result.code == 0, result.err
    return tmp_path / "s"


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, hubbub: Run, tmp_path: Path) -> None:
    case = json.loads((GOLDEN / f"{name}.json").read_text())
    nothing = tmp_path / "nothing"
    nothing.touch()
    store = imported(hubbub, tmp_path, GOLDEN / case["file"] if case["file"] else nothing)
    (tmp_path / "staff").write_text("".join(f"{account}\n" for account in case["staff"]))
    options = [
        "--accounts",
        case["rules"],
        "--staff",
        tmp_path / "staff",
        "--store",
        store,
        "--json",
    ]
    for query in ("daily_metrics", "material_usage"):
        result = hubbub("query", query, *options)
        assert result.code == 0, result.err
        assert result.json["data"] == case["expected"][query]
        assert result.json["diagnostics"] == case["expected"]["diagnostics"]


def test_a_file_imported_again_after_it_grew_counts_every_line_once(
    hubbub: Run, tmp_path: Path
) -> None:
    original = (GOLDEN / "ev09-malformed-end.events.raw").read_bytes()
    grown = (
        original + b"garbage again\n2018-03-07T09:00:00 py-intro " + b"0" * 32 + b" n1 running 1\n"
    )
    file = tmp_path / "x.raw"
    for data in (original, original, grown):
        file.write_bytes(data)
        store = imported(hubbub, tmp_path, file)
    result = hubbub("query", "daily_metrics", "--store", store, "--json")
    assert result.json["diagnostics"]["malformed_lines"] == [4, 5, 6]
    assert result.json["diagnostics"]["counted"] == 4


def test_an_unreadable_staff_file(hubbub: Run, tmp_path: Path) -> None:
    store = imported(hubbub, tmp_path, GOLDEN / "ev03-single-event.events.raw")
    result = hubbub("query", "daily_metrics", "--staff", tmp_path / "no", "--store", store)
    assert result.code == 2
    assert "--staff" in result.err
    assert "No such file" in result.err
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    result = hubbub("query", "daily_metrics", "--staff", tmp_path / "bytes", "--store", store)
    assert result.code == 2
    assert "UTF-8" in result.err


def test_names_of_staff_are_stripped_and_stated(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_text("2018-03-05T09:00:00 c ann n1 running 1\n")
    store = imported(hubbub, tmp_path, tmp_path / "x.raw")
    (tmp_path / "staff").write_text("\ufeff# teachers\n\n  ann \nbob\n")
    result = hubbub(
        "query", "daily_metrics", "--staff", tmp_path / "staff", "--store", store, "--json"
    )
    assert result.json["parameters"]["staff"] == ["ann", "bob"]
    assert result.json["diagnostics"]["ignored_user"] == 1
    assert result.json["data"]["daily"]["timestamps"] == []


# an independent computation: the rules of the format in plain Python, on random lines


def written(file: Path, seed: int) -> None:
    chance = random.Random(seed)
    students = [*(f"{n:032x}" for n in range(5)), "0" * 32 + "-x", "short", "jo.b", "y" * 28]
    books = ["a/b", "./a//b.ipynb", "a/b.md", ".py", "a/.md", "c.py.md", "d/", "a/././b", "é.py"]
    start = datetime(2020, 2, 27)  # noqa: DTZ001 - the file's times are naive
    lines = ["# head"]
    for _ in range(300):
        time = start + timedelta(seconds=chance.choice([1, 3600]) * chance.randrange(150))
        action = chance.choice(["created", "running", "killing"])
        lines.append(
            " ".join(
                [
                    f"{time:%Y-%m-%dT%H:%M:%S}",
                    "c",
                    chance.choice(students),
                    chance.choice(books),
                    action,
                    "1",
                ]
            )
        )
    lines[chance.randrange(1, 300)] = "2020-02-30T00:00:00 c x y running 1"
    file.write_text("\n".join(lines))


def counted(file: Path, rules: str) -> Iterator[tuple[datetime, str, str]]:
    rows = []
    for number, line in enumerate(file.read_text().splitlines()):
        try:
            stamp, _, student, book, action, _ = line.split()
            time = datetime.fromisoformat(stamp)
        except ValueError:
            continue
        person = {
            "seed": len(student) >= 32 and set(student[:32]) <= set("0123456789abcdef"),
            "later": "." in student or len(student) >= 28,
            "all": True,
        }[rules]
        path = Posix(book)
        if rules == "later":
            book = str(path.with_suffix("") if path.suffix in SUFFIXES else path)
        if action != "killing" and person:
            rows.append((time, number, student, book))
    yield from ((time, student, book) for time, _, student, book in sorted(rows))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rules", ["seed", "later", "all"])
def test_against_a_loop_over_lines(seed: int, rules: str, hubbub: Run, tmp_path: Path) -> None:
    written(tmp_path / "x.raw", seed)
    store = imported(hubbub, tmp_path, tmp_path / "x.raw")
    students: dict[str, int] = {}
    books: dict[str, int] = {}
    days: defaultdict[str, list[set[str]]] = defaultdict(lambda: [set(), set(), set(), set()])
    points: list[tuple[str, int, int]] = []
    cells: Counter[tuple[str, str]] = Counter()
    for time, student, book in counted(tmp_path / "x.raw", rules):
        day = days[f"{time:%Y-%m-%d} 23:59:59"]
        for place, names, name in ((0, students, student), (1, books, book)):
            day[place].add(name)
            if name not in names:
                names[name] = 1
                day[place + 2].add(name)
        if not points or points[-1][1:] != (len(students), len(books)):
            points.append((f"{time:%Y-%m-%dT%H:%M:%S}", len(students), len(books)))
        last = f"{time:%Y-%m-%dT%H:%M:%S}"
        cells[student, book] += 1
    if points[-1][0] != last:
        points.append((last, len(students), len(books)))
    options: list[Any] = ["--accounts", rules, "--store", store, "--json"]
    data = hubbub("query", "daily_metrics", *options).json["data"]
    assert data["daily"] == {
        "timestamps": list(days),
        "unique_students": [len(d[0]) for d in days.values()],
        "unique_notebooks": [len(d[1]) for d in days.values()],
        "new_students": [len(d[2]) for d in days.values()],
        "new_notebooks": [len(d[3]) for d in days.values()],
    }
    totals = data["events"]
    assert points == list(
        zip(totals["timestamps"], totals["total_students"], totals["total_notebooks"], strict=True)
    )
    heat = hubbub("query", "material_usage", *options).json["data"]["heatmap"]
    assert heat["x"] == sorted(books)
    assert {
        (student, book): number
        for student, row in zip(heat["y"], heat["z"], strict=True)
        for book, number in zip(heat["x"], row, strict=True)
        if number is not None
    } == cells
