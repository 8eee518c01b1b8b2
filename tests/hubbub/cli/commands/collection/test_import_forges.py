"""`hubbub import --format perceval` and `gharchive`, and the estimate of completeness."""

from __future__ import annotations

import gzip
import json
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.store import Store
from hubbub.times import iso
from tests.support.commandline import Run
from tests.support.forges.archive_events import ARCHIVE, archived
from tests.support.forges.forge_items import ITEMS, github_issue, item, line
from tests.support.processes import start, wait_until

BROKEN = (b"not json", b"[]", b'{"a": 1}', line(item("Unheard", "thing", "x", {})))


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(text + b"\n" for text in lines))
    return path


def issues(number: int, every: int) -> list[bytes]:
    """Issues of which every so manieth is broken."""
    return [
        BROKEN[n // every % 4] if n % every == 0 else line(github_issue(n + 1, comments=n % 3))
        for n in range(number)
    ]


def test_every_backend_and_again(hubbub: Run, tmp_path: Path) -> None:
    file, store = write(tmp_path / "a.jsonl", [*map(line, ITEMS.values())]), tmp_path / "s"
    args = ("import", file, "--format", "perceval", "--json", "--store", store)
    first = hubbub(*args).json
    assert first["read"] == len(ITEMS)
    assert first["refused"] == {}
    assert hubbub(*args).json | {"known": 0} == first | {"new": 0, "known": 0}
    rows = hubbub("query", "objects", "--format", "json", "--store", store).json["data"]
    assert {"lantern/beacon", "lantern/core", "lamps"} <= {row["object"] for row in rows}
    categories = hubbub("query", "volume", "--per", "week", "--axis", "category", "--format",
                        "json", "--store", store).json["data"]  # fmt: skip
    assert {"git", "github", "gitlab", "gerrit", "bugzilla"} <= {r["name"] for r in categories}


def test_a_newer_fetch_adds_only_what_is_new(hubbub: Run, tmp_path: Path) -> None:
    store = ("--format", "perceval", "--json", "--store", tmp_path / "s")
    old = write(tmp_path / "old.jsonl", [line(github_issue(1, comments=1, closed=False))])
    new = write(tmp_path / "new.jsonl", [line(github_issue(1, comments=3))])
    assert hubbub("import", old, *store).json["new"] == 2
    assert hubbub("import", new, *store).json == {"read": 1, "new": 3, "known": 2, "refused": {}}


def test_broken_lines_are_dead_letters_once_however_often_they_are_read(
    hubbub: Run, tmp_path: Path
) -> None:
    file, store = write(tmp_path / "a.jsonl", issues(2_000, 20)), tmp_path / "s"
    args = ("import", file, "--format", "perceval", "--json", "--store", store)
    result = hubbub(*args).json
    assert result["refused"] == dict.fromkeys(
        ("no-item", "no-rule", "not-an-object", "not-json"), 25
    )
    events = sum(2 + n % 3 for n in range(2_000) if n % 20)
    assert (result["new"], result["known"]) == (events, 0)
    hubbub(*args)
    status = hubbub("status", "--json", "--store", store).json
    assert (status["events"], sum(status["dead_letters"].values())) == (events, 100)


def test_new_rules_read_a_refused_item(hubbub: Run, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[event]]\nitems = ["Unheard thing"]\ntopic = "unheard.thing"\ntime = ["updated_on"]\n'
        'id = ["uuid"]\n'
    )
    thing = write(tmp_path / "a.jsonl", [line(item("Unheard", "thing", "x", {"a": 1}))])
    store = ("--store", tmp_path / "s")
    assert hubbub("import", thing, "--format", "perceval", *store).code == 2
    hubbub("dead-letters", "retry", "--all", *store)
    assert hubbub("status", "--json", *store).json["dead_letters"] == {"no-rule": 1}
    (tmp_path / "hubbub.toml").write_text(f'[people]\nrules = "{rules}"\n')
    done = hubbub("dead-letters", "retry", "--all", "--config", tmp_path / "hubbub.toml", *store)
    assert done.code == 0, done.err
    status = hubbub("status", "--json", *store).json
    assert (status["events"], status["dead_letters"]) == (1, {})


@pytest.mark.parametrize("wait", [0, 0.2])
def test_a_killed_import_goes_on(hubbub: Run, tmp_path: Path, wait: float) -> None:
    file, store = write(tmp_path / "a.jsonl", issues(6_000, 60)), tmp_path / "s"
    args = ["import", str(file), "--format", "perceval", "--store", str(store)]
    process = start(*args)
    wait_until(lambda: any(store.glob("spool/*")))
    time.sleep(wait)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was to be killed before its end"
    assert hubbub(*args).code == 0
    status = hubbub("status", "--json", "--store", store).json
    assert status["events"] == sum(2 + n % 3 for n in range(6_000) if n % 60)
    assert sum(status["dead_letters"].values()) == 100


def test_pretty_printed_items_are_explained(hubbub: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(ITEMS["github issue"], indent=4))
    result = hubbub("import", file, "--format", "perceval", "--store", tmp_path / "s", "--finished")
    assert result.code == 2
    assert "--json-line" in result.err


def test_items_taken_for_another_format_are_recognised(hubbub: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line(ITEMS["github issue"])])
    result = hubbub("import", file, "--format", "jsonl", "--store", tmp_path / "s")
    assert (result.code, "--format perceval" in result.err) == (2, True)


def test_an_archive_is_filtered_by_repository(hubbub: Run, tmp_path: Path) -> None:
    others = [line(archived("PushEvent", 100 + n, repo=f"other/p{n}")) for n in range(500)]
    hours = []
    for hour, name in enumerate(("opened", "comment", "push")):
        path = tmp_path / f"2026-01-02-{hour}.json.gz"
        path.write_bytes(gzip.compress(b"\n".join([*others, line(ARCHIVE[name])]) + b"\n"))
        hours.append(path)
    args = ("import", *hours, "--format", "gharchive", "--json", "--store", tmp_path / "s")
    result = hubbub(*args, "--repo", "Lantern/*", "--repo", "nobody/nothing").json
    assert result == {"read": 3, "new": 3, "known": 0, "refused": {}, "other_repositories": 1_500}
    assert hubbub(*args).json["new"] == 500, "without --repo all, each once"
    status = hubbub("status", "--json", "--store", tmp_path / "s").json
    assert list(status["sources"]) == [f"gharchive:{tmp_path}"]


def test_options_of_another_format(hubbub: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [line(ITEMS["mbox"])])
    for args, problem in (
        (("--format", "perceval", "--repo", "a/b"), "not limited by repository"),
        (("--format", "gharchive", "--repo", "beacon"), "not the name of a repository"),
        (("--format", "gharchive", "--follow"), "cannot be followed"),
    ):
        result = hubbub("import", file, *args, "--store", tmp_path / "s")
        assert (result.code, problem in result.err) == (2, True), result.err


def test_the_estimate_of_completeness(hubbub: Run, tmp_path: Path) -> None:
    numbers = [n for n in range(1, 843) if n * 311 // 842 != (n - 1) * 311 // 842]
    items = [line(github_issue(n, comments=0, closed=False)) for n in numbers]
    file, store = write(tmp_path / "a.jsonl", items), ("--store", tmp_path / "s")
    hubbub("import", file, "--format", "perceval", *store)
    args = ("query", "coverage", "--per", "repository", "--format", "json", *store)
    (row,) = hubbub(*args).json["data"]
    first = numbers[0]
    assert (row["first"], row["last"], row["opened"]) == (first, 842, 311)
    assert row["estimate"] == (
        "the archive has 37 % of the issues and pull requests that lantern/beacon opened "
        f"(numbers {first}\N{EN DASH}842; 311 came as opened)"
    )
    assert "estimate" in row["reason"]
    status = hubbub("status", *store).out
    assert row["estimate"] in status
    assert row["reason"] in status
    assert hubbub(*args, "--object", "other/*").json["data"] == []
    assert hubbub(*args, "--since", "2027-01-01", "--until", "2027-02-01").json["data"] == []
    assert "needs all events" in hubbub(*args, "--user", "ada").err
    picture = tmp_path / "c.svg"
    assert hubbub("chart", "coverage", "-o", picture, *store).code == 0
    text = " ".join(picture.read_text().split())
    assert "estimated from numbers" in text


def test_the_estimate_of_a_range(hubbub: Run, tmp_path: Path) -> None:
    """Against a count by hand: number n was opened at the n-th hour of the year."""
    rng = random.Random(5)
    opened = sorted(rng.sample(range(1, 700), 250))
    items = []
    for n in opened:
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)
        items.append(line(github_issue(n, comments=0, closed=False, created_at=when.isoformat())))
    file, store = write(tmp_path / "a.jsonl", items), ("--store", tmp_path / "s")
    hubbub("import", file, "--format", "perceval", *store)
    for low, high in ((0, 700), (48, 240), (241, 480), (24, 25)):
        since, until = (
            iso(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=h)) for h in (low, high)
        )
        inside = [n for n in opened if low <= n < high]
        args = ("--per", "repository", "--since", since, "--until", until, "--format", "json")
        rows = hubbub("query", "coverage", *args, *store).json["data"]
        got = [(r["first"], r["last"], r["opened"], r["missed"]) for r in rows]
        count = len(inside)
        assert got == (
            [(inside[0], inside[-1], count, inside[-1] - inside[0] + 1 - count)] if inside else []
        )


def test_a_broken_part_is_one_dead_letter_and_a_body_is_stored_once(
    hubbub: Run, tmp_path: Path
) -> None:
    value = json.loads(line(github_issue(1, comments=3)))
    for n in (0, 1):
        value["data"]["comments_data"][n]["created_at"] = "soon"
    file, folder = write(tmp_path / "a.jsonl", [line(value)]), tmp_path / "s"
    args = ("import", file, "--format", "perceval", "--json", "--bodies", "--store", folder)
    assert hubbub(*args).json == {"read": 1, "new": 3, "known": 0, "refused": {"bad-time": 1}}
    hubbub(*args)
    status = hubbub("status", "--json", "--store", folder).json
    assert (status["events"], status["dead_letters"]) == (3, {"bad-time": 1})
    with Store.open(folder) as store:
        assert sum(part.rows for part in store.bodies.files()) == 1
