"""What is remembered of the files of a log: hashes of their first and last lines.

By these a file is recognised, wherever it was moved to, and equal lines on both sides of a rotation
are told apart (`occurrences`). They are hashes, no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b

import msgspec

from hubbub.collector.event import Frame, Ledger

__all__ = ["HEAD", "Log", "LogFile", "digest", "is_same", "log_key", "second"]

HEAD = 16  # lines by which a file is recognised
_FILES = 1000  # files of a source that are remembered
#: The time of a line, to the second: 31/Dec/2026:23:59:59, ISO 8601, or seconds in JSON.
_SECOND = re.compile(
    rb"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
    rb'|"(?:ts|time|timestamp|msec)"\s*:\s*"?\d+'
)
_SEARCHED = 4000  # bytes of a line in which its time is searched


class LogFile(msgspec.Struct, array_like=True):
    """What is remembered of a file: hashes of lines, and occurrences."""

    head: list[str] = []
    base: dict[
        str, int
    ] = {}  # line → occurrences in the file before this one, if it was read first
    #: line → occurrences in the file after this one, if that was read first, and in this one
    after: dict[str, tuple[int, int]] = {}
    first: dict[str, int] = {}  # line of the first second → its last occurrence
    last: dict[str, int] = {}  # line of the last second → its last occurrence
    #: a last line that was taken although it had no end: its place in the file, bytes, hash
    cut: tuple[int, int, str] | None = None

    @property
    def one_second(self) -> bool:
        """Whether all its lines are of one second, as far as is known."""
        return self.first.keys() == self.last.keys() and self.first.keys() >= set(self.head)


def digest(body: bytes) -> str:
    """Return the hash of a line."""
    return blake2b(body, digest_size=8).hexdigest()


def log_key(source: str) -> str:
    """Return the key of the state under which the files of a source are remembered."""
    return f"log:{source}"


def is_same(one: list[str], other: list[str]) -> bool:
    """Whether two files begin with the same lines, as far as both were read."""
    length = min(len(one), len(other))
    return length > 0 and one[:length] == other[:length]


def second(body: bytes) -> bytes:
    """Return the time of a line as written, to the second; the line if it shows none."""
    match = _SECOND.search(body, 0, _SEARCHED)
    return body if match is None else match[0]


class Log:
    """The files of a source that were read.

    Args:
        source: of the frames.
        ledger: where files are remembered; None: only as long as this object lives.
        holds: whether a line is stored already; tells a part of what was read from another file.
    """

    def __init__(
        self,
        source: str,
        ledger: Ledger | None = None,
        *,
        holds: Callable[[Frame], bool] | None = None,
    ) -> None:
        self.source, self._ledger, self._holds = source, ledger, holds
        self._kept: list[LogFile] = []

    @property
    def files(self) -> list[LogFile]:
        """The files, the oldest first; another process may have added some."""
        if self._ledger is not None:
            stored = self._ledger.get(log_key(self.source)) or []
            self._kept = msgspec.convert(stored, list[LogFile])
        return self._kept

    def recognised(self, head: list[str]) -> LogFile | None:
        """Return the file that begins with these lines."""
        matches = [file for file in self.files if is_same(file.head, head)]
        return max(matches, key=lambda file: len(file.head), default=None)

    def is_part(self, head: Sequence[Frame]) -> bool:
        """Whether a file that is not recognised is a part of what was read, such as its end.

        Args:
            head: its first lines.
        """
        if self._holds is None or not self.files:
            return False
        later = [frame for frame in head if second(frame.body) != second(head[0].body)]
        return bool(later) and self._holds(head[0]) and self._holds(later[-1])

    def save(self, changed: LogFile) -> None:
        """Remember a file, in place of what was known of it."""
        files = self.files
        known = self.recognised(changed.head)
        if known is None:
            files.append(changed)
            del files[:-_FILES]
        else:
            files[files.index(known)] = changed
        if self._ledger is not None:
            self._ledger.set(log_key(self.source), msgspec.to_builtins(files))

    def others(self, file: LogFile) -> list[LogFile]:
        """Return the files except this one."""
        return [other for other in self.files if not is_same(other.head, file.head)]
