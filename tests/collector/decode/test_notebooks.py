"""Decoding lines of a notebook server's logs."""

from pathlib import Path

import pytest

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.collector.files.reader import read
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError

GOOD = b"2018-03-05T09:00:00 py-intro Jane@Example.org w1/Intro.ipynb created 8001"
NINE = 1_520_240_400_000_000  # 2018-03-05T09:00:00Z in µs


def frame(body: bytes, seq: int = 7) -> Frame:
    return Frame("notebook-events:x.raw", 1, b"", body, seq)


def test_names_of_a_line_are_not_normalised() -> None:
    missed: dict[str, str] = {}
    event = understand(frame(GOOD), missed=missed)
    assert (event.topic, event.time, event.action) == ("notebook.access", NINE, "created")
    assert (event.agent, event.users) == ("Jane@Example.org", ("Jane@Example.org",))
    assert event.objects == ("w1/Intro.ipynb",)
    assert (event.size, event.seq) == (0, 7)
    assert event.extra == {"course": "py-intro", "port": "8001"}
    assert not missed


def test_a_student_may_have_any_name() -> None:
    body = GOOD.replace(b"Jane@Example.org", "é-\U0001f600".encode())
    assert understand(frame(body)).users == ("é-\U0001f600",)


def test_equal_lines_have_different_ids() -> None:
    first, second, moved = (
        decode(Frame("notebook-events:x.raw", 1, pack(Reading(nth=nth)), GOOD, seq)).id
        for nth, seq in ((1, 1), (2, 2), (1, 9))
    )
    assert first == moved != second


@pytest.mark.parametrize("space", [b"\t", b"  ", b" \t "])
def test_any_white_space_separates_fields(space: bytes) -> None:
    assert understand(frame(GOOD.replace(b" ", space))).objects == ("w1/Intro.ipynb",)


def test_killing_a_server_has_no_notebook() -> None:
    event = understand(frame(b"2018-03-05T12:00:00 py-intro x - killing -"))
    assert (event.action, event.objects) == ("killing", ())
    assert understand(frame(b"2018-03-05T12:00:00 py-intro x - running -")).objects == ("-",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"garbage", "bad-fields"),
        (GOOD.rpartition(b" ")[0], "bad-fields"),
        (GOOD + b" more", "bad-fields"),
        (GOOD.replace(b"T09", b" 09"), "bad-fields"),
        (GOOD.replace(b"T09:00:00", b"T09:00"), "bad-time"),
        (GOOD.replace(b"09:00:00", b"09:00:00Z"), "bad-time"),
        (GOOD.replace(b"09:00:00", b"09:00:00.5"), "bad-time"),
        (GOOD.replace(b"09:00:00", b"24:00:00"), "bad-time"),
        (GOOD.replace(b"2018-03-05", b"2018-02-29"), "bad-time"),
        (GOOD.replace(b"2018", b"1969"), "bad-time"),
        (GOOD.replace(b"2018", "२०१८".encode()), "bad-time"),
        (GOOD.replace(b"Jane", b"\xff"), "bad-encoding"),
    ],
)
def test_a_malformed_line_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MessageError) as caught:
        understand(frame(body))
    assert caught.value.reason == reason


def test_comments_and_blank_lines_only_advance_the_line_number(tmp_path: Path) -> None:
    file = tmp_path / "x.raw"
    file.write_bytes(b"# head\n" + GOOD + b"\n\n  \n#\n" + GOOD + b"\n")
    assert [frame.seq for frame in read(file, "notebook-events")] == [2, 6]
    assert [frame.seq for frame in read(file, "jsonl")] == [1, 2, 5, 6]
