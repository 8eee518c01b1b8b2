"""Files are replaced whole; links and devices are neither followed nor replaced by accident."""

import os
from pathlib import Path

import pytest

from hubbub.store.disk.files import is_special, replace_file


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    replace_file(path, b"1")
    replace_file(path, b"2")
    assert path.read_bytes() == b"2"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_a_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "precious", tmp_path / "a.svg"
    target.write_bytes(b"kept")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert target.read_bytes() == b"kept"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "a.svg"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_devices_are_written(tmp_path: Path) -> None:
    assert is_special(Path("/dev/null"))
    assert is_special(Path("/dev/stdout"))
    assert not is_special(tmp_path / "new")
    replace_file(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()
    os.mkfifo(tmp_path / "pipe")
    assert is_special(tmp_path / "pipe")
