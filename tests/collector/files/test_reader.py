"""Reading files: lines, pages, gzip and truncated files."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from hubbub.collector.decode.message import decode
from hubbub.collector.files import reader
from hubbub.collector.files.reader import read
from hubbub.errors import MessageError, SourceError, UsageError


def write(tmp_path: Path, data: bytes, name: str = "x") -> Path:
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def pairs(path: Path | str, form: str = "jsonl") -> list[tuple[int, bytes]]:
    return [(frame.seq, frame.body) for frame in read(path, form)]


def test_lines_are_numbered_and_blank_ones_skipped(tmp_path: Path) -> None:
    file = write(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":2}\nlast without an end')
    (first, *_) = read(file, "jsonl")
    assert (first.source, first.topic, first.kind) == (f"jsonl:{file}", b"", "jsonl")
    assert pairs(file) == [(1, b'{"a":1}'), (4, b'{"b":2}'), (5, b"last without an end")]


@pytest.mark.parametrize("data", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_has_no_frames(tmp_path: Path, data: bytes) -> None:
    assert pairs(write(tmp_path, data)) == []
    assert pairs(write(tmp_path, data), "fedmsg") == []


def test_gzip_is_detected_by_content(tmp_path: Path) -> None:
    members = gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\n")
    assert pairs(write(tmp_path, members, "no-suffix")) == [
        (1, b"one"),
        (2, b"two"),
        (3, b"three"),
    ]
    assert pairs(write(tmp_path, b"plain\n", "x.gz")) == [(1, b"plain")]


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, *, packed: bool) -> None:
    data = b"one\ntwo\n"
    given = io.BytesIO(gzip.compress(data) if packed else data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given))
    assert pairs("-") == [(1, b"one"), (2, b"two")]
    assert not given.closed


@pytest.mark.parametrize("cut", [12, 40, -1])
def test_a_truncated_file_yields_the_lines_before(tmp_path: Path, cut: int) -> None:
    import random

    noise = random.Random(1)  # incompressible lines, so that the cut falls between them
    lines = [f"{n} {noise.randbytes(3000).hex()}".encode() for n in range(1000)]
    packed = gzip.compress(b"\n".join(lines) + b"\n")
    file = write(tmp_path, packed[: len(packed) // 2 if cut == -1 else cut])
    bodies: list[bytes] = []
    with pytest.raises(SourceError) as caught:
        bodies.extend(frame.body for frame in read(file, "jsonl"))
    assert caught.value.where.startswith(f"{file}:")
    assert "Compressed file ended" in str(caught.value)
    assert bodies == lines[: len(bodies)]
    if cut == -1:
        assert 400 < len(bodies) < 600


def test_a_damaged_gzip_is_a_source_error(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"x" * 100_000))
    packed[-6] ^= 0xFF
    with pytest.raises(SourceError, match="CRC check failed"):
        pairs(write(tmp_path, bytes(packed)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "missing", "there is no such file"),
        (lambda p: p, "this is a folder"),
        (lambda p: p / "x" / "y", "cannot be opened: Not a directory"),
    ],
)
def test_files_that_cannot_be_opened(tmp_path: Path, make: object, message: str) -> None:
    write(tmp_path, b"")
    with pytest.raises(UsageError) as caught:
        pairs(make(tmp_path))  # type: ignore[operator]
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_no_such_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format 'xml'"):
        pairs(write(tmp_path, b""), "xml")


def envelope(n: int) -> dict[str, object]:
    return {"msg_id": str(n), "topic": "a.b.c.d", "timestamp": 1767261600 + n, "msg": {"n": n}}


@pytest.mark.parametrize("indent", [None, 2])
def test_pages_of_history(tmp_path: Path, indent: int | None) -> None:
    page = {"count": 2, "raw_messages": [envelope(1), envelope(2)], "total": 2}
    file = write(tmp_path, json.dumps(page, indent=indent).encode())
    frames = list(read(file, "fedmsg"))
    assert [decode(frame).id for frame in frames] == ["1", "2"]


def test_pages_and_envelopes_line_by_line(tmp_path: Path) -> None:
    lines = [
        json.dumps(envelope(1)),
        json.dumps({"raw_messages": [envelope(2), envelope(3)]}),
        json.dumps(envelope(4) | {"msg": {"text": 'mentions "raw_messages"'}}),
        '{"raw_messages": 7}',
    ]
    lines_read = pairs(write(tmp_path, "\n".join(lines).encode()), "fedmsg")
    assert [seq for seq, _ in lines_read] == [1, 2, 2, 3, 4]
    assert lines_read[3][1] == lines[2].encode()
    assert lines_read[4][1] == lines[3].encode()


def test_a_malformed_first_line_hides_no_other(tmp_path: Path) -> None:
    lines = ['{"msg_id": "cut', *(json.dumps(envelope(n)) for n in range(3))]
    lines_read = pairs(write(tmp_path, "\n".join(lines).encode()), "fedmsg")
    assert lines_read == [(n, line.encode()) for n, line in enumerate(lines, 1)]


def test_lines_read_ahead_and_the_rest_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_LINE", 50)
    lines = ["{ broken", *(f"line {n} {'x' * (n % 30 + 1)}" for n in range(100))]
    lines_read = pairs(write(tmp_path, "\n".join(lines).encode()), "fedmsg")
    assert lines_read == [(n, line.encode()) for n, line in enumerate(lines, 1)]


def test_a_huge_line_is_truncated_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_LINE", 6 << 20)
    data = b"first\n" + b"x" * (20 << 20) + b"\nlast\n"
    frames = list(read(write(tmp_path, data), "jsonl"))
    assert [(f.seq, len(f.body)) for f in frames] == [(1, 5), (2, 6 << 20), (3, 4)]
    with pytest.raises(MessageError) as caught:
        decode(frames[1], max_message=4 << 20)
    assert caught.value.reason == "too-large"


def test_progress_reports_bytes(tmp_path: Path) -> None:
    reported: list[int] = []
    file = write(tmp_path, b"0123456789\n" * 2500)
    assert sum(1 for _ in read(file, "jsonl", progress=reported.append)) == 2500
    assert len(reported) == 2
    assert 0 < reported[0] <= reported[1] <= file.stat().st_size
