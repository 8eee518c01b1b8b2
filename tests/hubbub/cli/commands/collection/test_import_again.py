"""Lines of logs count once each and none is lost, whatever way they come in."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from tests.support.commandline import Run

FORM = ("--format", "access-log", "--json")
HEALTH = '192.0.2.200 - - [14/Oct/2026:00:00:{:02} +0000] "HEAD /health HTTP/1.0" 200 0\n'


def request(number: int) -> str:
    """A line; three of them are equal, at the rotation."""
    moment = 58 if 57 <= number <= 60 else number
    return (
        f"192.0.2.{moment % 9} - - [14/Oct/2026:00:{moment // 60:02}:{moment % 60:02} +0000] "
        f'"GET /page{moment % 5}/x HTTP/1.1" 200 {100 + moment}\n'
    )


LINES = [request(number) for number in range(100)]
OLD, NEW = "".join(LINES[:60]), "".join(LINES[60:])


class Importing:
    """A store, and what it must hold."""

    def __init__(self, hubbub: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hubbub, self.store, self.monkeypatch = hubbub, store, monkeypatch

    def __call__(self, *arguments: Any, form: tuple[str, ...] = FORM, code: int = 0) -> Any:
        result = self.hubbub("import", *arguments, *form, "--store", self.store)
        assert result.code == code, result.err
        return result

    def pipe(self, text: str, *arguments: Any, code: int = 0) -> Any:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return self("-", *arguments, code=code)

    def sizes(self) -> Counter[int]:
        answer = self.hubbub("export", "-o", "-", "--store", self.store)
        return Counter(json.loads(line)["size"] for line in answer.out.splitlines())

    def holds_all(self) -> bool:
        return self.sizes() == Counter(100 + (58 if 57 <= n <= 60 else n) for n in range(100))


@pytest.fixture
def store(hubbub: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Importing:
    return Importing(hubbub, tmp_path / "store", monkeypatch)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "access.log.1").write_text(OLD)
    (tmp_path / "access.log").write_text(NEW)
    return tmp_path


@pytest.mark.parametrize(
    "names",
    [
        ("access.log", "access.log.1"),
        ("access.log.1", "access.log"),
    ],
)
def test_rotated_then_packed_then_through_a_pipe(
    store: Importing, logs: Path, names: tuple[str, str]
) -> None:
    store(*(logs / name for name in names))
    assert store.holds_all()
    packed = logs / "access.log-20261014.gz"
    packed.write_bytes(gzip.compress(OLD.encode()))
    assert store(packed).json["new"] == 0
    assert store.pipe(OLD + NEW).json["new"] == 0
    assert store.pipe("".join(LINES[30:])).json["new"] == 0
    assert store(logs / "access.log", logs / "access.log.1").json["new"] == 0
    assert store.holds_all()


def test_a_pipe_then_the_files(store: Importing, logs: Path) -> None:
    store.pipe(OLD + NEW)
    assert store.holds_all()
    assert store(logs / "access.log", logs / "access.log.1").json["new"] == 0
    (logs / "other.log").write_text(NEW)
    assert store(logs / "other.log").json["new"] == 40  # another log than the first


def test_equal_lines_of_two_servers(store: Importing, tmp_path: Path) -> None:
    text = HEALTH.format(0) + HEALTH.format(2)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("access.log", "web.log"):
            (tmp_path / folder / name).write_text(text)
    result = store(*(tmp_path / f / n for f in "ab" for n in ("access.log", "web.log")))
    assert (result.json["new"], result.json["known"]) == (8, 0)
    assert "begins like" in result.err
    error = store.pipe(text, code=2).err
    assert "imported from several sources" in error
    assert "--source" in error
    assert store.pipe(text, "--source", "web3").json["new"] == 2
    assert store(tmp_path / "a" / "access.log", "--source", "web3").json["new"] == 0
    assert store(tmp_path / "a" / "access.log", "--source", "web4").json["new"] == 2


def test_names_of_sources(store: Importing, logs: Path) -> None:
    for name in ("", "x" * 256, "a\nb"):
        assert (
            "cannot be the name of a source"
            in store(logs / "access.log", "--source", name, code=2).err
        )


def test_an_unfinished_line(store: Importing, tmp_path: Path) -> None:
    log = tmp_path / "h.log"
    whole = request(1) + request(2)[:-1] + '5 "-" "UA"'
    log.write_text(whole[: whole.index('5 "-" "UA"')])
    log.write_text(request(1).rstrip() + ' "-" "UA"\n' + request(2)[:-1])
    result = store(log)
    assert (result.json["new"], result.json["unfinished"]) == (1, 1)
    assert "h.log:2: the last line has no end yet" in result.err
    with log.open("a") as file:
        file.write('5 "-" "UA"\n')
    assert store(log).json == {"read": 2, "new": 1, "known": 1, "refused": {}}
    assert store.sizes() == Counter([101, 1025])


@pytest.mark.parametrize("form", ["common", "combined", "main"])
def test_a_line_that_is_cut_anywhere_counts_once_and_as_it_ends(
    store: Importing, tmp_path: Path, form: str
) -> None:
    rest = {"common": "", "combined": ' "-" "UA \\"x\\""', "main": ' "-" "UA" "-" 0.012'}[form]
    first, line = (request(number).rstrip() + rest + "\n" for number in (1, 2))
    log = tmp_path / "h.log"
    for length in (0, *range(len(line) - 24 - len(rest), len(line) + 1)):
        log.write_text(first + line[:length])
        store(log)
    assert store.sizes() == Counter([101, 102])


def test_a_last_line_of_a_finished_file(store: Importing, tmp_path: Path) -> None:
    alone = tmp_path / "alone.log"
    alone.write_text(request(1).rstrip())
    assert store(alone).json["new"] == 0
    assert store(alone, "--finished").json["new"] == 1


def test_one_file_by_several_paths_and_links(store: Importing, tmp_path: Path) -> None:
    log = tmp_path / "access-20261014.log"
    log.write_text(NEW)
    (tmp_path / "current.log").symlink_to(log)
    (tmp_path / "hard.log").hardlink_to(log)
    (tmp_path / "folder").symlink_to(tmp_path)
    paths = (log, "current.log", "hard.log", "folder/access-20261014.log", "folder/current.log")
    result = store(*(tmp_path / path for path in paths))
    assert (result.json["new"], result.json["known"]) == (40, 160)
    assert store(tmp_path / "current.log").json["new"] == 0
    assert "begins like" not in result.err


def test_a_log_that_was_imported_by_the_name_of_a_link(
    store: Importing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older versions did not follow links: their logs go on under the same name."""
    (tmp_path / "a.log").write_text(OLD)
    link = tmp_path / "link.log"
    link.symlink_to(tmp_path / "a.log")
    assert store(link, "--source", str(link)).json["new"] == 60
    assert store(link).json["new"] == 0


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("jsonl", '{"timestamp": 5, "topic": "a.b", "users": ["x"]}\n' * 3, 3),
        ("notebook-events", "2018-03-05T09:00:00 c s n created 1\n" * 2, 2),
    ],
)
def test_other_lines_without_ids(
    store: Importing, tmp_path: Path, form: str, text: str, expected: int
) -> None:
    (tmp_path / "x.1").write_text(text)
    (tmp_path / "x").write_text(text.replace("5", "6"))
    both = (tmp_path / "x.1", tmp_path / "x")
    given = ("--format", form, "--json")
    assert store(*both, form=given).json["new"] == 2 * expected
    assert store(*both, form=given).json["new"] == 0


def test_where_most_lines_are_refused(store: Importing, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text(request(1) * 3)
    assert "it looks like --format access-log" in store(log, form=("--format", "jsonl"), code=2).err
    log.write_text('{"timestamp": 5, "topic": "a.b"}\n' * 3)
    assert "it looks like --format jsonl" in store(log, code=2).err
    log.write_text("14/Oct/2026 00:00:01 GET /x 200\n" * 3)
    result = store(log, code=2)
    assert "3 of 3 lines are not of the format access-log" in result.err
    assert "--log-format" in result.err
    log.write_text(request(1) * 3 + "nonsense\n" * 3)
    store(log, "--source", "half")  # half of them is not most


def test_a_log_format(store: Importing, tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("ana 198.51.100.77 [14/Oct/2026:00:00:01 +0000] 12 200 GET /a/b?token=1\n" * 2)
    form = "%u %a %t %B %>s %m %U%q"
    assert store(log, "--log-format", form).json["new"] == 2
    events = store.hubbub("export", "-o", "-", "--store", store.store).out.splitlines()
    assert len(events) == 2
    for event in map(json.loads, events):
        assert (event["users"], event["objects"], event["size"]) == (["ana"], ["/a"], 12)
        assert "token" not in str(event)
        assert "198.51.100.0" in str(event)
    assert "names no time" in store(log, "--log-format", "%h %u", code=2).err
    assert "only access-log" in store(log, "--keep-queries", form=("--format", "jsonl"), code=2).err
    store(log, "--log-format", "json", code=2)  # of hubbub's own messages; no line is understood


def test_a_file_that_an_older_hubbub_imported(
    store: Importing, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubbub.collector.decode.logs import access_log
    from hubbub.collector.decode.message_id import line_number_id

    with monkeypatch.context() as older:
        older.setattr(access_log, "content_id", line_number_id)
        assert store(logs / "access.log", "--source", str(logs / "access.log")).json["new"] == 40
    with Store.open(store.store) as opened:  # an older hubbub remembered nothing of files
        for key in opened.state.keys("log:"):
            opened.state.set(key, None)
    result = store(logs / "access.log", code=2)
    assert "imported by an older hubbub" in result.err
    assert sum(store.sizes().values()) == 40
    assert store(logs / "access.log.1").json["new"] == 60  # it was not imported before
