"""Files are replaced whole; links and devices are neither followed nor replaced by accident."""

import os
import time
from pathlib import Path

import pytest

from hubbub.store.disk.files import is_special, new_file, replace_file


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


def test_a_link_to_a_pipe_or_folder_is_not_followed(tmp_path: Path) -> None:
    """Somebody else may have put it into a folder where everybody may write."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "fd").mkdir()
    for target in ("pipe", "folder", "missing", "/dev/null", "a.svg"):
        link = tmp_path / "folder" / "fd" / "a.svg"
        link.symlink_to(target if target.startswith("/") else f"../../{target}")
        assert not is_special(link)
        replace_file(link, b"new")
        assert not link.is_symlink()
        assert link.read_bytes() == b"new"
        link.unlink()
    assert (tmp_path / "pipe").is_fifo()
    assert not (tmp_path / "missing").exists()


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"

    def write_half() -> None:
        with new_file(path) as file:
            file.write(b"half")
            assert not path.exists()
            (temporary,) = tmp_path.iterdir()
            assert len(temporary.name) >= 16, "nobody can guess it"
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_of_a_killed_process_is_deleted_after_a_day(tmp_path: Path) -> None:
    old, young = time.time() - 86_500, time.time() - 86_300
    ages = {
        ".hubbub.0123456789abcdef": old,
        ".hubbub.fedcba9876543210": young,  # another process may be writing it
        ".hubbub.notes": old,  # not a temporary file
        ".hubbub.0123456789abcdef0": old,
    }
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (age, age))
    replace_file(tmp_path / "a.svg", b"x")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*ages, "a.svg"} - {".hubbub.0123456789abcdef"}
