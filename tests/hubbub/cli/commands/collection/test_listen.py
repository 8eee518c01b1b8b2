"""`hubbub listen`: invalid endpoints, a port in use, configuration, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zmq

from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.processes import wait_until, within


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "there is nothing to listen to"),
        (["--zmq", "bus:9940"], "--zmq bus:9940: not a ZeroMQ endpoint"),
        (["--zmq-bind", "tcp://127.0.0.1:70000"], "ports end at 65535"),
        (["--zmq", "tcp://*:9940"], "a publisher's host is needed"),
    ],
)
def test_wrong_usage(hubbub: Run, tmp_path: Path, options: list[str], message: str) -> None:
    result = hubbub("listen", "--store", tmp_path / "s", *options)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "s").exists(), "no store is created for a wrong option"


def test_a_port_that_is_in_use(hubbub: Run, tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as other:
        port = other.bind_to_random_port("tcp://127.0.0.1")
        result = hubbub(
            "listen", "--store", tmp_path / "s", "--zmq-bind", f"tcp://127.0.0.1:{port}"
        )
    assert result.code == 4
    assert "another process listens there" in result.err


def test_a_file_instead_of_a_store(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file")
    result = hubbub("listen", "--store", tmp_path / "s", "--zmq", "tcp://127.0.0.1:9")
    assert result.code == 2
    assert "a store is a folder" in result.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_endpoints_of_the_configuration_and_both_signals(tmp_path: Path, number: int) -> None:
    config = tmp_path / "hubbub.toml"
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        config.write_text(
            f'log_format = "json"\n[listen]\nzmq = ["tcp://127.0.0.1:{port}"]\ntopic = ["org."]\n'
        )
        process = subprocess.Popen(
            [Path(sys.executable).with_name("hubbub"), "listen", "--store", tmp_path / "s",
             "--config", config],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        )  # fmt: skip
        assert bus.poll(30_000)
        assert bus.recv() == b"\x01org."
        body = {"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1_780_000_000,
                "topic": "org.x.prod.y.z", "username": "u"}  # fmt: skip
        bus.send_multipart([b"org.x.prod.y.z", json.dumps(body).encode()])
        wait_until(lambda: any((tmp_path / "s" / "spool").glob("*")))
        begun = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=90)
    assert time.monotonic() - begun < within(5)
    assert (process.returncode, out) == (0, "")
    lines = [json.loads(line) for line in err.splitlines()]
    (last,) = [line for line in lines if line["event"] == "stopped"]  # the loader may log after it
    assert (last["received"], last["stored"]) == (1, 1)


def test_a_signal_to_the_process_group_ends_it_in_time_with_everything_loaded(
    tmp_path: Path,
) -> None:
    """As systemd and `timeout` do it: the loader's process receives the signal too."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("hubbub"), "listen", "--store", tmp_path / "s",
             "--zmq", f"tcp://127.0.0.1:{port}"],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        )  # fmt: skip
        assert bus.poll(30_000)
        bus.recv()
        with Store.open(tmp_path / "s") as store:
            for n in (1, 2):
                wait_until(lambda: store.rows() == n - 1)  # noqa: B023 - called at once
                body: dict[str, Any] = {"i": n, "msg": {}, "msg_id": f"2026-{n}", "username": "u",
                        "timestamp": 1_780_000_000, "topic": "org.x.prod.y.z"}  # fmt: skip
                bus.send_multipart([b"org.x.prod.y.z", json.dumps(body).encode()])
            wait_until(lambda: store.waiting().records or store.rows() == 2)
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    assert time.monotonic() - begun < within(6)
    assert (process.returncode, "Traceback" in err) == (0, False)
    with Store.open(tmp_path / "s") as store:
        assert store.rows() == 2
        assert store.waiting().records == 0


def test_a_second_signal_ends_it_at_once() -> None:
    code = """
import os, signal, time
from hubbub.cli.commands.collection.listen import _stop_on_signal
with _stop_on_signal(lambda: print("stop", flush=True)):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)  # `timeout` signals its child, and then the whole group
    print("still here", flush=True)
    time.sleep(0.6)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, result.stdout) == (128 + signal.SIGTERM, "stop\nstill here\n")
