"""A store lies on a local disk, and its path is UTF-8."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store import Store
from hubbub.store.disk import filesystem
from hubbub.store.disk.filesystem import check_local, check_path, remote_type

LINE = '{"topic":"a.b.prod.git.receive","timestamp":1790000000,"id":"a","users":["ann"]}\n'


@pytest.fixture
def fuse(tmp_path: Path) -> Iterator[Path]:
    """A FUSE mount without shared mappings."""
    if os.geteuid() or not shutil.which("bindfs") or not Path("/dev/fuse").exists():
        pytest.skip("needs root and bindfs")
    back, mount = tmp_path / "back", tmp_path / "mount"
    back.mkdir()
    mount.mkdir()
    subprocess.run(["bindfs", "-o", "direct_io", back, mount], check=True, timeout=20)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True, timeout=20)


def test_a_local_disk_is_none_of_the_remote_ones(tmp_path: Path) -> None:
    assert remote_type(tmp_path / "not" / "there") == ""
    check_local(tmp_path)


def test_the_type_is_that_of_statfs(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["stat", "-f", "-c", "%t", tmp_path], capture_output=True, text=True, check=True, timeout=20
    )
    assert filesystem._magic(os.fsencode(tmp_path)) == int(shown.stdout, 16)


@pytest.mark.parametrize(("magic", "name"), [(0x6969, "NFS"), (0xFF534D42, "CIFS")])
def test_a_store_on_a_network_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: int, name: str
) -> None:
    monkeypatch.setattr(filesystem, "_magic", lambda _path: magic)
    with pytest.raises(UsageError, match=f"local disk: this is {name}") as refused:
        Store.open(tmp_path / "store")
    assert "docs/operations.md" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_fuse_is_recognised(fuse: Path) -> None:
    with pytest.raises(UsageError, match="local disk: this is FUSE"):
        Store.open(fuse / "store")
    assert list(fuse.iterdir()) == []


def test_a_file_system_without_shared_memory_is_refused_whatever_its_type(
    fuse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_magic", lambda _path: 0xEF53)
    with pytest.raises(UsageError, match="local disk"):
        Store.open(fuse / "store")
    assert [path for path in fuse.rglob("*") if path.is_file()] == []


def test_a_path_that_is_not_utf_8() -> None:
    with pytest.raises(UsageError, match="the path is not UTF-8"):
        check_path(Path("caf\udce9"))
    check_path(Path("café"))


def test_a_locale_that_cannot_name_the_path(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(LINE)
    locale = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = subprocess.run(
        [sys.executable, "-c", "from hubbub.cli.root import run; run()", "--store", "bücher",
         "import", "x.jsonl", "--format", "jsonl"],
        cwd=tmp_path, env=os.environ | locale, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert b"LC_ALL=C.UTF-8" in run.stderr
    assert b"damaged" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]
