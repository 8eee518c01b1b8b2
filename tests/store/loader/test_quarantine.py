"""A damaged segment is set aside: its time is a gap, also where the loader is killed meanwhile."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import alive_key
from hubbub.store import Store
from hubbub.store.disk import quarantine

Make = Callable[..., Any]


def test_killed_before_the_file_is_moved_the_gap_is_noted_and_once(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.state.set(alive_key("bus"), 1)
    with store.spool("test") as writer:
        writer.put(frame(1))
    (one,) = (store.path / "spool").glob("*.seg")
    data = bytearray(one.read_bytes())
    data[0] ^= 1
    one.write_bytes(data)

    def killed(_store: Path, _path: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "move_to_quarantine", killed)
        with pytest.raises(KeyboardInterrupt):
            store.load()
    noted = store.state.spans("bus", "")
    assert [state for _, _, state in noted] == ["gap"]
    assert one.exists(), "the next load finds it"
    store.load()
    assert store.state.spans("bus", "") == noted
    assert not one.exists()
    assert len(quarantine.quarantined(store.path)) == 1


def test_a_loader_imports_no_network() -> None:
    """It shares words with collectors, and none of their libraries: 8 MB of its memory."""
    code = "import sys, hubbub.store.loader.loader; print({'requests', 'zmq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
