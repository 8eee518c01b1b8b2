"""A damaged segment is quarantined; its time is a gap, also if the loader is killed meanwhile."""

import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.collector.event import alive_key
from hubbub.store import Store
from hubbub.store.disk import quarantine
from hubbub.store.loader import damage
from tests.support.stores.filling import MakeFrame, put


def test_a_loader_killed_before_the_file_is_moved_records_the_gap_once(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.state.set(alive_key("bus"), 1)
    put(store, frame(1))
    (segment,) = (store.path / "spool").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[0] ^= 1
    segment.write_bytes(data)

    def killed(_store: Path, _path: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(damage, "move_to_quarantine", killed)
        with pytest.raises(KeyboardInterrupt):
            store.load()
    spans = store.state.spans("bus", "")
    assert [state for _, _, state in spans] == ["gap"]
    assert segment.exists(), "the next load quarantines it"
    store.load()
    assert store.state.spans("bus", "") == spans
    assert not segment.exists()
    assert len(quarantine.quarantined(store.path)) == 1


def test_a_loader_imports_no_network_library() -> None:
    """It uses modules of the collector, but not their libraries, which take 8 MB of memory."""
    code = "import sys, hubbub.store.loader.loader; print({'requests', 'zmq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_folder_is_the_one_that_the_documentation_names(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("alice")
    assert quarantine.move_to_quarantine(tmp_path, tmp_path / "x") == tmp_path / "aside" / "x"
    assert [path.name for path in quarantine.quarantined(tmp_path)] == ["x"]
    quarantine.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []
