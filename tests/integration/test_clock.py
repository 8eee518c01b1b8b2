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

from hubbub.collector.gaps.detector import CLOCK
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify

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
    stop, said, log = threading.Event(), 0, tmp_path / "log"

    def events() -> list[str]:
        # its last line may be half written
        whole = log.read_text().rpartition("\n")[0]
        return [json.loads(line)["event"] for line in whole.splitlines()]

    with log.open("wb") as out, zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        address = f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}"
        process = subprocess.Popen(
            [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen", "--bodies",
             "--config", config, "--zmq", address, "--store", folder, "--log-format", "json"],
            stderr=out, start_new_session=True, env=clock.environment,
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
                    before, jumps = said, events().count(CLOCK)
                    wait(lambda: store.rows() > before)  # noqa: B023 - waited for at once
                    clock.set(offset)
                    wait(lambda: events().count(CLOCK) > jumps)  # noqa: B023
                    before = said  # and a whole round after it
                    wait(lambda: store.rows() > before)  # noqa: B023
                stop.set()
                talker.join()
                wait(lambda: store.rows() == said)
                process.terminate()
                assert process.wait(20) == 0, log.read_text()
                assert store.rows() == said
                # our clock's times are in the ledger as what may be missing; not silently
                jumped = [span for span in store.spans() if span.proof == CLOCK]
                assert jumped
                done = verify(store)
                assert done.clean, done.faults
                assert done.checked["bodies:rows"] == said
        finally:
            stop.set()
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert "the loader died and is restarted" not in events()
