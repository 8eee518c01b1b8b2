"""The file of affiliations: its columns, and its errors."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store.query.affiliations import ALWAYS, STILL, by_person, read
from hubbub.store.query.identity import Persons


def written(folder: Path, text: str) -> Path:
    path = folder / "who.csv"
    path.write_bytes(text.encode())
    return path


def test_lines(tmp_path: Path) -> None:
    text = (
        "\ufeffTo,organisation,account,from,note\r\n"
        '# a comment\r\n\r\n2024-07-01,"Example, Inc.", alice ,2019-03-01,x\r\n'
        ",Other,alice,2024-07-01\r\n,,bob,,\r\n"
    )
    first, second, third = read(written(tmp_path, text))
    assert (first.account, first.organisation) == ("alice", "Example, Inc.")
    assert (first.start, first.end) == (datetime(2019, 3, 1, tzinfo=UTC), second.start)
    assert second.end == STILL
    assert (third.account, third.organisation, third.start) == ("bob", "", ALWAYS)
    assert third.where.endswith("who.csv:6")


HEAD = "account,organisation,from,to\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account,organisation,to\n", r"who.csv:1: .* lack the column 'from'"),
        (HEAD + ",X,,\n", "without an account"),
        (HEAD + "a,X,yesterday,\n", "'yesterday' is not a date"),
        (HEAD + "a,X,2024-01-02,2024-01-02\n", "not after 2024-01-02"),
        (HEAD + 'a,"X,,\n', "not CSV"),
        (
            HEAD + "a,X,,\nb,Y,,\na,Z,2024-01-01,\n",
            r"'a' is with two organisations from 2024-01-01",
        ),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read(written(tmp_path, text))
    assert "who.csv:" in str(raised.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"account,\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(tmp_path / "latin.csv")
    assert read(written(tmp_path, "")) == ()


def test_an_accounts_line_applies_to_the_person(tmp_path: Path) -> None:
    lines = read(written(tmp_path, HEAD + "old,X,,2020-01-01\nnew,Y,2020-01-01,\nbob,X,,\n"))
    merged = by_person(lines, Persons({"old": "new"}))
    assert [line.account for line in merged] == ["new", "new", "bob"]
    with pytest.raises(UsageError, match=r"'bob' is with two organisations .*: X \(.*who.csv:2\)"):
        by_person(lines, Persons({"old": "bob", "new": "bob"}))
