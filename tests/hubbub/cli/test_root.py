"""Exit codes, errors without tracebacks, and closed pipes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hubbub.store import Store
from tests.support.commandline import SINCE, UNTIL, Run
from tests.support.processes import free_port

HUBBUB = [sys.executable, "-c", "from hubbub.cli import main; main()"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nonsense"], "There is no command 'nonsense'"),
        (["quer"], "Did you mean query?"),
        (["what_if"], "There is no command 'what_if'. Did you mean `hubbub query what_if`?"),
        (["tail"], "Did you mean `hubbub query tail` or `hubbub chart tail`?"),
        (["query", "longtial"], "Did you mean longtail"),
        (["query", "nonsense"], "There is no query 'nonsense'"),
        (["query", "lorenz"], "There is no query 'lorenz'. Did you mean `hubbub chart lorenz`?"),
        (["chart", "users"], "There is no view 'users'. Did you mean `hubbub query users`?"),
        (["query"], "Which query? There are: active_users, "),
        (["chart"], "Which view? There are: active_users, "),
        (["chart", "radarr"], "Did you mean radar"),
        (["--colour"], "No such option"),
        (["query", "users", "--nope"], "No such option"),
        (["query", "longtail", "--window", "soon"], "--window cannot be 'soon'"),
        (["query", "longtail", "--since", "yesterday"], "--since cannot be 'yesterday'"),
        (["query", "diff", "--per", "month"], "'month' is not one of"),
        (["query", "users", "--top", "many"], "--top cannot be 'many': write a whole number"),
        (["query", "users", "--since", "1d", "--until", "2d"], "not after its beginning"),
        (["query", "users", "--since", SINCE, "--until", SINCE], "not after its beginning"),
        (["import", "/no/such/file", "--format", "jsonl"], "there is no such file"),
        (["import", "x", "--format", "xml"], "'xml' is not one of"),
        (["people", "/no/such/file"], "no such file"),
        (["--config", "/no/such/file", "status"], "this configuration file does not exist"),
        (["--plugins", "/no/such.py", "plugins"], "this plugin file does not exist"),
        (["gather", "--url", "ftp://example.org"], "not the address of a history service"),
        (["gather", "--since", "1d", "--until", "2d"], "the range is empty"),
        (["chart", "longtail", "-o", "x.gif"], "ends in .svg, .png, .html"),
        (["chart", "longtail", "-o", "/no/such/folder/x.svg"], "create it, or choose another"),
        (["report"], "Missing option '-o'"),
    ],
)
def test_wrong_usage_is_2_and_one_clear_message(hubbub: Run, args: list[str], message: str) -> None:
    result = hubbub(*args)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_a_store_that_is_a_file_is_wrong_usage(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = hubbub("query", "users", "--store", tmp_path / "file")
    assert (result.code, result.out) == (2, "")
    assert "this is a file" in result.err


def test_an_unreachable_history_is_4(hubbub: Run, tmp_path: Path) -> None:
    port = free_port()
    result = hubbub(
        "gather", "--url", f"http://u:secret@127.0.0.1:{port}/", "--store", tmp_path / "s"
    )
    assert result.code == 4
    assert f"127.0.0.1:{port}" in result.err
    assert "secret" not in result.err
    assert "Traceback" not in result.err


def test_a_damaged_or_newer_store_is_5(hubbub: Run, store: Path) -> None:
    (store / "state.sqlite").write_bytes(b"not a database" * 500)
    for leftover in store.glob("state.sqlite-*"):
        leftover.unlink()
    result = hubbub("query", "users", "--store", store)
    assert result.code == 5
    assert "Traceback" not in result.err


def test_a_lost_data_file_is_5(hubbub: Run, store: Path) -> None:
    for file in (store / "events").rglob("*.parquet"):
        file.write_bytes(b"PAR1 and nothing more PAR1")
    result = hubbub("query", "users", "--store", store)
    assert (result.code, result.out) == (5, "")


def test_a_known_gap_is_3_unless_allowed(hubbub: Run, store: Path, tmp_path: Path) -> None:
    day = 1767225600_000000
    with Store.open(store) as opened:
        opened.state.span("history:x", "", day, day + 3600_000000, "gap", "history was down")
    result = hubbub(
        "query", "users", "--since", SINCE, "--until", UNTIL, "--json", "--store", store
    )
    assert result.code == 3
    assert result.json["coverage"]["gaps"] == [
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z",
         "source": "history:x", "why": "history was down"}
    ]  # fmt: skip
    assert "gap: 2026-01-01T00:00:00Z to 2026-01-01T01:00:00Z" in result.err
    allowed = hubbub("query", "users", "--since", SINCE, "--store", store, "--allow-incomplete")
    assert allowed.code == 0
    outside = hubbub("query", "users", "--since", "2026-01-02", "--store", store)
    assert outside.code == 0
    picture = tmp_path / "x.svg"
    assert hubbub("chart", "tail", "-o", picture, "--since", SINCE, "--store", store).code == 3
    assert picture.read_bytes().startswith(b"<?xml")


def test_an_error_of_a_plugin_is_1_and_names_file_and_line(
    hubbub: Run, tmp_path: Path, registry: None
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from hubbub import query\n\n@query\ndef breaks(events):\n    return {}['missing']\n"
    )
    result = hubbub("query", "breaks", "--plugins", plugin)
    assert result.code == 1
    assert f"{plugin}:5: query 'breaks' failed: KeyError: 'missing'" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in hubbub("-vv", "query", "breaks", "--plugins", plugin).err


def test_an_unexpected_error_is_1(hubbub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubbub.cli.app.App.plugins", lambda _self: 1 / 0)
    result = hubbub("plugins")
    assert result.code == 1
    assert "internal error: ZeroDivisionError" in result.err
    assert "Traceback" not in result.err


def test_a_closed_pipe_is_not_an_error(tmp_path: Path) -> None:
    lines = "".join(
        json.dumps({"id": str(n), "topic": "a.b.c.d", "msg": {}}) + "\n" for n in range(20000)
    )
    file = tmp_path / "many.jsonl"
    file.write_text(lines)
    process = subprocess.Popen(
        [*HUBBUB, "people", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_output_without_room_is_4_and_closed_output_no_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*HUBBUB, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    message = (
        b"hubbub: standard output: no space is left for the output\n"
        b"  free some space there, or write elsewhere\n"
    )
    assert (done.returncode, done.stderr) == (4, message)
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *HUBBUB, "--version"], capture_output=True, check=False
    )
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, b"", b"")


def test_an_error_cannot_control_the_terminal(hubbub: Run) -> None:
    result = hubbub("people", "no\x1b[31m\u202efile\x9b")
    assert result.code == 2
    assert "no[31mfile: there is no such file" in result.err
    assert not set("\x1b\x9b\u202e") & set(result.err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_130(number: signal.Signals, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        process = subprocess.Popen(
            [*HUBBUB, "gather", "--url", url, "--store", str(tmp_path / "s")],
            stderr=subprocess.PIPE,
            env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
        )
        silent.settimeout(60)
        connection, _ = silent.accept()  # the request is never answered
        time.sleep(0.2)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == 130
    assert b"interrupted" in err
    assert b"Traceback" not in err


ENDING = """
import atexit, sys, threading, time
from hubbub.cli import main, root

class Left:
    def __del__(self):
        print("taken apart")

left = Left()

def command():
    atexit.register(print, "handler")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
    return 3

root.execute = command
main()
"""


def test_a_process_ends_after_its_threads_and_handlers_without_taking_objects_apart() -> None:
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"thread\nhandler\n", b"")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_nobody_reads_the_help(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*HUBBUB, *arguments], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


STREAMS = """
import os
from hubbub.cli import root

def command():
    return 7 if os.open(os.devnull, os.O_RDONLY) > 2 else 8

root.execute = command
root.run()
"""


def test_no_file_is_opened_as_a_closed_stream() -> None:
    command = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", STREAMS]
    assert subprocess.run(command, check=False).returncode == 7


FAILING = """
import sys
from hubbub.cli import main, root

root.execute = lambda: sys.stdout.write("x") and 2
main()
"""


def test_output_that_cannot_be_written_does_not_change_the_code_of_an_error() -> None:
    environ = os.environ | {"PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", FAILING],
            stdout=full, stderr=subprocess.PIPE, check=False, env=environ,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, b"")
