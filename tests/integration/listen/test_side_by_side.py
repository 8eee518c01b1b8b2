"""Concurrent listeners, gathers and compactions on one store lose and duplicate nothing."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hubbub.collector.history.client import History
from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from hubbub.times import iso
from tests.support.processes import numbered_bus, start, wait_until

DUPLICATES = 500


@contextmanager
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Yield a list of processes; kill those that are still running at the end."""
    processes: list[subprocess.Popen[str]] = []
    try:
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def known(store: Store, source: str) -> int:
    return store.state.counts(source).get(source, {}).get("known", 0)


def test_two_listeners_on_one_bus(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with numbered_bus() as bus, running() as processes:
        source = f"zmq:{bus.address}"
        for _ in range(2):
            processes.append(start("listen", "--zmq", bus.address, "--store", folder, "--bodies"))
        bus.await_subscriptions(2)
        with bus.publishing(0.005) as stop, Store.open(folder) as store:
            wait_until(lambda: known(store, source) > DUPLICATES)  # some rounds of both loaders
            processes[0].terminate()  # the other one continues alone
            assert processes[0].wait(90) == 0
            published = bus.published
            wait_until(lambda: store.rows() > published)
            stop()
            wait_until(lambda: store.rows() == bus.published)
        processes[1].terminate()
        _, err = processes[1].communicate(timeout=90)
        assert processes[1].returncode == 0, err
    with Store.open(folder) as store:
        counts = store.state.counts(source)[source]
        assert counts["new"] == store.rows() == bus.published
        assert counts["known"] > DUPLICATES, "both received them"
        assert "skipped" not in counts
        report = verify(store)
        assert report.clean, report.faults
        assert report.checked["bodies:rows"] == bus.published


def test_two_gathers_a_listener_and_compactions(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    since = end - timedelta(hours=6)
    with (
        HistoryServer(Traffic(seed=6, per_day=40_000), days=1) as server,
        numbered_bus() as bus,
        running() as processes,
    ):
        listener = start("listen", "--zmq", bus.address, "--store", folder)
        processes.append(listener)
        bus.await_subscriptions()
        gathers = [
            start("gather", "--since", iso(since), "--until", iso(end), "--url", server.url,
                  "--store", folder, "--json", "--allow-incomplete", stdout=subprocess.PIPE)
            for _ in range(2)
        ]  # fmt: skip
        processes.extend(gathers)
        while any(gather.poll() is None for gather in gathers):
            compaction = start("compact", "--store", folder)
            processes.append(compaction)
            _, err = compaction.communicate(timeout=120)
            assert compaction.returncode == 0, err
        for gather in gathers:
            out, err = gather.communicate(timeout=120)
            assert gather.returncode == 0, (out, err)
        listener.terminate()
        _, err = listener.communicate(timeout=90)
        assert listener.returncode == 0, err
        total = (
            History(server.url).window(int(since.timestamp()), int(end.timestamp()), rows=1).total
        )
    with Store.open(folder) as store:
        source = f"history:{server.url}"
        counts = store.state.counts(source)[source]
        refused = sum(n for name, n in counts.items() if name.startswith("refused:"))
        assert counts["new"] == store.rows()
        assert total - refused <= counts["new"] <= total
        assert "gap" not in {state for *_, state in store.state.spans(source, "")}
        report = verify(store)
        assert report.clean, report.faults
