"""Equal lines are told apart by their occurrence, whatever the way a log is read."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.collector.decode.line_reading import reading
from hubbub.collector.event import Frame
from hubbub.collector.files.follower import Follower
from hubbub.collector.files.last_line import LastLine
from hubbub.collector.files.log_files import Log, digest, is_same, second
from hubbub.collector.files.occurrences import numbered
from hubbub.errors import SourceError


class State(dict[str, Any]):
    """A ledger in memory."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def line(moment: int, what: str = "x") -> bytes:
    return f"2026-01-01T00:{moment // 60:02}:{moment % 60:02} c {what} n a 1".encode()


Line = tuple[bytes, int]


def imported(
    lines: list[bytes], state: State, stored: set[Line] | None = None, *, of_log: bool = False
) -> list[Line]:
    frames = (Frame("notebook-events:x", 0, b"", body, n) for n, body in enumerate(lines, 1))
    held = None if stored is None else lambda frame: (frame.body, 1) in stored
    log = Log("notebook-events:x", state, holds=held)  # type: ignore[arg-type]
    return [(frame.body, reading(frame).nth) for frame in numbered(frames, log, of_log=of_log)]


def multiset(numbers: set[Line]) -> Counter[bytes]:
    """How many events of each line there are."""
    return Counter(body for body, _ in numbers)


#: Lines of a log: in order of time, few different ones, two seconds apart or in the same second.
LOGS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1]), st.sampled_from("xy")), max_size=24).map(
    lambda steps: [
        line(sum(step for step, _ in steps[: n + 1]), what) for n, (_, what) in enumerate(steps)
    ]
)


@given(LOGS)
def test_a_file_again_and_grown_adds_nothing(lines: list[bytes]) -> None:
    for cut in range(len(lines) + 1):
        state, stored = State(), set[Line]()
        stored.update(imported(lines[:cut], state))
        assert multiset(stored) == Counter(lines[:cut])
        stored.update(imported(lines, state))
        stored.update(imported(lines, state))
        assert multiset(stored) == Counter(lines)


def border() -> list[bytes]:
    """A log whose rotation between the 5th and the 6th line parts equal lines."""
    return [*map(line, range(4)), line(9), line(9), line(9), *map(line, range(20, 26))]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("cut", [5, 6])
def test_equal_lines_on_both_sides_of_a_rotation(order: tuple[int, ...], cut: int) -> None:
    lines = border()
    ways = [lines[:cut], lines[cut:], lines]  # the two files, and both through cat
    state, stored = State(), set[Line]()
    for way in (*order, *order, 0, 1, 2):
        stored.update(imported(ways[way], state))
    assert multiset(stored) == Counter(lines)


def test_a_part_of_a_log_adds_nothing() -> None:
    lines, state = border(), State()
    stored = set(imported(lines, state))
    for start in range(len(lines)):
        for end in range(start, len(lines) + 1):
            stored.update(imported(lines[start:end], state, stored))
    assert multiset(stored) == Counter(lines)


@pytest.mark.parametrize("follow_first", [True, False])
def test_following_and_importing(tmp_path: Path, *, follow_first: bool) -> None:
    lines, state, stored = border(), State(), set[Line]()
    old, new = lines[:5], lines[5:]
    path = tmp_path / "f.log"

    def follow() -> None:
        now = iter(range(0, 1000, 10))
        log = Log("notebook-events:x", state)  # type: ignore[arg-type]
        path.write_bytes(b"\n".join(old) + b"\n")
        follower = Follower(
            str(path), "notebook-events", log=log, grace=1, clock=lambda: float(next(now))
        )
        for _ in range(5):
            stored.update((f.body, reading(f).nth) for f in follower.read())
        path.rename(tmp_path / "f.log.1")
        path.write_bytes(b"\n".join(new) + b"\n")
        for _ in range(5):
            stored.update((f.body, reading(f).nth) for f in follower.read())
        follower.close()

    def import_both() -> None:
        stored.update(imported(old, state))
        stored.update(imported(new, state))

    for way in (follow, import_both) if follow_first else (import_both, follow):
        way()
        assert multiset(stored) == Counter(lines)


def test_a_follower_that_is_started_again_goes_on_counting(tmp_path: Path) -> None:
    path, state = tmp_path / "f.log", State()
    path.write_bytes(b"")
    position, numbers = None, []
    for _ in range(4):
        with path.open("ab") as file:
            file.write(line(1) + b"\n")
        log = Log("notebook-events:f", state)  # type: ignore[arg-type]
        follower = Follower(str(path), "notebook-events", position, log=log)
        numbers += [reading(frame).nth for frame in follower.read()]
        position = follower.position
        follower.close()
    assert numbers == [1, 2, 3, 4]


def test_lines_before_an_error_are_kept() -> None:
    def broken() -> Any:
        yield Frame("jsonl:x", 0, b"", b"one", 1)
        raise SourceError("torn")

    got: list[bytes] = []
    with pytest.raises(SourceError, match="torn"):
        got.extend(frame.body for frame in numbered(broken(), Log("jsonl:x")))
    assert got == [b"one"]


@given(st.lists(st.sampled_from([b"a", b"b"]), max_size=40))
@example([b"a"] * 40)
def test_lines_without_a_time(lines: list[bytes]) -> None:
    state = State()
    stored = set(imported(lines, state))
    assert multiset(stored) == Counter(lines)
    assert set(imported(lines, state)) == stored


def test_the_state_holds_no_text() -> None:
    state = State()
    imported(border(), state)
    assert "2026" not in str(state)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b'1.2.3.4 - - [22/Dec/2015:03:31:01 +0000] "GET / HTTP/1.1" 200 5',
            b"22/Dec/2015:03:31:01",
        ),
        (b'{"timestamp": 1767261600.25, "topic": "a"}', b'"timestamp": 1767261600'),
        (b'{"ts":1767261600.25}', b'"ts":1767261600'),
        (b"2018-03-05T09:00:00 a b", b"2018-03-05T09:00:00"),
        (b"no time", b"no time"),
    ],
)
def test_the_second_of_a_line(text: bytes, expected: bytes) -> None:
    assert second(text) == expected


def test_beginnings() -> None:
    heads = [[digest(b"a")], [digest(b"a"), digest(b"b")], [digest(b"b")], []]
    assert [is_same(one, other) for one, other in pairwise(heads)] == [True, False, False]


def test_a_line_that_was_taken_without_its_end_is_the_line() -> None:
    state, log_lines = State(), [line(1), line(2)]
    for last in (line(3)[:-1] + b"8", line(3)[:-1] + b"801", line(3)[:-1] + b"801"):
        cut = LastLine(bool)
        cut.is_open = last.endswith(b" 8")
        frames = (Frame("x:x", 0, b"", body, 1) for body in (*log_lines, last))
        got = [(f.body, reading(f).nth) for f in numbered(frames, Log("x:x", state), cut)]  # type: ignore[arg-type]
        assert got == [(line(1), 1), (line(2), 1), (line(3)[:-1] + b"8", 1)]


@pytest.mark.parametrize(
    ("last", "taken"),
    [
        (b"a b c", False),
        (b'a "b c"', True),
        (b'a "b" 90', False),
        (b'a "b', False),
        (b'a "b" "c\\"', False),
        (b'a "unreadable"', False),
        (b'{"a": 1}', True),
        (b'{"a": {"b": 1}', False),
        (b'{"a": "b"', False),
        (b"{", False),
    ],
)
def test_the_last_line_without_an_end(last: bytes, *, taken: bool) -> None:
    judge = LastLine(lambda line: b"unreadable" not in line)
    assert judge.accepts(1, b"a b c", cut=False)
    assert judge.accepts(9, last, cut=True) is taken
    assert judge.left_out == (None if taken else 9)


def test_the_last_line_of_a_notebook_log() -> None:
    judge = LastLine(bool, by_fields=True)
    assert judge.accepts(1, b"a b c", cut=False)
    assert judge.accepts(2, b"d e f", cut=True)
    assert not judge.accepts(2, b"d e", cut=True)


@pytest.mark.parametrize(("of_log", "count"), [(True, 6), (False, 5)])
def test_a_first_second_after_a_rotation(*, of_log: bool, count: int) -> None:
    """A new file of the log has few lines yet; a pipe may as well bring the end of the old one."""
    state, old, new = State(), [line(1), line(2), line(9), line(9)], [line(9), line(10)]
    stored = set(imported(old, state))
    stored.update(imported(new[:1], state, stored, of_log=of_log))
    stored.update(imported(new, state, stored, of_log=of_log))
    assert len(stored) == count


def test_a_file_before_another_of_which_few_lines_are_known() -> None:
    old, new, state = [line(1), *[line(5)] * 3], [line(5), line(5), line(9)], State()
    stored = set(imported(new, state))
    stored.update(imported(old, state, stored))
    assert multiset(stored) == Counter(old + new)
