"""Files that plugins publish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.store import Store
from hubbub.store.plugin_data.files import Files, find

NOW = 1_000_000.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        yield store


class Clock:
    """Seconds that a test sets."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mine(opened: Store, clock: Clock) -> Files:
    return Files(opened.state, "module_mine", "mine", "https://stats.example.org", clock)


def write(files: Files, name: str, text: str = "text", mode: str = "w") -> None:
    with files.open(name, mode) as file:
        file.write(text)


def test_files_are_texts_as_they_were_written(mine: Files) -> None:
    assert not mine.exists("a.txt")
    write(mine, "a.txt", "café\r\nline\n")
    write(mine, "a.txt", "more", "at")
    assert mine.exists("a.txt")
    with mine.open("a.txt") as file:
        assert file.read() == "café\r\nline\nmore"
    mine.remove("a.txt")
    assert not mine.exists("a.txt")
    for wrong in (mine.open, mine.remove):
        with pytest.raises(FileNotFoundError):
            wrong("a.txt")


def test_modules_never_see_each_other(opened: Store, mine: Files) -> None:
    write(mine, "a.txt")
    other = Files(opened.state, "module_other", "mine")
    assert not other.exists("a.txt")
    write(other, "a.txt", "other")
    other.remove("a.txt")
    assert mine.exists("a.txt")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "a\0b", "a\nb", "x" * 201, "é" * 101],
)
def test_what_is_no_file_name_is_refused(opened: Store, mine: Files, name: str) -> None:
    for action in (mine.open, mine.exists, mine.remove, mine.get_url):
        with pytest.raises(ValueError, match="is not a file name"):
            action(name)
    with pytest.raises(ValueError, match="is not a file name"):
        mine.expire(name, 1)
    assert find(opened.path, "module_mine", name) is None
    assert find(opened.path, name, "a.txt") is None


@pytest.mark.parametrize("mode", ["", "rb", "wb", "q", "rw", "t", "r++"])
def test_only_text_modes(mine: Files, mode: str) -> None:
    with pytest.raises(ValueError, match="is not a mode for text"):
        mine.open("a.txt", mode)


def test_addresses_end_in_module_and_name(opened: Store, mine: Files) -> None:
    assert mine.get_url("a b&.txt") == "https://stats.example.org/files/mine/a%20b%26.txt"
    assert Files(opened.state, "m", "3f0c11aa/mine").get_url("x") == "/files/3f0c11aa/mine/x"


def test_links_are_not_followed(tmp_path: Path, opened: Store, mine: Files) -> None:
    write(mine, "a.txt")
    (tmp_path / "secret").write_text("secret")
    link = opened.path / "plugins" / "files" / "module_mine" / "link"
    link.symlink_to(tmp_path / "secret")
    assert find(opened.path, "module_mine", "link") is None
    with pytest.raises(OSError, match=r"symbolic link|Too many levels"):
        mine.open("link")
    assert find(opened.path, "module_mine", "a.txt") == link.with_name("a.txt")


def test_expired_files_stay_until_the_job_has_run(mine: Files, clock: Clock) -> None:
    for name in ("forever", "soon", "later", "kept", "days"):
        write(mine, name)
    mine.expire("soon", 10)
    mine.expire("later", 10)
    mine.expire("later", 100)
    mine.expire("kept", 10)
    mine.expire("kept", 0, expires=False)
    mine.expire("days", 0, days=1)
    clock.now = NOW + 10
    assert mine.exists("soon")
    assert mine.remove_expired() == ["module_mine/soon"]
    assert mine.remove_expired() == []
    clock.now = NOW + 86_400
    assert mine.remove_expired() == ["module_mine/days", "module_mine/later"]
    assert [name for name in ("forever", "soon", "kept") if mine.exists(name)] == [
        "forever",
        "kept",
    ]


def test_a_removed_file_leaves_no_expiry(mine: Files, clock: Clock) -> None:
    write(mine, "a.txt")
    mine.expire("a.txt", 10)
    mine.remove("a.txt")
    write(mine, "a.txt", "new")
    clock.now += 100
    assert mine.remove_expired() == []
    assert mine.exists("a.txt")
