"""deploy/hubbub-serve.service: a valid command line, stopped in time."""

import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import requests

from hubbub.cli.commands.live.serve import serve
from tests.deploy.units import read
from tests.support.processes import free_port, within
from tests.support.stores.small_store import fill, lines


def test_it_serves_the_store_of_the_listener_with_its_account() -> None:
    service, listener = (
        read("hubbub-serve.service")["Service"],
        read("hubbub-listen.service")["Service"],
    )
    command = shlex.split(service["ExecStart"])
    assert command[:2] == ["/opt/hubbub/bin/hubbub", "serve"]
    serve.make_context("serve", command[2:])
    listen = shlex.split(listener["ExecStart"])
    for option in ("--store", "--config", "--log-format"):
        assert command[command.index(option) + 1] == listen[listen.index(option) + 1]
    keys = ("User", "Group", "DynamicUser", "StateDirectory", "UMask", "RestartPreventExitStatus")
    for key in keys:
        assert service[key] == listener[key]


def started(store: Path) -> tuple["subprocess.Popen[str]", str]:
    """Start `hubbub serve` on a free port; return it and its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from hubbub.cli import main; main()", "serve",
         "--store", str(store), "--port", str(port), "--auth", "none"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 90
    while True:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return process, f"http://127.0.0.1:{port}"
        time.sleep(0.1)


def test_two_servers_of_one_store_answer_and_stop_in_time(tmp_path: Path) -> None:
    store = tmp_path / "store"
    fill(store, lines(50))
    first, url = started(store)
    second, other = started(store)
    try:
        answers = [requests.get(f"{at}/query/users.json", timeout=60) for at in (url, other)]
        assert answers[0].status_code == 200, answers[0].text
        assert answers[0].json() == answers[1].json()
        # connections that are open, one of them in the middle of a request
        host, port = url.removeprefix("http://").split(":")
        idle = socket.create_connection((host, int(port)))
        half = socket.create_connection((host, int(port)))
        half.sendall(b"GET /query/users.json HTTP/1.1\r\nHost: ")
        began = time.monotonic()
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
        for process in (first, second):
            errors = process.communicate(timeout=90)[1]
            assert process.returncode == 0, errors
            assert "Traceback" not in errors
        assert time.monotonic() - began < within(10)  # 5 s on a machine that does nothing else
        idle.close()
        half.close()
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_a_store_that_does_not_exist_is_created(tmp_path: Path) -> None:
    process, url = started(tmp_path / "new")
    try:
        health = requests.get(f"{url}/healthz", timeout=60)
        assert (health.status_code, health.json()["status"]) == (200, "ok")
        assert (tmp_path / "new" / "state.sqlite").exists()
        assert requests.get(f"{url}/query/users.json", timeout=60).json()["data"] == []
    finally:
        process.terminate()
        process.communicate(timeout=90)
