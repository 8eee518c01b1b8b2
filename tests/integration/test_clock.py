"""A clock that jumps under a running listener and its loader; monotonic time goes on as ever."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from hubbub.store import Store
from hubbub.store.verify import verify

LIBRARY = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")
TOPIC = b"org.fedoraproject.prod.git.receive"


def wait(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


class Clock:
    """What the processes of a test take for the time."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "offset"
        self.set(0)
        self.environment = {
            **os.environ,
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds: int) -> None:
        """So far from the true time."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self.file)


@pytest.mark.service("faketime")
@pytest.mark.parametrize("leap", [3600, -3600, 20 * 365 * 86_400], ids=["+1h", "-1h", "+20y"])
def test_a_clock_that_jumps_and_comes_back(tmp_path: Path, leap: int) -> None:
    clock, folder = Clock(tmp_path), tmp_path / "store"
    config = tmp_path / "hubbub.toml"
    config.write_text('[retention]\nevents = "1d"\nbodies = "1d"\n')
    stop, said = threading.Event(), 0
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        process = subprocess.Popen(
            [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen", "--bodies",
             "--config", config, "--zmq", address, "--store", folder, "--log-format", "json"],
            stderr=subprocess.PIPE, text=True, start_new_session=True, env=clock.environment,
        )  # fmt: skip

        def talk() -> None:
            nonlocal said
            while not stop.wait(0.02):
                said += 1
                body = {"i": said, "msg": {}, "msg_id": f"2026-{said}", "timestamp": time.time(),
                        "topic": TOPIC.decode()}  # fmt: skip
                publisher.send_multipart([TOPIC, json.dumps(body).encode()])

        talker = threading.Thread(target=talk)
        try:
            assert publisher.poll(30_000)
            publisher.recv()
            talker.start()
            with Store.open(folder) as store:
                for offset in (leap, 0):
                    before = said
                    wait(lambda: store.rows() > before)  # noqa: B023 - waited for at once
                    clock.set(offset)
                    # twice: what was on its way at the jump, and a whole round after it
                    for _ in range(2):
                        before = said
                        wait(lambda: store.rows() > before)  # noqa: B023
                stop.set()
                talker.join()
                wait(lambda: store.rows() == said)
                process.terminate()
                _, err = process.communicate(timeout=20)
                assert process.returncode == 0, err
                assert store.rows() == said
                # our clock's times are in the ledger as what may be missing; not silently
                jumped = [span for span in store.spans() if span.proof == "our clock jumped"]
                assert jumped
                done = verify(store)
                assert done.clean, done.faults
                assert done.checked["bodies:rows"] == said
        finally:
            stop.set()
            if process.poll() is None:
                os.killpg(process.pid, 9)
    events = [json.loads(line)["event"] for line in err.splitlines()]
    # There and back; a busy machine that reads the offset's file late may see each in two steps.
    assert events.count("our clock jumped") >= 2, err
    assert "the loader died; it is started again" not in events
