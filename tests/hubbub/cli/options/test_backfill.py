"""The options of `listen --backfill`."""

import gc
import time
from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import pytest

from hubbub.cli.app import App
from hubbub.cli.options import backfill
from hubbub.cli.options.backfill import categories, track_gaps
from hubbub.collector.gaps import detector
from hubbub.collector.gaps.detector import GapDetector
from hubbub.collector.listening.listener import Counts
from hubbub.collector.zeromq.endpoint import Endpoint
from hubbub.store import Store
from tests.support.commandline import Run

NOWHERE = "tcp://127.0.0.1:9"


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        ((), ()),
        (("org.fedoraproject.prod.git.",), ("git",)),
        (("org.fedoraproject.prod.wiki.article", "org.fedoraproject.stg.git."), ("git", "wiki")),
        (("org.fedoraproject.prod.",), None),
        (("opensuse.obs.package.", "opensuse.src.pool"), ("obs.package", "src")),
        (("opensuse.obs.package",), None),
        (("opensuse.obs.",), None),
        (("org.fedoraproject.prod.gi",), None),
        (("org.fedoraproject.prod.git.", "org"), None),
    ],
)
def test_categories_that_topics_are_limited_to(topics, expected):
    assert categories(topics) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--backfill", "ftp://history"), "not the address of a history service"),
        (("--backfill", "http://h", "--topic", "org.fedoraproject.prod."), "whole categories"),
        (("--backfill", "http://h", "--settle", "soon"), "not a duration"),
    ],
)
def test_invalid_options(hubbub: Run, tmp_path, options, message):
    done = hubbub("listen", "--store", tmp_path / "s", "--zmq", NOWHERE, *options)
    assert done.code == 2
    assert message in done.err


def test_a_store_that_a_thread_still_uses_stays_open(tmp_path, monkeypatch):
    """A disk that hangs must not delay a stop, nor the last heartbeat fail for a closed store."""
    app = App()
    app.store_path = tmp_path
    listener: Any = SimpleNamespace(
        connections=[Endpoint(NOWHERE, bound=False)], counts=Counts, standstills=list
    )
    written = Flag()

    class Slow(GapDetector):
        def __init__(self, endpoints, counts, ledger, **options):
            super().__init__(endpoints, counts, ledger, **options)
            self.ledger = ledger

        def end(self):
            time.sleep(0.3)
            gc.collect()
            self.ledger.set("last", "heartbeat")
            written.set()

    monkeypatch.setattr(detector, "GapDetector", Slow)
    monkeypatch.setattr(backfill, "_STOP_TIMEOUT", 0.01)
    with track_gaps(app, listener, (), no_backfill=True):
        pass
    assert written.wait(10)
    with Store.open(tmp_path) as store:
        assert store.state.get("last") == "heartbeat"
