"""Put the files of a site into a folder, which may hold other things.

A list of the site's files lies among them: only these are replaced, and only these are deleted when
a later site has no such file. Files whose bytes stay the same are not written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hubbub.errors import UsageError
from hubbub.store.disk.files import replace_file

__all__ = ["LIST", "Written", "check_folder", "write"]

#: The list of the site's files, with the hash of each.
LIST = "hubbub-site.json"
_PATH = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9_.-]{1,120}")


class Written(NamedTuple):
    """How many files there are, how many of them changed, and how many old ones were deleted."""

    files: int
    changed: int
    deleted: int


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _listed(out: Path) -> dict[str, str]:
    """Return the files of the site that is in a folder, with their hashes; empty if there is none.

    Raises:
        UsageError: the list cannot be read.
    """
    try:
        found = json.loads((out / LIST).read_bytes())["files"]
        return {str(path): str(sha) for path, sha in found.items() if _PATH.fullmatch(str(path))}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the list of the site's files cannot be read: {error}",
            where=str(out / LIST),
            hint="restore it, or publish into another folder",
        ) from error


def check_folder(out: Path) -> None:
    """Refuse a folder that holds a page of something else; before anything is computed.

    Raises:
        UsageError: it is a file, or has an `index.html` that is not of a site.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(
            "this is a file, and a site is a folder", where=str(out), hint="choose another with -o"
        )
    if "index.html" not in _listed(out) and (out / "index.html").exists():
        raise _foreign(out / "index.html")


def _foreign(path: Path) -> UsageError:
    return UsageError(
        "this file is not of a published site and is not overwritten",
        where=str(path),
        hint="publish into another folder, or move the file away",
    )


def write(out: Path, files: Mapping[str, bytes]) -> Written:
    """Write the files; delete those of an earlier site that are no longer part of it.

    A run that is killed leaves a folder that the next run completes.

    Args:
        out: the folder; created if it does not exist.
        files: bytes by path.

    Raises:
        UsageError: the folder cannot be written, or a file of something else is in the way.
    """
    check_folder(out)
    before = _listed(out)
    for path in files:
        target = out / path
        if target.parent != out and target.parent.is_symlink():
            raise _foreign(target.parent)
        if path not in before and (target.exists() or target.is_symlink()):
            raise _foreign(target)
    try:
        return _write(out, files, before)
    except OSError as error:
        raise UsageError(
            f"the site cannot be written: {error.strerror or error}",
            where=str(error.filename or out),
            hint="choose a folder that you can write to",
        ) from error


def _write(out: Path, files: Mapping[str, bytes], before: Mapping[str, str]) -> Written:
    for folder in sorted({out, *((out / path).parent for path in files)}):
        folder.mkdir(parents=True, exist_ok=True)
    hashes = {path: _hash(content) for path, content in files.items()}
    # first a list with the old files and the new ones: a run that is killed loses track of none
    _replace(out / LIST, _list({**before, **hashes}))
    changed = sum(_replace(out / path, content) for path, content in files.items())
    deleted = 0
    for path, sha in before.items():
        target = out / path
        if path in files or target.is_symlink() or not target.is_file():
            continue
        if _hash(target.read_bytes()) == sha:  # else somebody changed it
            target.unlink()
            deleted += 1
    for name in {path.split("/")[0] for path in before if "/" in path}:
        if (out / name).is_dir() and not any((out / name).iterdir()):
            (out / name).rmdir()
    _replace(out / LIST, _list(hashes))
    return Written(len(files), changed, deleted)


def _list(hashes: Mapping[str, str]) -> bytes:
    document = {"files": dict(sorted(hashes.items()))}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _replace(path: Path, content: bytes) -> bool:
    """Write a file as a whole, and only if its bytes change; return whether they did."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return False
    replace_file(path, content)
    return True
