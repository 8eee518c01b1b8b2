"""A server that is killed at random: what it answered is stored, once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from hubbub.store import Store
from tests.support.forges.hook_payloads import sign
from tests.support.processes import free_port, start

WORKERS = 4
KILLS = 3


class Senders:
    """Send numbered deliveries until each is answered, as a sender that tries again."""

    def __init__(self, url: str) -> None:
        self.url, self.answered = url, set[str]()
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(WORKERS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in self._threads:
                thread.join()

    def _send(self, worker: int) -> None:
        number = 0
        with requests.Session() as session:
            while not self.stop.is_set():
                id_ = f"delivery-{worker}-{number:010}"
                body = json.dumps({"id": id_, "sender": {"login": f"user{worker}"}}).encode()
                headers = {"X-GitHub-Event": "issues", "X-GitHub-Delivery": id_}
                headers |= sign("github", "s", body)
                try:
                    status = session.post(self.url, data=body, headers=headers, timeout=20)
                except requests.RequestException:
                    time.sleep(0.05)
                    continue  # the same delivery again
                assert status.status_code == 202
                self.answered.add(id_)
                number += 1


def test_killed_at_random(tmp_path: Path):
    config = tmp_path / "hubbub.toml"
    config.write_text('[hooks.github]\nsecret = "s"\n')
    port, store = free_port(), tmp_path / "store"
    senders = Senders(f"http://127.0.0.1:{port}/hook/github")
    with senders.running():
        for kill in range(KILLS + 1):
            before = len(senders.answered)
            command = ("--store", store, "--config", config, "serve", "--port", port)
            process = start(*command, stderr=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 120
                while len(senders.answered) < before + 20:
                    assert time.monotonic() < end
                    assert process.poll() is None
                    time.sleep(0.02)
                time.sleep(random.random())
            finally:
                if kill == KILLS:
                    senders.stop.set()
                    process.terminate()
                else:
                    process.send_signal(signal.SIGKILL)
                process.wait(60)
    with Store.open(store) as opened:
        opened.load()
        ids = opened.events().to_pyarrow()["id"].to_pylist()
        assert len(ids) == len(set(ids))
        assert senders.answered <= set(ids)
        assert len(senders.answered) >= 20 * (KILLS + 1)
        states = {span.state for span in opened.spans() if span.source == "hook:github"}
        assert "gap" in states
