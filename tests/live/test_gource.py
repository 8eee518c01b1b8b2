"""Lines that Gource can read, whatever a message contains."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.event import Event
from hubbub.live.gource import GourceLog, caption, colour

LINE = re.compile(r"([1-9]\d*)\|([^|\n]+)\|([AM])\|([^|\n]+)\|([0-9A-F]{6})\n")


def event(**fields: object) -> Event:
    defaults: dict[str, object] = {
        "id": "1", "time": 1_700_000_000_000_000, "topic": "org.example.prod.git.receive",
        "category": "git", "agent": "ann", "users": ("ann", "bob"), "objects": ("rpms/vim",),
        "action": "receive", "size": 10, "source": "zmq:x", "seq": 0,
    }  # fmt: skip
    return Event(**{**defaults, **fields})  # type: ignore[arg-type]


def test_a_path_is_added_once_and_modified_later() -> None:
    log = GourceLog()
    tint = colour("git")
    assert list(log.lines(event())) == [f"1700000000|ann|A|git/receive/rpms/vim|{tint}\n"]
    later = event(time=1_700_000_060_000_000, agent="bob")
    assert list(log.lines(later)) == [f"1700000060|bob|M|git/receive/rpms/vim|{tint}\n"]


def test_one_line_for_each_object() -> None:
    lines = list(GourceLog().lines(event(objects=("rpms/vim", "rpms/git", "rpms/vim"))))
    assert [line.split("|")[3] for line in lines] == [
        "git/receive/rpms/vim", "git/receive/rpms/git",
    ]  # fmt: skip
    many = event(objects=tuple(f"p{n}" for n in range(1_000)))
    assert len(list(GourceLog().lines(many))) == 20


def test_without_a_user_the_category_acts_and_without_an_object_there_are_messages() -> None:
    (line,) = GourceLog().lines(event(agent=None, users=(), objects=()))
    assert line.split("|")[1:4] == ["git", "A", "git/receive/messages"]


def test_times_never_decrease_and_are_positive() -> None:
    log = GourceLog()
    times = [1_700_000_005_000_000, 1_700_000_000_000_000, 1_700_000_007_000_000]
    events = [event(time=when) for when in times]
    assert [line.split("|")[0] for line in log.all_lines(events)] == [
        "1700000005", "1700000005", "1700000007",
    ]  # fmt: skip
    (first,) = GourceLog().lines(event(time=0))
    assert first.startswith("1|")


def test_categories_of_a_film_have_different_colours() -> None:
    log = GourceLog()
    categories = [f"c{n}" for n in range(12)]
    lines = [next(log.lines(event(category=name))) for name in categories * 2]
    tints = [line.strip().split("|")[4] for line in lines]
    assert len(set(tints)) == 12
    assert tints[:12] == tints[12:]
    assert tints[0] == colour("c0")
    more = [next(log.lines(event(category=f"d{n}"))) for n in range(3)]
    assert more[0].strip().endswith(colour("d0"))


def test_people_are_hidden_in_paths_and_captions() -> None:
    log = GourceLog(names=False)
    hostile = event(objects=("copr/ann/vim",), topic="org.x.prod.git.branch.ann")
    (line,) = log.lines(hostile)
    assert line.split("|")[1:4:2] == ["person 1", "git/branch-person 1/copr/person 1/vim"]
    assert log.caption(hostile) == "person 1 copr/person 1/vim"


def test_people_may_be_numbered() -> None:
    log = GourceLog(names=False)
    lines = list(log.all_lines([event(), event(agent="bob"), event()]))
    assert [line.split("|")[1] for line in lines] == ["person 1", "person 2", "person 1"]
    assert not any("ann" in line or "bob" in line for line in lines)


TEXT = st.text(max_size=12) | st.sampled_from(["", "|", "a\nb", "..", "/", "\u202eabc", "\x1b[31m"])


@given(user=st.none() | TEXT, objects=st.lists(TEXT, max_size=3), topic=TEXT, category=TEXT)
def test_every_line_can_be_read(
    user: str | None, objects: list[str], topic: str, category: str
) -> None:
    hostile = event(agent=user, users=(), objects=tuple(objects), topic=topic, category=category)
    for line in GourceLog().lines(hostile):
        match = LINE.fullmatch(line)
        assert match, line
        parts = match[4].split("/")
        assert all(part.strip() and part not in {".", ".."} for part in parts)


@pytest.mark.parametrize(
    ("text", "line"),
    [("release 42", "5|release 42\n"), ("a|b\nc\u202e", "5|a b c\n"), ("\u202e", "5|?\n")],
)
def test_captions(text: str, line: str) -> None:
    assert caption(5, text) == line
