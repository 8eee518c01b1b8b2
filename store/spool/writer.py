"""Write received frames to segments of the spool, durably and without decoding them.

Several writers may write to one folder at once, each to its own segments:

    <time ns>-<name>-<pid>-<random>.open   being written; its writer holds a lock on the file
    <time ns>-<name>-<pid>-<random>.seg    sealed by its writer
    <time ns>-<name>-<pid>-<random>.dead   its writer died: the lock of the `.open` file was free
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hubbub.closeable import Closeable
from hubbub.collector.event import Frame
from hubbub.errors import NoRoomError, StoreError
from hubbub.language.plurals import plural
from hubbub.store.disk.files import sync_folder
from hubbub.store.spool import segment
from hubbub.store.spool.folder import AGE

__all__ = ["SpoolWriter"]


BATCH = 1000  # records in one fdatasync
BYTES = 8 << 20  # bytes buffered before an fdatasync
DELAY = 0.2  # seconds a record is buffered before an fdatasync
SIZE = 16 << 20  # bytes after which a segment is sealed


class SpoolWriter(Closeable):
    """A `Sink` whose frames are durable after `flush`. For one thread.

    Args:
        folder: the spool's folder.
        name: the writer's name, part of the segments' names.
        flags: how these frames are to be loaded (`segment.BODIES`, `segment.TRUST`). Another
            thread may set the attribute: later flushes then write to a new segment.
        size: bytes after which a segment is sealed.
        age: seconds after which a segment is sealed.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        flags: int = 0,
        size: int = SIZE,
        age: float = AGE,
    ) -> None:
        self.folder, self.size, self.age = folder, size, age
        self.flags = flags
        self.name = re.sub(r"[^A-Za-z0-9_]+", "_", name) or "writer"
        self.durable = 0  # records that survive a loss of power
        self.full = False  # the disk was full at the last attempt
        self._buffer: list[bytes] = []  # each item one or more whole records
        self._size = 0  # bytes buffered
        self._sent = 0  # bytes of them that are in the file
        self._count = 0  # records buffered
        self._since = 0.0  # when the first of them was buffered (monotonic)
        self._salt = secrets.randbits(32)
        self._file: int | None = None
        self._file_flags = flags  # in the header of the open segment
        self._path = folder  # of the open segment
        self._written = 0  # bytes in the open segment
        self._opened = 0.0  # when it was opened (monotonic)

    def put(self, frame: Frame) -> None:
        """Take a frame; durable after the next `flush`.

        Raises:
            StoreError: the disk is full or broken. The frame was NOT taken; earlier frames are
                kept, and the next `put` or `flush` tries again.
            MessageError: the frame is larger than a segment may hold.
        """
        self._take(segment.pack(frame, self._salt), 1)

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        """Return the records of frames of one source that arrived together, for `put_packed`.

        May run in any thread; the frames are not taken yet.

        Args:
            source: of all frames.
            arrived: µs since the epoch.
            parts: topic, body, topic, body, …

        Raises:
            MessageError: as `put`.
        """
        return segment.pack_all(source, arrived, parts, self._salt)

    def put_packed(self, records: bytes, n: int) -> None:
        """Take all of the `n` frames that this writer's `pack` packed, or none.

        Raises:
            StoreError: as `put`.
        """
        self._take(records, n)

    def _take(self, records: bytes, n: int) -> None:
        if self._count and (
            self._count + n > BATCH
            or self._size >= BYTES
            or time.monotonic() - self._since >= DELAY
        ):
            self.flush()
        if not self._count:
            self._since = time.monotonic()
        self._buffer.append(records)
        self._size += len(records)
        self._count += n

    def flush(self) -> None:
        """Return when every frame that was put is durable.

        Raises:
            StoreError: the disk is full or broken; nothing is lost, and the next call continues
                where this one stopped.
        """
        if self._file is not None and self._file_flags != self.flags and not self._sent:
            self._seal()
        if self._count:
            try:
                if self._file is None:
                    self._open()
                self._write()
            except OSError as e:
                raise self._error(e) from e
            self.durable += self._count
            self._count = 0
            self.full = False
        if self._file is not None and (
            self._written >= self.size or time.monotonic() - self._opened >= self.age
        ):
            self._seal()

    def close(self) -> None:
        """Flush, and seal the open segment."""
        self.flush()
        if self._file is not None:
            self._seal()

    def _write(self) -> None:
        """Append the buffer; after an error the next call continues behind what was written."""
        assert self._file is not None
        self._buffer = [b"".join(self._buffer)]  # copies nothing if there is one item
        with memoryview(self._buffer[0]) as data:
            while self._sent < len(data):
                n = os.write(self._file, data[self._sent :])
                self._sent += n
                self._written += n
        try:
            os.fdatasync(self._file)
        except OSError:
            # The kernel may have dropped the pages, and a second fdatasync would not report it:
            # write these records again, to a new segment. They are cut off from this one, so that
            # retries do not fill the disk; the loader drops duplicates by id.
            before = self._written - self._sent
            with suppress(OSError):  # then they are on the disk twice
                if before > segment.HEAD.size:
                    os.ftruncate(self._file, before)
                else:
                    self._path.unlink()
            self._sent = 0
            os.close(self._file)  # releases the lock: the loader treats the file as torn
            self._file = None
            raise
        self._buffer = []
        self._size = self._sent = 0

    def _open(self) -> None:
        """Start a segment. It is named `.open` only once it is locked and has its header."""
        stem = f"{time.time_ns():020d}-{self.name}-{os.getpid()}-{secrets.token_hex(4)}"
        new = self.folder / f"{stem}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            flags = self.flags
            head = segment.head(self._salt, flags)
            if os.write(descriptor, head) < len(head):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - one cleanup
            os.fdatasync(descriptor)
            self._path = new.with_suffix(".open")
            new.rename(self._path)
            sync_folder(self.folder)
        except BaseException:
            os.close(descriptor)
            new.unlink(missing_ok=True)
            raise
        self._file, self._written, self._opened = descriptor, len(head), time.monotonic()
        self._file_flags = flags

    def _seal(self) -> None:
        assert self._file is not None
        os.close(self._file)
        self._file = None  # even if renaming fails, the records are durable and will be loaded
        try:
            self._path.rename(self._path.with_suffix(".seg"))
            sync_folder(self.folder)
        except FileNotFoundError:
            return  # the lock was free, and the loader has renamed the file to `.dead`
        except OSError as e:
            raise self._error(e) from e

    def _error(self, e: OSError) -> StoreError:
        self.full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        if self.full:
            return NoRoomError(
                "the disk is full; "
                f"{plural(self._count, 'message waits', 'messages wait')} in memory for room",
                where=str(self.folder),
                hint="make room: stored data is safe, and writing resumes by itself",
            )
        return StoreError(f"cannot write: {e.strerror or e}", where=str(self.folder))
