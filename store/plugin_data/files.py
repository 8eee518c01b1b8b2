"""Files that plugins publish: `plugins/files/MODULE/NAME` in the store, and when they expire."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from hubbub.store.disk.files import make_folder
from hubbub.store.state.database import State
from hubbub.store.state.documents import Documents

__all__ = ["Files", "find", "remove_expired"]

_FOLDER = Path("plugins", "files")
#: The module and collection of documents that hold when files expire.
_EXPIRY = "hubbub.plugin_files"
_MODE = re.compile(r"[rwax]\+?")
_MAX_NAME = 200  # bytes


class Files:
    """The injected `fs`: text files of one module, readable by browsers under `get_url`.

    Args:
        state: the store's; the files are beside it.
        module: the module that owns the files.
        path: the module's name in addresses.
        root: the address under which `/files` is served, without a slash at its end.
        clock: returns the seconds since the epoch.
    """

    def __init__(
        self,
        state: State,
        module: str,
        path: str,
        root: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state, self._module, self._path = state, module, path
        self._root, self._clock = root, clock

    def open(self, name: str, mode: str = "r") -> IO[Any]:
        """Open a file as text in UTF-8; `mode` as for the built-in `open`.

        Raises:
            ValueError: not a file name, or not a mode for text.
            FileNotFoundError: there is no such file to read.
        """
        if not _MODE.fullmatch(mode.replace("t", "", 1)):
            raise ValueError(f"{mode!r} is not a mode for text: write r, w, a or x")
        path = _file(self._state, self._module, name)
        if mode[0] != "r":
            self._state.require_writable()
            make_folder(path.parent)

        def no_follow(file: str, flags: int) -> int:
            return os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

        return open(path, mode, encoding="utf-8", newline="", opener=no_follow)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return _file(self._state, self._module, name).is_file()

    def remove(self, name: str) -> None:
        """Remove a file and its time of expiry.

        Raises:
            FileNotFoundError: there is no such file.
        """
        self._state.require_writable()
        _file(self._state, self._module, name).unlink()
        self._expiry(self._state)[self._module].pop(name, None)

    def get_url(self, name: str) -> str:
        """Return the address of a file, which ends in module name / file name."""
        _check(name)
        return f"{self._root}/files/{quote(self._path)}/{quote(name, safe='')}"

    def expire(
        self,
        name: str,
        seconds: float,
        days: float = 0,
        expires: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        """Let the job `expire_files` remove a file, in its first run after a time.

        A later call replaces the time. The file can be read until the job has run.

        Args:
            name: of the file.
            seconds: from now.
            days: added to the seconds.
            expires: false: the file stays, whatever was set before.
        """
        _check(name)
        collection = self._expiry(self._state)[self._module]
        if expires:
            collection[name] = self._clock() + seconds + days * 86_400
        else:
            collection.pop(name, None)

    @staticmethod
    def _expiry(state: State) -> Documents:
        return Documents(state, _EXPIRY)

    def remove_expired(self) -> list[str]:
        """Remove the expired files of all modules; return them as `MODULE/NAME`."""
        return remove_expired(self._state, self._clock())


def remove_expired(state: State, now: float) -> list[str]:
    """Remove the expired files of all modules; return them as `MODULE/NAME`."""
    documents, removed = Documents(state, _EXPIRY), []
    for module in documents.collections():
        for name, expires in documents[module].items():
            if expires > now:
                continue
            with suppress(FileNotFoundError):
                _file(state, module, name).unlink()
                removed.append(f"{module}/{name}")
            with documents[module].transaction():
                if documents[module].get(name) == expires:  # not set again in the meantime
                    del documents[module][name]
    return removed


def find(store: Path, module: str, name: str) -> Path | None:
    """Return the path of a module's file; None if there is none, or it is no regular file.

    Args:
        store: the store's folder.
        module: the module that owns it.
        name: any text of a request.
    """
    try:
        _check(name)
        _check(module)
    except ValueError:
        return None
    path = store / _FOLDER / module / name
    return path if path.is_file() and not path.is_symlink() else None


def paths(store: Path) -> Iterator[Path]:
    """Return the files of all modules."""
    return (path for path in (store / _FOLDER).glob("*/*") if path.is_file())


def _file(state: State, module: str, name: str) -> Path:
    _check(name)
    return state.path.parent / _FOLDER / module / name


def _check(name: str) -> None:
    """Check that a text is the name of a file, not a path.

    Raises:
        ValueError: it is not.
    """
    if (
        not name.isprintable()
        or name in {"", ".", ".."}
        or "/" in name
        or "\\" in name
        or len(name.encode(errors="replace")) > _MAX_NAME
    ):
        raise ValueError(
            f"{name!r} is not a file name: write letters, digits, - and ., no folder,"
            f" at most {_MAX_NAME} bytes"
        )
