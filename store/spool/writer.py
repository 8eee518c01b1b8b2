"""The spool: what arrived, on the disk before anybody is told that it was received.

Comes in: frames of any number of writers at once, each with segments of its own. Goes out: the
segments that wait for the loader. It never decodes a message.

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
from pathlib import Path

from hubbub.closeable import Closeable
from hubbub.collector.event import Frame
from hubbub.errors import NoRoomError, StoreError
from hubbub.store.disk.files import sync_folder
from hubbub.store.spool import segment
from hubbub.store.spool.folder import AGE

__all__ = ["SpoolWriter"]


BATCH = 1000  # records in one fdatasync
BYTES = 8 << 20  # bytes that wait in memory for their fdatasync
DELAY = 0.2  # seconds a record waits for its fdatasync
SIZE = 16 << 20  # bytes after which a segment is sealed


class SpoolWriter(Closeable):
    """A `Sink`: durable after `flush`. For one thread.

    Args:
        folder: the spool's folder.
        name: who writes, for people who look into the folder.
        flags: what is to be done with these frames (`segment.BODIES`, `segment.TRUST`). Another
            thread may set it anew: what is flushed from then on goes into a new segment.
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
        self._buffer: list[bytes] = []  # records, each piece whole ones
        self._size = 0  # bytes of them
        self._sent = 0  # bytes of them that are in the file
        self._count = 0
        self._since = 0.0
        self._salt = secrets.randbits(32)
        self._file: int | None = None
        self._marked = flags  # the flags in the head of the open segment
        self._path = folder
        self._written = 0
        self._opened = 0.0

    def put(self, frame: Frame) -> None:
        """Take a frame; durable after the next `flush`.

        Raises:
            StoreError: the disk is full or broken. The frame was NOT taken; what was taken before
                is kept, and the next `put` or `flush` tries again.
            MessageError: the frame is larger than a segment may hold.
        """
        self._take(segment.pack(frame, self._salt), 1)

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        """The records of frames of one source that arrived together, for `put_packed`.

        In any thread; nothing is taken yet.

        Args:
            source: of all of them.
            arrived: µs since the epoch.
            parts: topic, body, topic, body, …

        Raises:
            MessageError: as `put`.
        """
        return segment.pack_all(source, arrived, parts, self._salt)

    def put_packed(self, records: bytes, n: int) -> None:
        """Take `n` frames that this writer's `pack` has packed: all of them, or none.

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
        """Return when everything that was put is durable.

        Raises:
            StoreError: the disk is full or broken; nothing is lost, and calling again goes on
                where it stopped.
        """
        if self._file is not None and self._marked != self.flags and not self._sent:
            self._seal()
        if self._count:
            try:
                if self._file is None:
                    self._open()
                self._write()
            except OSError as e:
                raise self._failed(e) from e
            self.durable += self._count
            self._count = 0
            self.full = False
        if self._file is not None and (
            self._written >= self.size or time.monotonic() - self._opened >= self.age
        ):
            self._seal()

    def close(self) -> None:
        """Flush and seal."""
        self.flush()
        if self._file is not None:
            self._seal()

    def _write(self) -> None:
        """Append what is buffered; a part that was written stays written."""
        assert self._file is not None
        self._buffer = [b"".join(self._buffer)]  # no copy where it was one piece
        with memoryview(self._buffer[0]) as data:
            while self._sent < len(data):
                n = os.write(self._file, data[self._sent :])
                self._sent += n
                self._written += n
        try:
            os.fdatasync(self._file)
        except OSError:
            # The kernel may have dropped the pages, and a second fdatasync would not say so: these
            # records go into a new segment. What did reach the disk is then there twice; ids tell.
            self._sent = 0
            os.close(self._file)  # the lock goes with it, and the loader takes the file as torn
            self._file = None
            raise
        self._buffer = []
        self._size = self._sent = 0

    def _open(self) -> None:
        """Start a segment. It gets its final name only when it is locked and has its head."""
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
        self._marked = flags

    def _seal(self) -> None:
        assert self._file is not None
        os.close(self._file)
        self._file = None  # whatever happens next, the records are durable and will be found
        try:
            self._path.rename(self._path.with_suffix(".seg"))
            sync_folder(self.folder)
        except FileNotFoundError:
            return  # the lock was free, and the loader took the file as a dead writer's
        except OSError as e:
            raise self._failed(e) from e

    def _failed(self, e: OSError) -> StoreError:
        self.full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        if self.full:
            return NoRoomError(
                f"the disk is full; {self._count:,} messages wait in memory for room",
                where=str(self.folder),
                hint="make room: what is stored is safe, and writing goes on by itself",
            )
        return StoreError(f"cannot write: {e.strerror or e}", where=str(self.folder))
