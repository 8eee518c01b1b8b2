"""The folder of a site: only its own files are replaced and deleted; a killed run is completed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.publish import write as module
from hubbub.publish.write import LIST, check_folder, write
from hubbub.store.disk import files

OLD = {"index.html": b"1", "views/a.svg": b"a", "views/b.svg": b"b", "cards/a.png": b"p"}
NEW = {"index.html": b"2", "views/a.svg": b"a"}


def test_files_that_are_no_longer_part_of_it_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert write(tmp_path, OLD) == (4, 4, 0)
    assert write(tmp_path, OLD) == (4, 0, 0)
    (tmp_path / "views" / "b.svg").write_text("edited")
    assert write(tmp_path, NEW) == (2, 1, 1)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert left == ["README.md", LIST, "index.html", "views/a.svg", "views/b.svg"]
    assert not (tmp_path / "cards").exists()


def test_files_of_something_else_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    for refused in (lambda: check_folder(tmp_path), lambda: write(tmp_path, NEW)):
        with pytest.raises(UsageError, match="not of a published site"):
            refused()
    (tmp_path / "index.html").unlink()
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "a.svg").write_text("mine")
    with pytest.raises(UsageError, match=r"a\.svg"):
        write(tmp_path, NEW)
    assert (tmp_path / "views" / "a.svg").read_text() == "mine"
    assert not (tmp_path / "index.html").exists()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "views").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="views"):
        write(tmp_path / "site", NEW)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("nth", range(6))
def test_a_run_that_is_killed_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    write(tmp_path, NEW)
    real, calls = files.replace_file, iter(range(100))

    def replace(path: Path, content: bytes) -> None:
        if next(calls) == nth:
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(module, "replace_file", replace)
    try:
        write(tmp_path, OLD)
    except KeyboardInterrupt:
        monkeypatch.setattr(module, "replace_file", real)
    write(tmp_path, OLD)
    there = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert there == {*OLD, LIST}
    assert all((tmp_path / path).read_bytes() == content for path, content in OLD.items())


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("x")
    with pytest.raises(UsageError, match="this is a file"):
        check_folder(tmp_path / "site")


def test_a_damaged_list_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, NEW)
    (tmp_path / LIST).write_text('{"files": [')
    with pytest.raises(UsageError, match="cannot be read"):
        write(tmp_path, NEW)
