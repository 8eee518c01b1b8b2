"""The object store of a mirror as fsspec's interface, by which the query engine reads data files.

Data files never change: what is known of one is remembered, so that each costs one request beside
those for its content.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from hubbub.errors import UsageError
from hubbub.store.mirror.place import PROTOCOL, Place

__all__ = ["file_system"]

_OPEN = 512  # files that are remembered
_BLOCK = 1 << 20  # bytes that are read at once, at least
_WRITTEN = datetime(1970, 1, 1, tzinfo=UTC)  # the same for all: they never change


def file_system(place: Place) -> Any:
    """Return the file system.

    Raises:
        UsageError: fsspec is not installed.
    """
    try:
        from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
    except ImportError:
        raise UsageError(
            "reading from an object store needs fsspec",
            where=place.url,
            hint="pip install 'hubbub[mirror]'",
        ) from None
    handles, lock = OrderedDict[str, Any](), threading.Lock()

    def handle(path: str) -> Any:
        """Return an object, opened; several threads may read it."""
        with lock:
            if (file := handles.get(path)) is not None:
                handles.move_to_end(path)
                return file
        file = place.files.open_input_file(path)
        with lock:
            handles[path] = file
            while len(handles) > _OPEN:
                handles.popitem(last=False)
        return file

    class ObjectFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec is not typed
        """An object, of which parts are read."""

        def _fetch_range(self, start: int, end: int) -> bytes:
            return bytes(handle(self.path).read_at(end - start, start))

    class ObjectFiles(AbstractFileSystem):  # type: ignore[misc]
        """The object store, for reading."""

        protocol = PROTOCOL
        cachable = False

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            path = self._strip_protocol(path)
            return {"name": path, "size": handle(path).size(), "type": "file"}

        def glob(self, path: str, **_: Any) -> list[str]:
            return [self._strip_protocol(path)]

        def modified(self, path: str) -> datetime:  # noqa: ARG002 - fsspec's interface
            return _WRITTEN

        def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
            return ObjectFile(self, path, mode, block_size=_BLOCK, cache_type="readahead")

    return ObjectFiles()
