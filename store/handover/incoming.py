"""Take segments over from the spool of a machine that only listens, each exactly once.

The steps for a segment; a crash between any two of them neither loses nor duplicates it:

1. copy it into this store's spool as `NAME.seg.part`, which no loader reads; fsync
2. SQLite: note that it was adopted
3. rename it to `NAME.seg`, which is then loaded like any other
4. once it is loaded, delete it where it came from

After a crash, a `.part` file that was noted goes on with step 3; any other is deleted and copied
again. A segment that was noted is never copied again, and is only deleted.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import StoreError, UsageError
from hubbub.language.plurals import plural
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import new_file, sync_folder
from hubbub.store.handover import coverage
from hubbub.store.spool import segment
from hubbub.store.spool.trust import register_trust

if TYPE_CHECKING:
    from hubbub.collector.signatures.guard import TrustFiles
    from hubbub.store.store import Store

__all__ = ["Handover", "adopt", "source_folder"]

_NAME = re.compile(r"\d{20}-\w+-\d+-[0-9a-f]{8}\.(?:seg|dead|open)", re.ASCII)
_PART = ".part"
_MAX_BYTES = 256 << 20  # of a segment; writers seal one at 16 MB and a batch
_KEPT = 90 * 86_400_000_000  # µs for which the names of adopted segments are kept


@dataclass(slots=True)
class Handover:
    """The segments of one folder, after `adopt`."""

    store: Store
    folder: Path
    adopted: list[Path] = field(default_factory=list)  # in this store, now or before
    copied: int = 0  # of them, the ones that were copied now
    bytes: int = 0  # of these
    being_written: int = 0  # segments that their listener has not sealed
    documents: list[coverage.CoverageDocument] = field(default_factory=list)

    def finish(self) -> int:
        """Delete what is loaded where it came from, and take over what is known of coverage.

        To be called after loading.

        Returns:
            How many segments were deleted.

        Raises:
            UsageError: there is no permission to delete them.
            StoreError: the disk fails.
        """
        waiting = {path.name for path in self.store.spool_folder.iterdir()}
        loaded = [path for path in self.adopted if not {_target(path), _part(path)} & waiting]
        with translate_errors(self.store.path):
            self._take_over_coverage({path.name for path in loaded})
            deleted = sum(map(_delete, loaded))
            if deleted:
                sync_folder(self.folder)
        return deleted

    def _take_over_coverage(self, loaded: Collection[str]) -> None:
        state = self.store.state
        here = [
            coverage.started(path.name)
            for path, _ in _segments(self.store.spool_folder, recover=False)
            if _is_adopted(self.store, path.name)
        ]
        left = [
            coverage.started(path.name)
            for path, _ in _segments(self.folder, recover=False)
            if path.name not in loaded
        ]
        for document in self.documents:
            missing = [
                coverage.started(name)
                for name in document.segments
                if not any(_is_adopted(self.store, f"{name}{kind}") for kind in (".seg", ".dead"))
            ]
            coverage.take_over(state, document, [*here, *left, *missing])


def source_folder(path: Path) -> Path:
    """Return the folder of the segments: a listener's store, its spool, or a copy of that.

    Raises:
        UsageError: it is not a folder.
    """
    spool = path / "spool"
    folder = spool if spool.is_dir() else path
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(path),
            hint="name the store of a listener, its spool, or the folder it is copied to",
        )
    return folder


def adopt(
    store: Store, folder: Path, *, trust: TrustFiles | None = None, recover: bool = False
) -> Handover:
    """Copy the segments that are complete into the store's spool; `Store.load` then loads them.

    Args:
        store: takes them.
        folder: see `source_folder`.
        trust: the trust settings to check these messages by; required where the listener had any.
        recover: also take segments whose listener was killed and will not start again.

    Raises:
        UsageError: the folder is this store's own spool or cannot be read, or trust is missing.
        NoRoomError: no room; what was copied is kept.
        StoreError: a file is no segment, or the disk fails.
    """
    if folder.samefile(store.spool_folder):
        raise UsageError(
            "this is the spool of this store itself",
            where=str(folder),
            hint="without a folder, `hubbub load` loads what waits there",
        )
    number = 0 if trust is None else register_trust(store.state, trust)
    handover = Handover(store, folder)
    with store.lock("handover"), translate_errors(store.path):
        _finish_parts(store)
        # before the folder is listed: what a document names is then in the folder, or adopted
        handover.documents = coverage.read_documents(folder)
        for document in handover.documents:
            coverage.take_limits(store.state, document)
        for path, is_open in _segments(folder, recover=recover):
            if is_open:
                handover.being_written += 1
                continue
            if not _is_adopted(store, _target(path)):
                handover.bytes += _copy(store, path, number)
                handover.copied += 1
            handover.adopted.append(path)
        _forget_old(store)
    return handover


def _segments(folder: Path, *, recover: bool) -> Iterator[tuple[Path, bool]]:
    """Yield the segments of a folder, oldest first, and whether a writer may still append."""
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            is_open = path.suffix == ".open"
            yield path, is_open and not (recover and _abandoned(path))


def _abandoned(path: Path) -> bool:
    """Whether no running process on this machine holds the lock of an open segment."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # it was sealed meanwhile
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _target(path: Path) -> str:
    """Return the name of a segment in this spool, by which its adoption is noted.

    One whose writer died is torn. If it was taken as such by mistake, its sealed form has another
    name, and is loaded as well: what both hold is stored once, by its ids.
    """
    return path.with_suffix(".dead" if path.suffix == ".open" else path.suffix).name


def _part(path: Path) -> str:
    return f"{_target(path)}{_PART}"


def _copy(store: Store, path: Path, trust: int) -> int:
    """Steps 1 to 3; return the bytes copied."""
    part = store.spool_folder / _part(path)
    with path.open("rb") as source:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise StoreError(
                f"this is no segment of a listener: it has {plural(status.st_size, 'byte')}",
                where=str(path),
                hint="move it elsewhere",
            )
        head = _head(source.read(segment.HEAD.size), path, trust)
        with new_file(part) as target:
            target.write(head)
            shutil.copyfileobj(source, target, 1 << 20)
    with store.state.transaction() as db:
        db.execute("INSERT INTO adopted VALUES (?, ?)", (_target(path), time.time_ns() // 1000))
    _rename(part)
    return status.st_size


def _head(head: bytes, path: Path, trust: int) -> bytes:
    """Return the header of a segment with the trust settings of this store.

    A damaged one is returned as it is: the loader sets the segment aside, and says so.
    """
    try:
        flags = segment.flags_in(head, str(path))
    except StoreError:
        return head
    if flags is None:
        return head
    if flags >> segment.TRUST and not trust:
        raise UsageError(
            "the listener was told to accept only signed messages, and here is no CA to check them",
            where=str(path),
            hint="give --ca FILE, or set ca in the section [trust] of the configuration",
        )
    own = flags & (1 << segment.TRUST) - 1
    return segment.with_flags(head, own | trust << segment.TRUST)


def _rename(part: Path) -> None:
    part.rename(part.with_suffix(""))
    sync_folder(part.parent)


def _finish_parts(store: Store) -> None:
    """Go on with what a process left that died: see the module."""
    for part in sorted(store.spool_folder.glob(f"*{_PART}")):
        if _is_adopted(store, part.name.removesuffix(_PART)):
            _rename(part)
        else:
            part.unlink()


def _is_adopted(store: Store, name: str) -> bool:
    return bool(store.state.rows("SELECT 1 FROM adopted WHERE name = ?", name))


def _forget_old(store: Store) -> None:
    """Delete names of segments that were adopted long ago; their ids protect from duplicates."""
    with store.state.transaction() as db:
        db.execute("DELETE FROM adopted WHERE time < ?", (time.time_ns() // 1000 - _KEPT,))


def _delete(path: Path) -> bool:
    """Delete a segment where it came from; return whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(
            f"a loaded segment cannot be deleted: {error.strerror}",
            where=str(path),
            hint="it is not loaded again; let this user write the folder, or delete it there",
        ) from error
    return True
