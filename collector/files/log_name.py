"""The name of a log, which its rotated files share."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["STDIN", "log_name"]

#: The name of standard input that belongs to no log that is known.
STDIN = "-"
_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst|lz4|Z)$")
_DATE = r"(?:19|20)\d\d-?[01]\d-?[0-3]\d(?:[-_T]?\d{2}(?:[-:]?\d{2}(?:[-:]?\d{2})?)?)?"
#: What rotation appends: .1, .old, -20260101, -2026-01-01, .20260101-1200, -1767225600.
_ROTATED = re.compile(rf"(?<=.)(?:\.\d{{1,3}}|\.old|[-._]{_DATE}|[-.]1\d{{9}})$")
#: A date that rotation puts before the extension: access-20260101.log.
_DATED = re.compile(rf"(?<=.)[-._]{_DATE}(?=\.(?:log|jsonl?|raw|txt)$)")


def log_name(path: str, *, links: bool = True) -> str:
    """Return the path of the log that a file is a part of, absolute.

    `access.log`, `access.log.1`, `access.log.2.gz`, `access.log-20260101` and
    `access-20260101.log` of a folder are one log.

    Args:
        path: of the file.
        links: follow a symbolic link to the file; links to folders are followed in any case.
    """
    folder, name = os.path.split(Path(path).resolve() if links else path)
    name = _PACKED.sub("", name) or name
    for _ in range(2):  # access.log-20260101.1
        name = _ROTATED.sub("", name)
    name = _DATED.sub("", name)
    return str(Path(folder or ".").resolve() / name)
