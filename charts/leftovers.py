"""Pictures that an earlier report left in its folder and that the new one does not have.

Comes in: the folder, with the `data.json` of the earlier report. Goes out: the files that are
provably hubbub's own: named by that document, and holding the hash of the data that it states.
Nobody else's file is ever among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["leftovers"]

_NAME = re.compile(r"\w{1,80}", re.ASCII)


def leftovers(out: Path, keep: set[str]) -> list[Path]:
    """The pictures of the report that is in `out` now, without those whose names are in `keep`."""
    try:
        document = json.loads((out / "data.json").read_bytes())
    except (OSError, ValueError):
        return []  # no report of ours, so nothing of it is ours
    found = []
    for name, views in (("{}.svg", document), ("previous-{}.svg", _part(document, "previous"))):
        for view, sha in _hashes(views):
            path = out / name.format(view)
            if path.name not in keep and _is(path, sha):
                found.append(path)
    return found


def _part(document: object, key: str) -> Mapping[str, Any]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def _hashes(document: object) -> Iterator[tuple[str, str]]:
    """(view, hash of its data) as a document states them."""
    for view, about in _part(document, "views").items():
        sha = _part(_part({"": about}, ""), "metadata").get("data_sha256")
        if _NAME.fullmatch(view) and isinstance(sha, str) and re.fullmatch("[0-9a-f]{64}", sha):
            yield view, sha


def _is(path: Path, sha: str) -> bool:
    """A picture of ours with this hash in its metadata."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        svg = path.read_bytes()
    except OSError:
        return False
    return b'id="chart-' in svg[:300] and f'"data_sha256": "{sha}"'.encode() in svg
