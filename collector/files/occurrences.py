"""Tell equal lines of a log apart by their occurrence: the n-th equal line of a source.

A line of a log has no id. Its number in the file is none: it changes with every rotation. So a line
is known by its source, its text, and how many equal lines came before it. Reading a file again, the
same lines through `cat` or a pipe, a rotated file, following and importing: all give the same.

Occurrences are counted in each file. Equal lines have equal times, so only at a rotation do equal
lines lie in two files of a source: at the end of one and the beginning of the next. `log_files`
remembers these, and which of them are counted on from another file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.event import Frame
from hubbub.collector.files.last_line import LastLine
from hubbub.collector.files.log_files import HEAD, Log, LogFile, digest, second
from hubbub.errors import SourceError

__all__ = ["Numbering", "numbered"]

_EDGE = 64  # different lines of the first and last second that are remembered
_HELD = 1000  # lines of one second that wait for the end of the file
_WINDOW = 1 << 18  # different lines for which at least occurrences are counted; 80 MB for two


class _Occurrences:
    """Counts lines; those that did not occur for long are forgotten, which bounds the memory."""

    def __init__(self, window: int = _WINDOW) -> None:
        self._window = window
        self._recent: dict[str, int] = {}
        self._older: dict[str, int] = {}

    def next(self, key: str, base: int) -> int:
        """Count an occurrence and return its number.

        Args:
            key: the line's hash.
            base: occurrences before the first that is counted here.
        """
        number = self._recent.get(key) or self._older.get(key) or base
        self._recent[key] = number + 1
        if len(self._recent) >= self._window:
            self._older, self._recent = self._recent, {}
        return number + 1

    def __contains__(self, key: str) -> bool:
        return key in self._recent or key in self._older


class Numbering:
    """Numbers the occurrences of a file's lines.

    Args:
        log: of the file.
        hold: keep back the lines of the last second until it is known whether the file goes on.
            The beginning of a file that was imported before its predecessor then counts on.
            False: for a file that is followed, whose lines must not wait.
        of_log: it is a file of the log itself, not a part of what may have been read before, such
            as the output of `tail`. Lines of one second are then the beginning of a new file.
    """

    def __init__(self, log: Log, *, hold: bool, of_log: bool = False) -> None:
        self._log, self._hold, self._of_log = log, hold, of_log
        self._file: LogFile | None = None
        self._is_new = True
        self._is_part = False
        self._others: list[LogFile] = []
        self._occurrences = _Occurrences()
        self._head: list[str] = []
        self._count = 0  # lines so far
        self._second: bytes | None = None
        self._leading = True  # within the first second
        self._run: dict[str, int] = {}  # lines of the current second
        self._held: list[tuple[Frame, str]] = []

    def add(self, frames: Iterable[Frame], *, cut: bool = False) -> list[Frame]:
        """Number the next lines; return those that are.

        The first call should have `HEAD` lines, or all there are, to recognise the file.

        Args:
            frames: the lines.
            cut: it is the last line and has no end.
        """
        items = [(frame, digest(frame.body)) for frame in frames]
        if not items:
            return []
        if self._file is None or not cut:
            self._extend_head(items)
        items = self._as_first_read(items)
        if cut:
            ((frame, key),) = items
            self._set_cut((self._count, len(frame.body), key))
        numbered: list[Frame] = []
        for frame, key in items:
            moment = second(frame.body)
            if moment != self._second:
                numbered += self._flush()
                self._leading = self._second is None
                self._second, self._run = moment, {}
            elif len(self._held) >= _HELD:
                numbered += self._flush()
            if self._hold:
                self._held.append((frame, key))
            else:
                numbered.append(self._number(frame, key, start=self._leading))
        return numbered

    def _as_first_read(self, items: list[tuple[Frame, str]]) -> list[tuple[Frame, str]]:
        """Put the text as it was first read in place of a line that was taken without an end."""
        assert self._file is not None
        before, self._count = self._count, self._count + len(items)
        if self._file.cut is None or not before < self._file.cut[0] <= self._count:
            return items
        place, length, key = self._file.cut
        frame, _ = items[place - before - 1]
        if digest(frame.body[:length]) == key:
            items[place - before - 1] = (
                msgspec.structs.replace(frame, body=frame.body[:length]),
                key,
            )
        return items

    def _set_cut(self, cut: tuple[int, int, str]) -> None:
        assert self._file is not None
        if self._file.cut != cut:
            self._file.cut = cut
            self._remember()

    def finish(self) -> list[Frame]:
        """Number the lines that were kept back, and remember the file."""
        numbered = self._flush(at_end=True)
        self.save()
        return numbered

    def save(self) -> None:
        """Remember the file."""
        if self._file is not None and not self._is_part:
            self._file.last = self._run
            self._log.save(self._file)

    def _extend_head(self, items: Sequence[tuple[Frame, str]]) -> None:
        missing = HEAD - len(self._head)
        if not missing:
            return
        self._head += [key for _, key in items[:missing]]
        if self._file is None:
            known = self._log.recognised(self._head)
            self._is_new = known is None
            self._is_part = self._is_new and self._log.is_part([f for f, _ in items[:missing]])
            self._file = LogFile() if known is None else known
            self._others = self._log.others(LogFile(head=self._head))
        if len(self._file.head) < len(self._head):
            self._file.head = list(self._head)
            self._remember()

    def _remember(self) -> None:
        if not self._is_part:
            assert self._file is not None
            self._log.save(self._file)

    def _flush(self, *, at_end: bool = False) -> list[Frame]:
        """Number the lines of a second that is over, or of one that has very many lines."""
        held, self._held = self._held, []
        # Lines of one second may as well be a part of what was read before.
        whole = at_end and self._leading and not self._of_log
        if at_end and not self._leading:
            self._count_after(Counter(key for _, key in held))
        start = self._leading and not whole
        return [self._number(frame, key, start=start) for frame, key in held]

    def _count_after(self, own: Mapping[str, int]) -> None:
        """Note which of the last lines have equal ones in the file that comes after this one.

        It must have been read before this one: otherwise it counts on from this one. A file of one
        second is left out: it may as well be a part of this one.

        Args:
            own: lines of the last second → occurrences.
        """
        assert self._file is not None
        later = [other for other in self._others if not other.one_second]
        for key, number in own.items():
            if key in self._occurrences or key in self._file.after:
                continue
            found = max((o.first.get(key, 0) for o in later if key not in o.base), default=0)
            if found and not self._is_part:
                self._file.after = {**self._file.after, key: (found, number)}
                self._remember()

    def _number(self, frame: Frame, key: str, *, start: bool) -> Frame:
        assert self._file is not None
        base = self._file.base.get(key, 0)
        if start and self._is_new and not self._is_part and key not in self._occurrences:
            base = max((other.last.get(key, 0) for other in self._others), default=0)
            if base:
                self._file.base = {**self._file.base, key: base}
                self._remember()
        nth = self._occurrences.next(key, base)
        if key in self._file.after:
            nth = _turned(nth, *self._file.after[key])
        if key in self._run or len(self._run) < _EDGE:
            self._run[key] = max(nth, self._run.get(key, 0))
            if self._leading:
                self._file.first = {**self._file.first, key: self._run[key]}
        return frame if nth == 1 else msgspec.structs.replace(frame, topic=pack(Reading(nth=nth)))


def _turned(nth: int, after: int, own: int) -> int:
    """Return the number of an occurrence where the file after this one was read first.

    Its occurrences have the first numbers. Read in one with this file, they come last.
    """
    if nth <= own:
        return nth + after
    return nth - own if nth <= own + after else nth


def numbered(
    frames: Iterator[Frame], log: Log, last: LastLine | None = None, *, of_log: bool = False
) -> Iterator[Frame]:
    """Number the lines of a file that is read from its beginning to its end.

    Args:
        frames: of the file.
        log: of the file.
        last: knows, after the last frame, whether that has an end; None: it has.
        of_log: it is a file of the log itself (`Numbering`).

    Raises:
        SourceError: of the file, after the lines that could be read.
    """
    numbering = Numbering(log, hold=True, of_log=of_log)
    waiting: list[Frame] = []
    size = HEAD + 1  # the last line is told from the others when it is known to be the last
    error: SourceError | KeyboardInterrupt | None = None
    try:
        for frame in frames:
            waiting.append(frame)
            if len(waiting) >= size:
                yield from numbering.add(waiting[:-1])
                del waiting[:-1]
                size = 2
    except (SourceError, KeyboardInterrupt) as caught:  # what was read is kept
        error = caught
    if last is not None and last.is_open:
        yield from numbering.add(waiting[:-1])
        yield from numbering.add(waiting[-1:], cut=True)
    else:
        yield from numbering.add(waiting)
    yield from numbering.finish()
    if error is not None:
        raise error
