"""Keep every segment that was ever in a spool, by hard links, and read its records.

The spool is scanned fifty times a second, so segments that a loader has deleted are kept too. The
format is parsed here, from its description, so that a fault of the store's reader is noticed.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

import msgpack

__all__ = ["Record", "Witness", "records"]

_HEAD, _RECORD = Struct("<8sII"), Struct("<II")
_SUFFIXES = (".open", ".seg", ".dead")
_EVERY = 0.02  # s; segments live longer, because their loader has to commit first
_NAME = re.compile(r"\d+-(?P<writer>\w+)-(?P<pid>\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Record:
    """A frame in a segment."""

    source: str
    topic: bytes
    body: bytes


def records(path: Path) -> Iterator[Record]:
    """Yield the intact records of a segment, up to its end or to a torn record."""
    data = path.read_bytes()
    if len(data) < _HEAD.size:
        return
    magic, salt, _ = _HEAD.unpack_from(data)
    assert magic == b"hubbub1\n", path
    offset = _HEAD.size
    while offset + _RECORD.size <= len(data):
        length, checksum = _RECORD.unpack_from(data, offset)
        payload = data[offset + _RECORD.size : offset + _RECORD.size + length]
        if len(payload) < length or zlib.crc32(payload, salt) != checksum:
            return
        source, _, topic, body, *_ = msgpack.unpackb(payload)  # a number may follow
        yield Record(source, topic, body)
        offset += _RECORD.size + length


class Witness:
    """Links the segments that appear in `spool` into `folder`, in a thread, until closed."""

    def __init__(self, spool: Path, folder: Path) -> None:
        self._spool, self.folder = spool, folder
        folder.mkdir()
        self._linked: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Scan a last time and stop."""
        self._stop.set()
        self._thread.join()
        self.scan()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self.scan()

    def scan(self) -> None:
        """Link the new segments."""
        for path in self._spool.iterdir():
            if path.suffix in _SUFFIXES and path.stem not in self._linked:
                self._link(path.stem)

    def _link(self, stem: str) -> None:
        for _ in range(3):  # it may be renamed meanwhile
            for suffix in _SUFFIXES:
                with contextlib.suppress(FileNotFoundError):
                    os.link(self._spool / f"{stem}{suffix}", self.folder / stem)
                    self._linked.add(stem)
                    return

    def segments(self, writer: str = "", pid: int = 0) -> list[Path]:
        """Return all segments seen, or those of one writer and process."""
        segments = []
        for path in sorted(self.folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            assert match is not None, path
            if writer in ("", match["writer"]) and pid in (0, int(match["pid"])):
                segments.append(path)
        return segments
