"""The source of files: JSON lines, archives, logs; read to their end, or followed as they grow.

Reading to the end makes a thousand lines durable at a time; a run that was ended reads the file
again, and what is stored already counts once. Following remembers the position of the last line
that is durable, and the next run continues there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from hubbub.collector.decode.formats import ITEM_FORMATS
from hubbub.collector.decode.line_reading import Reading
from hubbub.collector.event import Frame, Ledger, Sink, Stop
from hubbub.collector.files.followed import Followed, follow_key
from hubbub.collector.files.held import HeldLines, Holdings
from hubbub.collector.files.last_line import LastLine
from hubbub.collector.files.log_files import Log
from hubbub.collector.files.log_name import STDIN, log_name
from hubbub.collector.files.occurrences import numbered
from hubbub.collector.files.reader import read
from hubbub.collector.files.source import Peeked, Sources
from hubbub.errors import HubbubError, SourceError, UsageError

__all__ = ["FilesSource", "Watch"]

_BATCH = 1000  # frames between flushes
_BY_FIELDS = frozenset(("notebook-events", "notebook-counts"))
_SAMPLE = 100  # first lines of a source that are kept as a sample
_PLAIN = Reading()
_PAUSE = 0.5  # seconds between checks of files that did not grow


@dataclass(frozen=True, slots=True)
class Watch:
    """What a source of files reports while it runs.

    Args:
        progress: called with the number of messages that are durable.
        notice: called with a sentence for the user.
        opened: called once all files that are followed are open.
        sampled: called with a source whose sample has grown, while files are followed.
    """

    progress: Callable[[int], object] = lambda _: None
    notice: Callable[[str], object] = lambda _: None
    opened: Callable[[], object] = lambda: None
    sampled: Callable[[str], object] = lambda _: None


class FilesSource:
    """Files of one format.

    Args:
        files: their paths; `-` is standard input.
        form: one of `decode.formats.FORMATS`.
        holdings: says what is stored already.
        how: lines are to be read.
        source: name of the source; None: the log of each file.
        finished: a last line that has no end counts.
        wanted: decides which lines give frames; None: all.
        follow: go on as the files grow, until stopped; standard input cannot be followed.
        watch: takes reports.

    Attributes:
        count: messages that were read.
        unfinished: last lines that were left out, because they have no end.
        samples: source → the first of its lines.
        errors: one for each file that could not be read to its end; the others were read.
    """

    def __init__(
        self,
        files: Sequence[str],
        form: str,
        holdings: Holdings,
        *,
        how: Reading = _PLAIN,
        source: str | None = None,
        finished: bool = False,
        wanted: Callable[[bytes], bool] | None = None,
        follow: bool = False,
        watch: Watch = Watch(),
    ) -> None:
        self.name, self._files, self._source = form, files, source
        self._finished, self._wanted, self._is_followed = finished, wanted, follow
        self._held = HeldLines(form, how, holdings)
        self._watch = watch
        self.count = self.unfinished = 0
        self.samples: dict[str, list[Frame]] = {}
        self.errors: list[HubbubError] = []

    def run(self, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Read the files, or follow them until `stop` is set; see `Source.run`.

        A read of standard input that waits for its writer is not ended by `stop`.

        Raises:
            UsageError: a file cannot be followed.
            SourceError: a file that is followed cannot be read any further.
            StoreError: of the sink or the ledger.
        """
        origins = _Origins(self.name, self._source, self._held, ledger, self._watch.notice)
        if self._is_followed:
            self._follow(origins, sink, ledger, stop)
        else:
            self._read(origins, sink, ledger, stop)

    def _read(self, origins: _Origins, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Read the files to their end."""
        for path in self._files:
            try:
                for frame in self._frames(path, origins, ledger):
                    sink.put(frame)
                    self.count += 1
                    if self.count % _BATCH == 0:
                        sink.flush()
                        self._watch.progress(self.count)
                        if stop.is_set():
                            return
            except (SourceError, UsageError) as error:  # the other files may be readable
                self.errors.append(error)
        sink.flush()

    def _frames(self, path: str, origins: _Origins, ledger: Ledger) -> Iterator[Frame]:
        """Yield the frames of a file, each with its source and occurrence."""
        is_readable, by_fields = self._held.is_readable, self.name in _BY_FIELDS
        last = None if self._finished else LastLine(is_readable, by_fields=by_fields)
        frames = Peeked(read(path, self.name, last=last, wanted=self._wanted))
        if self.name in ITEM_FORMATS:  # their events have ids
            source = f"{self.name}:{self._source or self._item_log(path)}"
            self._sample(source, frames.head)
            yield from (replace(frame, source=source) for frame in frames)
        else:
            source = origins.checked(path, frames.head)
            self._sample(source, frames.head)
            own = (replace(frame, source=source) for frame in frames)
            log = Log(
                source, ledger, holds=lambda frame: bool(self._held.holding([source], [frame]))
            )
            of_log = self._source is None and path != STDIN
            yield from numbered(own, log, last, of_log=of_log)
        if last is not None and last.left_out is not None:
            self.unfinished += 1
            self._watch.notice(
                f"{path}:{last.left_out}: the last line has no end yet and is left out; import the "
                "file again when it is complete, or with --finished if it is"
            )

    def _item_log(self, path: str) -> str:
        """Return the name of a file of items; hours of an archive share that of their folder."""
        if path == STDIN or self.name != "gharchive":
            return path if path == STDIN else log_name(path)
        return str(Path(path).resolve().parent)

    def _sample(self, source: str, frames: Sequence[Frame]) -> bool:
        """Keep the first lines of a source; return whether some were added."""
        sample = self.samples.setdefault(source, [])
        added = frames[: _SAMPLE - len(sample)]
        sample += added
        return bool(added)

    def _follow(self, origins: _Origins, sink: Sink, ledger: Ledger, stop: Stop) -> None:
        """Read files and what is appended to them."""
        with ExitStack() as stack:
            followed: list[Followed] = []
            for path in self._files:
                is_known = ledger.get(follow_key(self.name, path)) is not None
                source = origins.to_follow(path, is_known=is_known)
                one = Followed(path, self.name, source, ledger)
                stack.callback(one.close)
                followed.append(one)
                self.samples.setdefault(source, [])
            self._watch.opened()
            while not stop.is_set():
                new = sum(self._read_new(one, sink) for one in followed)
                self.count += new
                if not new:
                    stop.wait(_PAUSE)

    def _read_new(self, one: Followed, sink: Sink) -> int:
        frames = one.read(sink)
        if self._sample(one.source, frames):
            self._watch.sampled(one.source)
        return len(frames)


class _Origins:
    """Decides to which source the lines of a file belong.

    Args:
        form: format of the files.
        name: of the source; None: by file.
        held: which lines the store holds.
        ledger: remembers the files that were read.
        notice: takes a sentence for the user.
    """

    def __init__(
        self,
        form: str,
        name: str | None,
        held: HeldLines,
        ledger: Ledger,
        notice: Callable[[str], object],
    ) -> None:
        self._form, self._name, self._held, self._ledger = form, name, held, ledger
        self._notice = notice
        self._sources = Sources(form, ledger, held.holding)
        self._read: dict[tuple[int, int], str] = {}  # device and inode → source

    def checked(self, path: str, head: Sequence[Frame]) -> str:
        """Return the source of a file.

        Args:
            path: of the file.
            head: its first lines.

        Raises:
            UsageError: its lines are stored as an older hubbub counted them.
        """
        source = self._of(path, head)
        self._held.check_not_older(path, source, head, self._ledger)
        return source

    def to_follow(self, path: str, *, is_known: bool) -> str:
        """Return the source of a file that is to be followed.

        Args:
            path: of the file.
            is_known: it was followed before, and goes on where it was.

        Raises:
            UsageError: its lines are stored as an older hubbub counted them.
            SourceError: the file cannot be read.
        """
        if not Path(path).is_file():  # it may be missing for a moment while it is rotated
            return f"{self._form}:{self._name}" if self._name else self._sources.of_file(path, [])
        head = Peeked(read(path, self._form)).head
        return self._of(path, head) if is_known else self.checked(path, head)

    def _of(self, path: str, head: Sequence[Frame]) -> str:
        if self._name is not None:
            return f"{self._form}:{self._name}"
        if path == STDIN or not Path(path).is_file():  # such as a named pipe
            return self._sources.of_stdin(head)
        status = Path(path).stat()
        if (known := self._read.get((status.st_dev, status.st_ino))) is not None:
            return known  # by another name, which may be a link
        source = self._sources.of_file(path, head)
        self._read[status.st_dev, status.st_ino] = source
        others = [other for other in self._sources.beginning(head) if other != source]
        if others and source not in self._sources.known():
            other = others[0].removeprefix(f"{self._form}:")
            self._notice(
                f"{path}: begins like what was imported from {other}, and counts as another log; "
                f"if it is the same, import it with --source {shlex.quote(other)}"
            )
        return source
