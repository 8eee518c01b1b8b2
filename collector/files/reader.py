"""Files → frames: one message a line, plain or gzip, from a file or standard input.

Comes in: a path and a format. Goes out: a `Frame` for each line that is not blank, its `seq` the
line's number from 1; for a page of a history service (a JSON object with `raw_messages`, on one
line or on many) a frame for each of its messages. It decodes nothing: what cannot be understood is
the decoder's to refuse, so that it is counted and kept like everything else.
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

from hubbub.collector.decode.access_log import section
from hubbub.collector.event import Frame
from hubbub.errors import SourceError, UsageError

__all__ = ["FORMATS", "MAX_LINE", "plain_lines", "read", "section"]

FORMATS = ("jsonl", "fedmsg", "notebook-events", "notebook-counts", "access-log")
#: Formats in which a line that starts with # says nothing.
_COMMENTED = frozenset(("notebook-events", "notebook-counts", "access-log"))
#: The longest line or page that is read, in bytes; a page of 100 messages of 80 kB has 8 MB.
MAX_LINE = 64 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BROKEN = (EOFError, zlib.error, OSError)  # of which gzip.BadGzipFile is one


_Raw: TypeAlias = "io.BufferedReader[Any]"


class _Page(msgspec.Struct):
    """A page of history; its messages stay as they are."""

    raw_messages: list[msgspec.Raw]


_page = msgspec.json.Decoder(_Page)
_any = msgspec.json.Decoder(msgspec.Raw)


def read(
    path: str | os.PathLike[str], form: str, *, progress: Callable[[int], None] | None = None
) -> Iterator[Frame]:
    """The frames of a file.

    Args:
        path: a file, plain or gzip (told by its first bytes), or `-` for standard input.
        form: one of `FORMATS`: `jsonl` (hubbub's own), `fedmsg` (a message envelope a line, or
            pages of history), `notebook-events` (see `notebooks`), `access-log` (see `accesslog`).
        progress: called now and then with the bytes of the file that have been read.

    Raises:
        UsageError: no such file, a folder, no permission, or no such format.
        SourceError: the file breaks off or cannot be read on; what came before is good.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}", hint=f"there are: {', '.join(FORMATS)}")
    name = os.fspath(path)
    source = f"{form}:{name}"
    with _opened(name) as raw:
        number = 0
        try:
            lines = _Lines(_unpacked(raw))
            if form == "fedmsg" and (page := lines.page()) is not None:
                for seq, body in enumerate(page, 1):
                    yield Frame(source, time.time_ns() // 1000, b"", body, seq)
                return
            for number, line in lines:
                if line.startswith(b"#") and form in _COMMENTED:
                    continue
                for body in _messages(line, form):
                    yield Frame(source, time.time_ns() // 1000, b"", body, number)
                if progress is not None and number % 1000 == 0:
                    progress(_position(raw))
        except _BROKEN as error:
            raise SourceError(
                f"the file cannot be read on: {error}",
                where=f"{name}:{number + 1}",
                hint="what came before this line is stored; the same import again counts nothing "
                "twice",
            ) from error


def plain_lines(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """The lines of a file as they are, blank ones too, without their ends.

    Args:
        path: a file, plain or gzip (told by its first bytes), or `-` for standard input.

    Raises:
        UsageError: no such file, a folder, no permission.
        SourceError: the file breaks off or cannot be read on; what came before is good.
    """
    name, number = os.fspath(path), 0
    with _opened(name) as raw:
        try:
            for line in _unpacked(raw):
                number += 1
                yield line.rstrip(b"\r\n")
        except _BROKEN as error:
            raise SourceError(
                f"the file cannot be read on: {error}", where=f"{name}:{number + 1}"
            ) from error


@contextmanager
def _opened(name: str) -> Iterator[_Raw]:
    if name == "-":
        yield io.BufferedReader(_Pieces(sys.stdin.buffer), 1 << 20)
        return
    try:
        file = io.FileIO(name)
    except OSError as error:
        what = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "this is a folder, not a file",
            PermissionError: "no permission to read this file",
        }.get(type(error), f"cannot be opened: {error.strerror}")
        raise UsageError(what, where=name) from error
    with io.BufferedReader(file, 1 << 20) as raw:
        yield raw


class _Pieces(io.RawIOBase):
    """A stream in the pieces in which it comes, so that an error loses nothing before it.

    It is not closed with its reader: standard input is not ours.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def readable(self) -> bool:
        """Yes: BufferedReader asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Whatever one read gives."""
        data: bytes = self._inner.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _position(raw: _Raw) -> int:
    return raw.tell() if raw.seekable() else 0


def _unpacked(raw: _Raw) -> _Raw:
    if raw.peek(2)[:2] != _GZIP:
        return raw
    return io.BufferedReader(_Pieces(gzip.GzipFile(fileobj=raw)), 1 << 20)


class _Lines:
    """Numbered lines of a stream, without their ends and without blank ones."""

    def __init__(self, stream: _Raw) -> None:
        self._stream = stream
        self._held = io.BytesIO()  # read already, to be read again

    def page(self) -> list[bytes] | None:
        """The messages of a page that is written over many lines; None where there is none.

        Only a first line that is no whole JSON text makes it read on, at most `MAX_LINE`.
        """
        first = self._stream.readline(MAX_LINE)
        text = first.removeprefix(_BOM)
        if text.lstrip().startswith(b"{") and not _whole(text):
            text += self._stream.read(MAX_LINE)
            try:
                return [bytes(row) for row in _page.decode(text).raw_messages]
            except msgspec.DecodeError:
                pass  # no page: lines like others, of which the first is broken
        self._held = io.BytesIO(text)
        return None

    def _readline(self) -> bytes:
        line = self._held.readline(MAX_LINE)
        if not line.endswith(b"\n") and len(line) < MAX_LINE:
            line += self._stream.readline(MAX_LINE - len(line))
        return line

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._readline():
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if not line.endswith(b"\n") and len(line) >= MAX_LINE:
                while (rest := self._readline()) and not rest.endswith(b"\n"):
                    pass  # its beginning is enough for a dead letter
            if line := line.strip():
                yield number, line


def _messages(line: bytes, form: str) -> Iterator[bytes]:
    """The messages of a line: one, or those of the page of history that it holds."""
    if form == "fedmsg" and b'"raw_messages"' in line:
        try:
            rows = _page.decode(line).raw_messages
        except msgspec.DecodeError:
            pass  # a message that only mentions the word
        else:
            yield from map(bytes, rows)
            return
    yield line


def _whole(line: bytes) -> bool:
    try:
        _any.decode(line)
    except msgspec.DecodeError:
        return False
    return True
