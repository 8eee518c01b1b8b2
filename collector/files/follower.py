"""Growing files → frames: logs that are written, rotated and truncated while they are read.

Comes in: a file's name, and the place that was reached before. Goes out: a `Frame` for each line
that is whole, its `seq` the line's number, which goes on after a rotation; and the place that was
reached. It never waits: whoever asks again later gets what was written meanwhile.

- Rotated (renamed, and a new file in its place): the old one is read to its end first, also where
  it was rotated while nobody read; then the new one.
- Truncated, also where it has grown again since: it is read from its beginning.
- A half-written line waits for its end; where that can no longer come, it is a line.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hubbub.collector.event import Frame
from hubbub.collector.files.reader import MAX_LINE
from hubbub.errors import SourceError, UsageError

__all__ = ["FORMATS", "Follower", "Position"]

#: Formats that can be followed, and whether a line that starts with # says nothing.
FORMATS = {
    "jsonl": False,
    "notebook-events": True,
    "notebook-counts": True,
    "access-log": True,
}
_CHUNK = 1 << 20  # bytes of one look
_MARK = 256  # bytes before a place, by which it is known again
_GRACE = 2.0  # s without a byte after which nobody writes into a rotated file any more
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Position(msgspec.Struct, frozen=True):
    """How far a file was read; small, and without anything of what stands in it."""

    device: int
    inode: int
    offset: int  # bytes, at the end of a line
    lines: int  # of all files so far
    mark: str  # hash of the bytes before


class Follower:
    """One name in the file system, whatever file it means.

    Args:
        name: of the file.
        form: one of `FORMATS`.
        place: what `place` gave before, as JSON; None begins with the first line.
        grace: seconds that a writer may still write into a rotated file.
        clock: seconds, for `grace`.

    Raises:
        UsageError: no such file, no permission, gzip, or a format that cannot be followed.
    """

    def __init__(
        self,
        name: str,
        form: str,
        place: Any = None,
        *,
        grace: float = _GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if form not in FORMATS:
            raise UsageError(
                f"the format {form} cannot be followed", hint=f"there are: {', '.join(FORMATS)}"
            )
        self.name, self.form, self.source = name, form, f"{form}:{name}"
        self._grace, self._clock = grace, clock
        self._descriptor: int | None = None
        self._offset = 0  # where the first line begins that is not whole yet
        self._held = b""  # the beginning of that line
        self._mark = b""  # what stands before it
        self._left: float | None = None  # since when a rotated file is quiet
        known = None if place is None else msgspec.convert(place, Position)
        self._lines = 0 if known is None else known.lines
        again = known is not None and self._find(known)
        if (
            not again and not self._open() and known is None
        ):  # one that was followed may be away while it is rotated
            raise UsageError("there is no such file", where=name)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def place(self) -> dict[str, Any] | None:
        """What was reached, as JSON: the end of the last line that `read` gave; None: no file."""
        if self._descriptor is None:
            return None
        here = os.fstat(self._descriptor)
        mark = _hash(self._mark)
        built: dict[str, Any] = msgspec.to_builtins(
            Position(here.st_dev, here.st_ino, self._offset, self._lines, mark)
        )
        return built

    def read(self) -> list[Frame]:
        """The next lines that are whole, none if there are none now.

        Raises:
            SourceError: the file cannot be read.
        """
        try:
            while self._descriptor is not None or self._open():
                moved, frames = self._next()
                if frames or not moved:
                    return frames
        except OSError as error:
            raise SourceError(
                f"the file cannot be read on: {error.strerror}",
                where=f"{self.name}:{self._lines + 1}",
                hint="what came before is stored; start again when it can be read",
            ) from error
        return []

    def _next(self) -> tuple[bool, list[Frame]]:
        """One step: whether it led anywhere, and the lines that it gave."""
        assert self._descriptor is not None
        descriptor = self._descriptor
        if self._cut(descriptor):
            rest = self._rest()
            self._offset, self._mark = 0, b""
            return True, rest
        chunk = os.pread(descriptor, _CHUNK, self._offset + len(self._held))
        if chunk:
            self._left = None
            return True, self._take(chunk)
        if not self._rotated(descriptor):
            self._left = None
            return False, []
        now = self._clock()
        self._left = now if self._left is None else self._left
        if now - self._left < self._grace:
            return False, []
        rest = self._rest()
        self.close()
        return self._open(), rest

    def _cut(self, descriptor: int) -> bool:
        """Whether the file was truncated: what was read is no longer there."""
        seen = (self._mark + self._held)[-_MARK:]
        at = self._offset + len(self._held) - len(seen)
        return os.pread(descriptor, len(seen), at) != seen

    def _rotated(self, descriptor: int) -> bool:
        """Whether the name means another file now; not while it means none."""
        try:
            there = Path(self.name).stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(there, os.fstat(descriptor))

    def _take(self, chunk: bytes) -> list[Frame]:
        data = self._held + chunk
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= MAX_LINE:
            end = len(data)  # no line is so long
        whole, self._held = data[:end], data[end:]
        first = self._offset == 0
        self._offset += end
        self._mark = (self._mark + whole[-_MARK:])[-_MARK:]
        lines = whole.split(b"\n")
        if not lines[-1]:
            lines.pop()  # what stands after the last end
        if first and lines:
            lines[0] = lines[0].removeprefix(_BOM)
        return self._frames(lines)

    def _rest(self) -> list[Frame]:
        """The half-written line, which will have no other end."""
        held, self._held = self._held, b""
        self._offset += len(held)
        self._mark = (self._mark + held)[-_MARK:]
        return self._frames([held]) if held else []

    def _frames(self, lines: list[bytes]) -> list[Frame]:
        arrived = time.time_ns() // 1000
        frames = []
        for line in lines:
            self._lines += 1
            body = line.strip()
            if body and not (body.startswith(b"#") and FORMATS[self.form]):
                frames.append(Frame(self.source, arrived, b"", body, self._lines))
        return frames

    def _open(self) -> bool:
        """Begin with the file of our name; False if there is none now."""
        try:
            self._descriptor = os.open(self.name, os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UsageError(f"cannot be opened: {error.strerror}", where=self.name) from error
        self._offset, self._held, self._mark, self._left = 0, b"", b"", None
        if Path(self.name).is_dir() or os.pread(self._descriptor, 2, 0) == _GZIP:
            self.close()
            raise UsageError(
                "this file does not grow", where=self.name, hint="leave --follow out, or name a log"
            )
        return True

    def _find(self, place: Position) -> bool:
        """Go on where we were: in the file of our name, or where it was rotated to."""
        path = Path(self.name)
        for other in (path, *sorted(path.parent.glob(f"{_literal(path.name)}?*"))):
            try:
                descriptor = os.open(other, os.O_RDONLY)
            except OSError:
                continue  # it is gone, or another's: not the one that we read
            here = os.fstat(descriptor)
            long = min(_MARK, place.offset)
            if (here.st_dev, here.st_ino) == (place.device, place.inode):
                mark = os.pread(descriptor, long, place.offset - long)
                if len(mark) == long and _hash(mark) == place.mark:
                    self._descriptor, self._offset, self._mark = descriptor, place.offset, mark
                    return True
            os.close(descriptor)
        return False


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _literal(name: str) -> str:
    """The glob of just this name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
