"""The log as JSON: one object per line from every source, without secrets."""

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import zmq

from hubbub.cli.output.logs import configure, redact
from tests.support.commandline import Run

HUBBUB = Path(sys.executable).with_name("hubbub")


@pytest.fixture
def _restore_logging() -> Iterator[None]:
    root, hook = logging.getLogger(), threading.excepthook
    handlers, level, structured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**structured)


def parsed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("_restore_logging")
def test_logs_of_libraries_warnings_and_threads_are_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", logging.INFO)
    structlog.get_logger("x").info("one", url="https://me:pw@host/?token=abc", n=1)
    logging.getLogger("urllib3").warning("retry %d of https://a:b@host/", 2)
    logging.getLogger("urllib3").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    thread = threading.Thread(target=lambda: int("boom"), name="t")
    thread.start()
    thread.join()
    captured = capsys.readouterr()
    lines = parsed(captured.err)
    assert captured.out == ""
    assert [line["level"] for line in lines] == ["info", "warning", "warning", "error"]
    assert all({"event", "timestamp"} <= line.keys() for line in lines)
    assert lines[0]["url"] == "https://…@host/?token=…"
    assert (lines[1]["event"], lines[1]["logger"]) == ("retry 2 of https://…@host/", "urllib3")
    assert "DeprecationWarning: old" in lines[2]["event"]
    assert (lines[3]["thread"], "ValueError: invalid" in lines[3]["exception"]) == ("t", True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqps://u:p@bus/x", "amqps://…@bus/x"),
        ("https://user:pw@example.org/x", "https://…@example.org/x"),
        ("amqps://u@h and tcp://h:1", "amqps://…@h and tcp://h:1"),
        ("https://h/?a=1&access_token=s3&b=2", "https://h/?a=1&access_token=…&b=2"),
        ("https://h/?a=1&token=abc&b=2", "https://h/?a=1&token=…&b=2"),
        ("tcp://bus:9940", "tcp://bus:9940"),
        ("a@example.org", "a@example.org"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.usefixtures("_restore_logging")
def test_a_failed_command_logs_json(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("listen", "--store", tmp_path / "s", "--log-format", "json")
    assert result.code == 2
    (line,) = parsed(result.err)
    assert (line["level"], line["event"]) == ("error", "there is nothing to listen to")
    assert (line["exit_code"], "--zmq" in line["hint"]) == (2, True)


def test_the_loader_process_of_a_listener_logs_json(tmp_path: Path) -> None:
    """Its table is damaged, so that it logs an error."""
    log = tmp_path / "s" / "events" / "_delta_log"
    (tmp_path / "config").write_text('log_format = "json"\n')
    subprocess.run([HUBBUB, "import", "--store", tmp_path / "s", "--config", tmp_path / "config",
                    "--format", "jsonl", "/dev/stdin"],
                   input='{"timestamp": 1, "topic": "a.b.c.d.e"}\n', text=True, check=True,
                   capture_output=True)  # fmt: skip
    (log / f"{0:020d}.json").write_text("{ torn")
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        process = subprocess.Popen(
            [HUBBUB, "listen", "--store", tmp_path / "s", "--config", tmp_path / "config",
             "--zmq", f"tcp://127.0.0.1:{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert bus.poll(30_000)
        bus.recv()
        body = {"msg": {}, "msg_id": "1", "timestamp": 1, "topic": "a.b.c.d.e", "i": 1}
        bus.send_multipart([b"a.b.c.d.e", json.dumps(body).encode()])
        assert process.stderr is not None
        err = ""
        while "cannot load" not in err:
            line = process.stderr.readline()
            assert line, err  # ended by itself
            err += line
        process.terminate()
        out, rest = process.communicate(timeout=60)
    lines = parsed(err + rest)
    assert out == ""
    failed = [line for line in lines if line["event"] == "cannot load, messages wait"]
    assert failed, lines
    assert failed[0]["level"] == "error"
    assert failed[0]["why"]
    assert str(tmp_path / "s" / "events") in failed[0]["where"]


def test_a_log_line_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", logging.INFO)
    structlog.get_logger("test").warning("said \x9b31m", why="\x1b[31m\u202ered", at=["\x07"])
    err = capsys.readouterr().err
    assert not set("\x1b\x9b\u202e\x07") & set(err)
    assert "[31mred" in err


def test_log_lines_go_to_the_current_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("text", logging.INFO)
    log = structlog.get_logger("test")
    monkeypatch.setattr(sys, "stderr", bar := io.StringIO())
    log.warning("above the bar")
    assert "above the bar" in bar.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_has_levels_a_format_and_no_secrets(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form, logging.INFO)
    log = structlog.get_logger("test")
    log.debug("not shown")
    log.info("requested", url="https://u:secret@h/", more=["tcp://x:y@h"], n=3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "secret" not in err
    assert "x:y" not in err
    assert "not shown" not in err
    if form == "json":
        line = json.loads(err)
        assert (line["event"], line["url"], line["n"]) == ("requested", "https://…@h/", 3)
        assert line["timestamp"].endswith("Z")
    else:
        assert "requested" in err
        assert "n=3" in err
        assert "\x1b" not in err


@pytest.mark.usefixtures("_restore_logging")
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", logging.INFO)

    def fail(secret: str) -> None:
        assert secret
        raise ValueError

    try:
        fail("alice" + "-lokal")
    except ValueError:
        structlog.get_logger("hubbub").exception("failed")
    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "alice-lokal" not in err


@pytest.mark.usefixtures("_restore_logging")
def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Disk(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    disk = Disk()
    monkeypatch.setattr(sys, "stderr", disk)
    configure("text", logging.INFO)
    log = structlog.get_logger("x")
    log.info("first")
    log.warning("second")
    disk.full = False
    log.info("third")
    log.info("fourth")
    lines = disk.getvalue().splitlines()
    assert lines[0] == "2 lines of the log could not be written"
    assert ["third" in lines[1], "fourth" in lines[2], len(lines)] == [True, True, 3]
