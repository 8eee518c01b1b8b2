"""The wall clock jumps under a running listener and its loader; the monotonic clock does not."""

import json
import os
from pathlib import Path

import pytest

from hubbub.collector.gaps.watched import CLOCK
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from tests.support.processes import numbered_bus, start, wait_until

LIBRARY = next(map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


class Clock:
    """The wall clock of the processes started with `environment`."""

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
        """Set the offset from the true time."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self.file)


@pytest.mark.service("faketime")
@pytest.mark.parametrize("leap", [3600, -3600, 20 * 365 * 86_400], ids=["+1h", "-1h", "+20y"])
def test_a_clock_that_jumps_and_comes_back(tmp_path: Path, leap: int) -> None:
    clock, folder, log = Clock(tmp_path), tmp_path / "store", tmp_path / "log"
    config = tmp_path / "hubbub.toml"
    config.write_text('[retention]\nevents = "1d"\nbodies = "1d"\n')

    def events() -> list[str]:
        complete = log.read_text().rpartition("\n")[0]  # the last line may be partial
        return [json.loads(line)["event"] for line in complete.splitlines()]

    with log.open("wb") as stderr, numbered_bus() as bus:
        process = start(
            "listen", "--bodies", "--config", config, "--zmq", bus.address, "--store", folder,
            "--log-format", "json", stderr=stderr, env=clock.environment,
        )  # fmt: skip
        try:
            bus.await_subscriptions()
            with bus.publishing(0.02) as stop, Store.open(folder) as store:

                def wait_for_new_rows() -> None:
                    published = bus.published
                    wait_until(lambda: store.rows() > published, 120)

                for offset in (leap, 0):
                    jumps = events().count(CLOCK)
                    wait_for_new_rows()
                    clock.set(offset)
                    wait_until(lambda: events().count(CLOCK) > jumps, 120)  # noqa: B023 - called at once
                    wait_for_new_rows()
                stop()
                wait_until(lambda: store.rows() == bus.published, 120)
                process.terminate()
                assert process.wait(90) == 0, log.read_text()
                assert store.rows() == bus.published
                assert CLOCK in {span.proof for span in store.spans()}, "the ledger has no jump"
                report = verify(store)
                assert report.clean, report.faults
                assert report.checked["bodies:rows"] == bus.published
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert "the loader died and is restarted" not in events()
