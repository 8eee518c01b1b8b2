"""The file of affiliations: what it says, and how it can be wrong."""

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
    one, two, three = read(written(tmp_path, text))
    assert (one.account, one.organisation) == ("alice", "Example, Inc.")
    assert (one.start, one.end) == (datetime(2019, 3, 1, tzinfo=UTC), two.start)
    assert two.end == STILL
    assert (three.account, three.organisation, three.start) == ("bob", "", ALWAYS)
    assert three.where.endswith("who.csv:6")


HEAD = "account,organisation,from,to\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("account,organisation,to\n", r"who.csv:1: .* lack the column 'from'"),
        (HEAD + ",X,,\n", "without an account"),
        (HEAD + "a,X,yesterday,\n", "'yesterday' is no day"),
        (HEAD + "a,X,2024-01-02,2024-01-02\n", "not after 2024-01-02"),
        (HEAD + 'a,"X,,\n', "no CSV"),
        (
            HEAD + "a,X,,\nb,Y,,\na,Z,2024-01-01,\n",
            r"'a' is with two organisations from 2024-01-01",
        ),
    ],
)
def test_what_is_wrong_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        read(written(tmp_path, text))
    assert "who.csv:" in str(raised.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"account,\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(tmp_path / "latin.csv")
    assert read(written(tmp_path, "")) == ()


def test_an_accounts_line_holds_for_the_person(tmp_path: Path) -> None:
    lines = read(written(tmp_path, HEAD + "old,X,,2020-01-01\nnew,Y,2020-01-01,\nbob,X,,\n"))
    found = by_person(lines, Persons({"old": "new"}))
    assert [line.account for line in found] == ["new", "new", "bob"]
    with pytest.raises(UsageError, match=r"'bob' is with two organisations .*: X \(.*who.csv:2\)"):
        by_person(lines, Persons({"old": "bob", "new": "bob"}))
