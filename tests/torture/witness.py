"""Every segment that was ever in a spool, kept by hard links, and what is in it.

Comes in: the folder of a spool, looked at fifty times a second. Goes out: every intact record that
was written, also of segments that a loader deleted since. The format is read by itself here, from
the description in the store's docs: a fault of the store's own reader cannot hide behind itself.
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
_EVERY = 0.02  # s; a segment lives for longer: its loader has to commit first
_NAME = re.compile(r"\d+-(?P<writer>\w+)-(?P<pid>\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Record:
    """A frame, as it was written."""

    source: str
    topic: bytes
    body: bytes


def records(path: Path) -> Iterator[Record]:
    """The intact records of a segment, up to its end or to where its writer was killed."""
    data = path.read_bytes()
    if len(data) < _HEAD.size:
        return
    magic, salt, _ = _HEAD.unpack_from(data)
    assert magic == b"hubbub1\n", path
    at = _HEAD.size
    while at + _RECORD.size <= len(data):
        length, checksum = _RECORD.unpack_from(data, at)
        payload = data[at + _RECORD.size : at + _RECORD.size + length]
        if len(payload) < length or zlib.crc32(payload, salt) != checksum:
            return
        source, _, topic, body, *_ = msgpack.unpackb(payload)  # a number may follow
        yield Record(source, topic, body)
        at += _RECORD.size + length


class Witness:
    """Links what appears in `spool` into `folder`, until it is closed."""

    def __init__(self, spool: Path, folder: Path) -> None:
        self._spool, self.folder = spool, folder
        folder.mkdir()
        self._known: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look a last time."""
        self._stop.set()
        self._thread.join()
        self.look()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self.look()

    def look(self) -> None:
        """Link what is new."""
        for path in self._spool.iterdir():
            if path.suffix in _SUFFIXES and path.stem not in self._known:
                self._link(path.stem)

    def _link(self, stem: str) -> None:
        for _ in range(3):  # it may get another name meanwhile
            for suffix in _SUFFIXES:
                with contextlib.suppress(FileNotFoundError):
                    os.link(self._spool / f"{stem}{suffix}", self.folder / stem)
                    self._known.add(stem)
                    return

    def segments(self, writer: str = "", pid: int = 0) -> list[Path]:
        """All that were seen, or those of one writer or process."""
        out = []
        for path in sorted(self.folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            assert found is not None, path
            if writer in ("", found["writer"]) and pid in (0, int(found["pid"])):
                out.append(path)
        return out
