"""Follow growing log files through rotation and truncation.

`Follower.read` returns a `Frame` for each complete line written since the last call, and never
waits. `seq` is the line number and keeps counting after a rotation; equal lines are told apart as
`occurrences` describes. The position that was reached can be stored, to continue in another
process.

- Rotated (renamed, with a new file in its place): the old file is read to its end first, even if it
  was rotated between two processes; then the new one.
- Truncated, even if it has grown again since: the file is read from its beginning.
- An incomplete line waits for its end; after a rotation or truncation it counts as a line.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hubbub.collector.decode.formats import LINE_DECODERS
from hubbub.collector.event import Frame
from hubbub.collector.files.log_files import HEAD, Log
from hubbub.collector.files.occurrences import Numbering
from hubbub.collector.files.reader import MAX_LINE
from hubbub.errors import SourceError, UsageError

__all__ = ["FORMATS", "Follower", "Position", "end_of"]

#: Formats that can be followed: a page of history has no end of line to wait for.
FORMATS = ("jsonl", "perceval", *LINE_DECODERS)
_CHUNK = 1 << 20  # bytes of one read
_MARK = 256  # bytes before a position, by which the file is recognised
_REPLAY = 64 << 20  # bytes before a position that are read again, to count occurrences
_GRACE = 2.0  # s without a new byte until a rotated file counts as complete
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Position(msgspec.Struct, frozen=True):
    """How far a file was read; contains none of its text."""

    device: int
    inode: int
    offset: int  # bytes, at the end of a line
    lines: int  # in all files so far
    mark: str  # hash of the bytes before the offset


class Follower:
    """Follows a file by name.

    Args:
        name: path of the file.
        form: one of `FORMATS`.
        position: an earlier value of `position`; None: start with the first line.
        log: of which the file is a part; None: of its own.
        grace: seconds without a new byte until a rotated file counts as complete.
        clock: returns seconds, for `grace`.

    Raises:
        UsageError: no such file, no permission, gzip, or a format that cannot be followed.
    """

    def __init__(
        self,
        name: str,
        form: str,
        position: Any = None,
        *,
        log: Log | None = None,
        grace: float = _GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if form not in FORMATS:
            raise UsageError(
                f"the format {form} cannot be followed", hint=f"available: {', '.join(FORMATS)}"
            )
        self.name, self.form = name, form
        self.log = Log(f"{form}:{name}") if log is None else log
        self.source = self.log.source
        self._numbering = Numbering(self.log, hold=False)
        self._grace, self._clock = grace, clock
        self._descriptor: int | None = None
        self._offset = 0  # start of the first incomplete line
        self._partial = b""  # that line, as far as it was read
        self._mark = b""  # the bytes before it
        self._quiet_since: float | None = None  # since when a rotated file has not grown
        stored = None if position is None else msgspec.convert(position, Position)
        self._lines = 0 if stored is None else stored.lines
        if stored is not None:
            if not self._resume(stored):
                self._open()  # the file may be missing for a moment while it is rotated
        elif not self._open():
            raise UsageError("there is no such file", where=name)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._numbering.save()

    @property
    def position(self) -> dict[str, Any] | None:
        """The end of the last line that `read` returned, as JSON; None: there is no file."""
        if self._descriptor is None:
            return None
        status = os.fstat(self._descriptor)
        mark = _hash(self._mark)
        fields: dict[str, Any] = msgspec.to_builtins(
            Position(status.st_dev, status.st_ino, self._offset, self._lines, mark)
        )
        return fields

    def read(self) -> list[Frame]:
        """Return the next complete lines; empty if there are none now.

        Raises:
            SourceError: reading failed.
        """
        try:
            while self._descriptor is not None or self._open():
                progressed, frames = self._step()
                if frames or not progressed:
                    return frames
        except OSError as error:
            raise SourceError(
                f"reading the file failed: {error.strerror}",
                where=f"{self.name}:{self._lines + 1}",
                hint="earlier lines are stored; run the command again when the file is readable",
            ) from error
        return []

    def _step(self) -> tuple[bool, list[Frame]]:
        """Read a chunk or move on to the new file; return whether it progressed, and the lines."""
        assert self._descriptor is not None
        descriptor = self._descriptor
        if self._truncated(descriptor):
            last = self._flush_partial()
            self._offset, self._mark = 0, b""
            self._numbering.save()
            self._numbering = Numbering(self.log, hold=False)
            return True, last
        chunk = os.pread(descriptor, _CHUNK, self._offset + len(self._partial))
        if chunk:
            self._quiet_since = None
            return True, self._take(chunk)
        if not self._rotated(descriptor):
            self._quiet_since = None
            return False, []
        now = self._clock()
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        if now - self._quiet_since < self._grace:
            return False, []
        last = self._flush_partial()
        self.close()
        return self._open(), last

    def _truncated(self, descriptor: int) -> bool:
        """Whether the bytes before the position have changed."""
        expected = (self._mark + self._partial)[-_MARK:]
        offset = self._offset + len(self._partial) - len(expected)
        return os.pread(descriptor, len(expected), offset) != expected

    def _rotated(self, descriptor: int) -> bool:
        """Whether the name refers to another file now; False while it refers to none."""
        try:
            current = Path(self.name).stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(current, os.fstat(descriptor))

    def _take(self, chunk: bytes) -> list[Frame]:
        data = self._partial + chunk
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= MAX_LINE:
            end = len(data)  # split lines that are too long
        complete, self._partial = data[:end], data[end:]
        first = self._offset == 0
        self._offset += end
        self._mark = (self._mark + complete[-_MARK:])[-_MARK:]
        lines = complete.split(b"\n")
        if not lines[-1]:
            lines.pop()  # the empty text after the last newline
        if first and lines:
            lines[0] = lines[0].removeprefix(_BOM)
        return self._frames(lines)

    def _flush_partial(self) -> list[Frame]:
        """Return the incomplete line, which will not be continued."""
        line, self._partial = self._partial, b""
        self._offset += len(line)
        self._mark = (self._mark + line)[-_MARK:]
        return self._frames([line]) if line else []

    def _frames(self, lines: list[bytes]) -> list[Frame]:
        first = self._lines + 1
        self._lines += len(lines)
        return self._numbering.add(self._unnumbered(lines, first))

    def _unnumbered(self, lines: list[bytes], first: int) -> list[Frame]:
        """Return the frames of lines, without blank ones and comments.

        Args:
            lines: of the file.
            first: number of the first of them.
        """
        arrived = time.time_ns() // 1000
        return [
            Frame(self.source, arrived, b"", body, number)
            for number, line in enumerate(lines, first)
            if (body := line.strip()) and not (body.startswith(b"#") and self.form in LINE_DECODERS)
        ]

    def _replay(self, descriptor: int, end: int) -> None:
        """Count the occurrences of lines that an earlier process read, up to byte `end`."""
        start = max(0, end - _REPLAY)
        if start:  # the first lines, by which the file is recognised
            lines = os.pread(descriptor, min(_CHUNK, start), 0).removeprefix(_BOM).split(b"\n")
            self._numbering.add(self._unnumbered(lines[:-1], 1)[:HEAD])
        rest, position = b"", start
        while position < end:
            chunk = os.pread(descriptor, min(_CHUNK, end - position), position)
            if not chunk:
                break
            data = rest + chunk
            if not position:
                data = data.removeprefix(_BOM)
            position += len(chunk)
            *lines, rest = data.split(b"\n")
            self._numbering.add(self._unnumbered(lines, 1))

    def _open(self) -> bool:
        """Open the file at its beginning; return False if it does not exist now."""
        try:
            self._descriptor = os.open(self.name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UsageError(f"cannot be opened: {error.strerror}", where=self.name) from error
        self._offset, self._partial, self._mark, self._quiet_since = 0, b"", b"", None
        self._numbering = Numbering(self.log, hold=False)
        if _unfit(self._descriptor):
            self.close()
            raise _not_followed(self.name)
        return True

    def _resume(self, position: Position) -> bool:
        """Open the file of a position, under its name or where it was rotated to."""
        path = Path(self.name)
        for candidate in (path, *sorted(path.parent.glob(f"{_literal(path.name)}?*"))):
            try:
                descriptor = os.open(candidate, os.O_RDONLY)
            except OSError:
                continue  # deleted or not readable, so not the file that was read
            status = os.fstat(descriptor)
            length = min(_MARK, position.offset)
            if (status.st_dev, status.st_ino) == (position.device, position.inode):
                mark = os.pread(descriptor, length, position.offset - length)
                if len(mark) == length and _hash(mark) == position.mark:
                    self._descriptor, self._offset = descriptor, position.offset
                    self._mark = mark
                    self._replay(descriptor, position.offset)
                    return True
            os.close(descriptor)
        return False


def end_of(name: str) -> dict[str, Any] | None:
    """Return the position after the last complete line of a file; None if there is no file.

    A `Follower` that starts there reads only what is appended later.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        descriptor = os.open(name, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot be opened: {error.strerror}", where=name) from error
    try:
        if _unfit(descriptor):
            raise _not_followed(name)
        status = os.fstat(descriptor)
        start = max(0, status.st_size - MAX_LINE)
        tail = os.pread(descriptor, MAX_LINE, start)
        offset = start + tail.rfind(b"\n") + 1
        length = min(_MARK, offset)
        mark = os.pread(descriptor, length, offset - length)
    finally:
        os.close(descriptor)
    fields: dict[str, Any] = msgspec.to_builtins(
        Position(status.st_dev, status.st_ino, offset, 0, _hash(mark))
    )
    return fields


def _unfit(descriptor: int) -> bool:
    """Whether it is a folder, or packed."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode) or os.pread(descriptor, 2, 0) == _GZIP


def _not_followed(name: str) -> UsageError:
    return UsageError(
        "a folder or gzip file cannot be followed",
        where=name,
        hint="choose a log file that is not packed; `hubbub import` reads packed ones",
    )


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _literal(name: str) -> str:
    """Return the glob that matches exactly this name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
