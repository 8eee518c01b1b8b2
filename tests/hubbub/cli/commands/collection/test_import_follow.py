"""`hubbub import --follow` on logs that grow and are rotated."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.collector.decode.message_id import line_number_id
from hubbub.errors import StoreError
from hubbub.store import Store
from tests.support.commandline import Run

HUBBUB = Path(sys.executable).with_name("hubbub")
LINE = '10.0.0.{} - ana [22/Dec/2015:03:31:{:02} +0000] "GET /x/{} HTTP/1.1" 200 {}\n'


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(n, n, n, n) for n in range(first, last))


class Following:
    """A process of `hubbub import --follow`."""

    def __init__(self, log: Path, store: Path, form: str = "access-log", *options: str) -> None:
        self.log, self.store, self.form, self.err = log, store, form, ""
        command = [HUBBUB, "import", log, "--format", form, "--follow", "--json", *options]
        self.process = subprocess.Popen(
            [*map(str, command), "--store", str(store)], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def _place(self) -> dict[str, object] | None:
        with Store.open(self.store, create=False) as store:
            place: dict[str, object] | None = store.state.get(f"follow:{self.form}:{self.log}")
        return place

    def until(self, offset: int) -> None:
        """Wait until `offset` bytes of the current file were read."""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            place = None
            if (self.store / "state.sqlite").exists():
                with contextlib.suppress(StoreError):  # it is being created
                    place = self._place()
            if place and (place["inode"], place["offset"]) == (self.log.stat().st_ino, offset):
                return
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        raise AssertionError(f"not read up to {offset}")

    def stop(self, code: int = 0) -> dict[str, object]:
        self.process.send_signal(signal.SIGTERM)
        out, self.err = self.process.communicate(timeout=90)
        assert self.process.returncode == code, self.err
        answer: dict[str, object] = json.loads(out)
        return answer


@pytest.fixture
def started() -> Iterator[list[Following]]:
    running: list[Following] = []
    yield running
    for process in running:
        if process.process.poll() is None:
            os.kill(process.process.pid, signal.SIGKILL)
            process.process.communicate()


def test_a_log_that_grows_is_rotated_and_followed_again(
    tmp_path: Path, started: list[Following], hubbub: Run
) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    log.write_text(lines(0, 3))
    first_run = Following(log, store)
    started.append(first_run)
    first_run.until(len(lines(0, 3)))
    with log.open("a") as file:
        file.write(lines(3, 5)[:-9])  # half-written
    log.rename(tmp_path / "access.log.1")
    log.write_text(lines(5, 6))
    with (tmp_path / "access.log.1").open("a") as file:
        file.write(lines(3, 5)[-9:])
    first_run.until(len(lines(5, 6)))
    assert first_run.stop() == {"read": 6, "new": 6, "known": 0, "refused": {}}
    with log.open("a") as file:
        file.write(lines(6, 8))
    second_run = Following(log, store)
    started.append(second_run)
    second_run.until(len(lines(5, 8)))
    assert second_run.stop() == {"read": 2, "new": 2, "known": 0, "refused": {}}
    result = hubbub("query", "traffic", "--period", "1min", "--json", "--store", store)
    (row,) = result.json["data"]
    assert (row["total_hits"], row["total_bytes"]) == (8, sum(range(8)))


def test_a_file_that_is_followed_is_not_finished(hubbub: Run, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(lines(1, 3))
    result = hubbub("import", str(log), "--format", "access-log", "--follow", "--finished")
    assert (result.code, "leave out --finished or --follow" in result.err) == (2, True)


def test_files_that_cannot_be_followed(hubbub: Run, tmp_path: Path) -> None:
    store = ["--store", tmp_path / "store", "--follow"]
    for name, form in (("-", "access-log"), (tmp_path / "none", "access-log"), ("x", "fedmsg")):
        result = hubbub("import", name, "--format", form, *store)
        assert result.code == 2
        assert any(
            word in result.err for word in ("cannot be followed", "no such file", "cannot be")
        )


def test_system_counts_that_grow(tmp_path: Path, started: list[Following], hubbub: Run) -> None:
    log, store = tmp_path / "counts.raw", tmp_path / "store"
    first = "# running load\n2020-01-01T00:00:00 1 2\n"
    log.write_text(first)
    first_run = Following(log, store, "notebook-counts", "--columns", "running,load")
    started.append(first_run)
    first_run.until(len(first))
    second = "2020-01-01T00:05:00 3\n2020-01-01T00:10:00 x 4\n"
    with log.open("a") as file:
        file.write(second + "2020-01-01T00:15")  # half-written
    first_run.until(len(first + second))
    assert first_run.stop() == {"read": 3, "new": 2, "known": 0, "refused": {"bad-value": 1}}
    log.rename(tmp_path / "counts.raw.1")
    log.write_text("2020-01-01T00:20:00 5 6\n")
    second_run = Following(log, store, "notebook-counts", "--columns", "running,load")
    started.append(second_run)
    second_run.until(log.stat().st_size)
    assert second_run.stop()["new"] == 1
    result = hubbub("query", "monitor_counts", "--json", "--store", store)
    assert result.json["data"] == {
        "runnings": [1, 3, 5],
        "loads": [2, None, 6],
        "timestamps": [f"2020-01-01T00:{minute}:00" for minute in ("00", "05", "20")],
    }


def test_columns_are_for_counts_only_when_following_too(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    arguments = [tmp_path / "x", "--format", "notebook-events", "--follow", "--columns", "a"]
    result = hubbub("import", *arguments, "--store", tmp_path / "store")
    assert result.code == 2
    assert "--columns" in result.err


def test_a_file_of_another_format_is_said(tmp_path: Path, started: list[Following]) -> None:
    log = tmp_path / "x.log"
    log.write_text('{"timestamp": 5, "topic": "a.b"}\n' * 3)
    run = Following(log, tmp_path / "store")
    started.append(run)
    run.until(log.stat().st_size)
    assert run.stop(2)["refused"] == {"malformed": 3}
    assert run.err.count("3 of 3 lines are not of the format access-log") == 2, (
        "at once, at the end"
    )
    assert "it looks like --format jsonl" in run.err


def test_a_file_that_came_through_a_pipe_before(
    tmp_path: Path, started: list[Following], hubbub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    log.write_text(lines(0, 4))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    assert hubbub("import", "-", "--format", "access-log", "--store", store).code == 0
    link = tmp_path / "link.log"
    link.symlink_to(log)
    for path, new in ((log, 0), (link, 0)):
        run = Following(path, store)
        started.append(run)
        run.until(log.stat().st_size)
        assert run.stop()["new"] == new


def test_a_file_that_an_older_hubbub_imported_is_not_followed(
    tmp_path: Path, hubbub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "access.log", tmp_path / "store"
    log.write_text(lines(0, 4))
    options = (log, "--format", "access-log", "--store", store)
    with monkeypatch.context() as older:
        older.setattr("hubbub.collector.decode.logs.access_log.content_id", line_number_id)
        assert hubbub("import", *options).code == 0
    with Store.open(store) as opened:
        for key in opened.state.keys("log:"):
            opened.state.set(key, None)
    result = hubbub("import", *options, "--follow")
    assert result.code == 2
    assert "was imported by an older hubbub" in result.err
