"""Read frames from files and standard input, plain or gzip, one message per line.

Each line that is not blank gives a `Frame` whose `seq` is the line number, from 1. A page of a
history service (a JSON object with `raw_messages`, on one line or several) gives a frame for each
of its messages. Nothing is decoded here: malformed lines are refused by the decoder, so that they
are counted and kept as dead letters.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import msgspec

from hubbub.collector.decode.formats import FORMATS, LINE_DECODERS
from hubbub.collector.decode.logs.access_log import section
from hubbub.collector.event import Frame
from hubbub.collector.files.last_line import LastLine
from hubbub.errors import SourceError, UsageError

__all__ = ["FORMATS", "MAX_LINE", "plain_lines", "read", "section"]

#: Bytes of the longest line or page that is read; a page of 100 messages of 80 kB has 8 MB.
MAX_LINE = 64 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_READ_ERRORS = (EOFError, zlib.error, OSError)  # OSError includes gzip.BadGzipFile


_Raw: TypeAlias = "io.BufferedReader[Any]"


class _Page(msgspec.Struct):
    """A page of history, whose messages are not parsed."""

    raw_messages: list[msgspec.Raw]


_page = msgspec.json.Decoder(_Page)
_any_json = msgspec.json.Decoder(msgspec.Raw)


def read(
    path: str | os.PathLike[str],
    form: str,
    *,
    source: str | None = None,
    last: LastLine | None = None,
    wanted: Callable[[bytes], bool] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a file.

    Args:
        path: a file, plain or gzip (detected by its first bytes), or `-` for standard input.
        form: one of `FORMATS`: `jsonl` (hubbub's own format), `fedmsg` (one envelope per line, or
            pages of history), `perceval` and `gharchive` (see `decode.items`), `notebook-events`
            and `notebook-counts` (see `decode.notebooks`), `access-log` (see `decode.logs`).
        source: of the frames; None: the format and the path.
        last: decides whether a last line without an end is taken; None: it is. The last line of a
            gzip file has its end.
        wanted: decides which lines give frames; None: all.
        progress: called from time to time with the number of bytes read so far.

    Raises:
        UsageError: no such file, a folder, no permission, or no such format.
        SourceError: the file is truncated or reading fails; frames yielded before are valid.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=f"available: {', '.join(FORMATS)}")
    name = os.fspath(path)
    source = f"{form}:{name}" if source is None else source
    with _open(name) as raw:
        number = 0
        try:
            stream = _decompressed(raw)
            lines = _Lines(stream)
            if stream is not raw:
                last = None
            page = lines.page() if form == "fedmsg" else None
            for seq, body in enumerate(page or (), 1):
                yield Frame(source, time.time_ns() // 1000, b"", body, seq)
            for number, line in lines:
                if last is not None and not last.accepts(number, line, cut=lines.cut):
                    break
                if wanted is None or wanted(line):
                    for body in _messages(line, form):
                        yield Frame(source, time.time_ns() // 1000, b"", body, number)
                if progress is not None and number % 1000 == 0:
                    progress(_position(raw))
        except _READ_ERRORS as error:
            raise SourceError(
                f"reading the file failed: {error}",
                where=f"{name}:{number + 1}",
                hint="earlier lines are stored; importing the file again counts nothing twice",
            ) from error


def plain_lines(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield every line of a file without its newline, blank lines included.

    Args:
        path: a file, plain or gzip (detected by its first bytes), or `-` for standard input.

    Raises:
        UsageError: no such file, a folder, no permission.
        SourceError: the file is truncated or reading fails; lines yielded before are valid.
    """
    name, number = os.fspath(path), 0
    with _open(name) as raw:
        try:
            for line in _decompressed(raw):
                number += 1
                yield line.rstrip(b"\r\n")
        except _READ_ERRORS as error:
            raise SourceError(
                f"reading the file failed: {error}", where=f"{name}:{number + 1}"
            ) from error


@contextmanager
def _open(name: str) -> Iterator[_Raw]:
    if name == "-":
        yield io.BufferedReader(_Unbuffered(sys.stdin.buffer), 1 << 20)
        return
    try:
        file = io.FileIO(name)
    except OSError as error:
        problem = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "this is a folder, not a file",
            PermissionError: "no permission to read this file",
        }.get(type(error), f"cannot be opened: {error.strerror}")
        raise UsageError(problem, where=name) from error
    with io.BufferedReader(file, 1 << 20) as raw:
        yield raw


class _Unbuffered(io.RawIOBase):
    """A stream that returns data as soon as it is there, so that an error loses nothing before it.

    Closing it leaves the inner stream open, which may be standard input.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def readable(self) -> bool:
        """True; required by BufferedReader."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the data of one read."""
        data: bytes = self._inner.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _position(raw: _Raw) -> int:
    return raw.tell() if raw.seekable() else 0


def _decompressed(raw: _Raw) -> _Raw:
    if raw.peek(2)[:2] != _GZIP:
        return raw
    return io.BufferedReader(_Unbuffered(gzip.GzipFile(fileobj=raw)), 1 << 20)


class _Lines:
    """Numbered lines of a stream, stripped, without blank ones.

    Attributes:
        cut: whether the stream ended before the current line did.
    """

    def __init__(self, stream: _Raw) -> None:
        self._stream = stream
        self.cut = False
        self._pushed_back = io.BytesIO()  # read already, to be read again

    def page(self) -> list[bytes] | None:
        """Return the messages of a page that spans several lines, or None.

        Reads beyond the first line, at most `MAX_LINE`, only if that is not complete JSON.
        """
        first = self._stream.readline(MAX_LINE)
        text = first.removeprefix(_BOM)
        if text.lstrip().startswith(b"{") and not _is_json(text):
            text += self._stream.read(MAX_LINE)
            try:
                return [bytes(row) for row in _page.decode(text).raw_messages]
            except msgspec.DecodeError:
                pass  # not a page: ordinary lines, of which the first is malformed
        self._pushed_back = io.BytesIO(text)
        return None

    def _readline(self) -> bytes:
        line = self._pushed_back.readline(MAX_LINE)
        if not line.endswith(b"\n") and len(line) < MAX_LINE:
            line += self._stream.readline(MAX_LINE - len(line))
        return line

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._readline():
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            self.cut = not line.endswith(b"\n") and len(line) < MAX_LINE
            if not line.endswith(b"\n") and not self.cut:
                while (rest := self._readline()) and not rest.endswith(b"\n"):
                    pass  # the beginning is enough for a dead letter
            if line := line.strip():
                yield number, line


def _messages(line: bytes, form: str) -> Iterator[bytes]:
    """Yield the messages of a line: itself, none of a comment, or those of a page of history."""
    if line.startswith(b"#") and form in LINE_DECODERS:
        return
    if form == "fedmsg" and b'"raw_messages"' in line:
        try:
            rows = _page.decode(line).raw_messages
        except msgspec.DecodeError:
            pass  # a message that merely contains the word
        else:
            yield from map(bytes, rows)
            return
    yield line


def _is_json(line: bytes) -> bool:
    try:
        _any_json.decode(line)
    except msgspec.DecodeError:
        return False
    return True
