"""`hubbub serve` as a process: what it says at its start, and what its log never holds."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.commandline import Run
from tests.support.processes import start, wait_until


@contextmanager
def running(folder: Path, log: Path, *options: str) -> Iterator[str]:
    """Run the server while the block runs; yields its address."""
    with log.open("w") as file:
        process = start(
            "serve", "--store", folder, "--port", 0, "--log-format", "json", "-vv", *options,
            stdout=file.fileno(), stderr=file,
        )  # fmt: skip
        try:
            wait_until(lambda: '"serving"' in log.read_text() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            url = next(line["url"] for line in lines(log) if line.get("event") == "serving")
            wait_until(lambda: answers(url))
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}healthz", timeout=60).status_code == 200
    except requests.ConnectionError:  # it does not listen yet
        return False


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_no_secret_is_in_the_log_at_any_level(folder: Path, tmp_path: Path) -> None:
    now = time.time_ns() // 1000
    with Store.open(folder) as store:
        _, admin = tokens.add(store.state, "admin", ["admin"], now=now, expires=None)
        _, link = tokens.add(store.state, "page", person="ann", now=now, expires=None)
    wrong = "hubbub_" + "wrongwrong" * 4 + "abc"
    log = tmp_path / "log"
    with running(folder, log) as url, requests.Session() as browser:
        for secret in (admin, link, wrong):
            bearer = {"Authorization": f"Bearer {secret}"}
            for path in (
                *("query/users.json", "query/nothing.json", "query/volume.json?since=nonsense"),
                *(f"query/volume.json?x={secret}", f"view/tail.svg?theme={secret}", secret),
                *(f"me?token={secret}", f"login?token={secret}"),
            ):
                requests.get(url + path, headers=bearer, timeout=60)
                requests.get(url + path, timeout=60)
            requests.post(f"{url}login", data={"token": secret}, timeout=60)
            requests.get(f"{url}healthz", headers={"Host": "evil", **bearer}, timeout=60)
            requests.post(f"{url}login", headers={"Sec-Fetch-Site": "cross-site", **bearer},
                          timeout=60)  # fmt: skip
            host, port = url.removeprefix("http://").strip("/").split(":")
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(f"GET /me?token={secret} HTTP/9.9\r\nX: \0\r\n\r\n".encode())
                connection.recv(1000)
        assert browser.post(f"{url}login", data={"token": admin}, timeout=60).status_code != 401
        session = browser.cookies["hubbub_session"]
        assert browser.get(f"{url}query/users.json", timeout=60).status_code == 200
        browser.post(f"{url}logout", timeout=60)
    text = log.read_text()
    assert "serving" in text
    found = [secret for secret in (admin, link, wrong, session) if secret in text]
    assert [secret[:12] for secret in found] == []
    stored = b"".join(path.read_bytes() for path in folder.glob("state*"))
    assert not [secret for secret in (admin, link, session) if secret.encode() in stored]


def test_without_authentication_it_says_so_and_serves_this_machine_only(
    folder: Path, tmp_path: Path, hubbub: Run
) -> None:
    log = tmp_path / "log"
    with running(folder, log, "--auth", "none", "--root-path", "/load") as url:
        answer = requests.get(f"{url}load/query/users.json", timeout=60)
        assert answer.json()["data"][0]["user"] == "ann"
        assert url.startswith("http://127.0.0.1:")
    [warning] = [line for line in lines(log) if line.get("level") == "warning"]
    assert re.search("every client on this machine may do everything", warning["event"])
    for host in ("0.0.0.0", "::"):
        result = hubbub("serve", "--auth", "none", "--host", host, "--store", folder)
        assert result.code == 2
        assert f"without authentication, {host} would be open to other machines" in result.err
        assert "hubbub tokens add" in result.err
