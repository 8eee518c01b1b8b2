"""The folder of a report: what an earlier report left, and what must not be overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hubbub.errors import UsageError
from hubbub.store.disk.files import replace_file

__all__ = ["check_folder", "leftovers", "write_folder"]

_PAGES = ("index.html", "index.md", "data.json")
_HINT = "choose a folder that you can write to"
_NAME = re.compile(r"[\w.]{1,80}", re.ASCII)
_HASH = re.compile("[0-9a-f]{64}")


def write_folder(out: Path, files: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Write the files of a report; delete pictures of an earlier one that are not among them.

    Raises:
        UsageError: the folder cannot be created or written to, or holds pages but no report.
    """
    if out.is_file():
        raise UsageError(
            "the report cannot be written: this is a file, and a report is a folder",
            where=str(out),
            hint=_HINT,
        )
    check_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        obsolete = leftovers(out, {name for name, _ in files})  # before data.json is replaced
        for name, content in files:
            _write(out / name, content)
        for path in obsolete:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror or error}", where=str(out), hint=_HINT
        ) from error
    return [out / name for name, _ in files]


def _write(path: Path, content: bytes) -> None:
    """Replace a file atomically, and only if its bytes change."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    replace_file(path, content)


def check_folder(out: Path) -> None:
    """Refuse a folder that holds pages but no report, before anything is written.

    Raises:
        UsageError: there is an `index.html`, `index.md` or `data.json` that hubbub did not write.
    """
    pages = [out / name for name in _PAGES if (out / name).exists()]
    if pages and not isinstance(_document(out).get("views"), dict):
        raise UsageError(
            "this file is not of a report and is not overwritten",
            where=str(pages[0]),
            hint="give another folder with -o, or move the file away",
        )


def _document(out: Path) -> Mapping[str, Any]:
    """Return the `data.json` of the report in a folder; empty if there is none."""
    try:
        document = json.loads((out / "data.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def leftovers(out: Path, keep: set[str]) -> list[Path]:
    """Return pictures of the earlier report in `out`, except those whose names are in `keep`."""
    document, pictures = _document(out), []
    for prefix, views in (("", document), ("previous-", _part(document, "previous"))):
        for view, facts in _part(views, "views").items():
            if _NAME.fullmatch(view) is None:
                continue
            svg, png = out / f"{prefix}{view}.svg", out / f"{prefix}{view}.png"
            data = _part(facts, "metadata").get("data_sha256")
            if svg.name not in keep and _is_picture(svg, data):
                pictures.append(svg)
            raster = facts.get("png_sha256") if isinstance(facts, dict) else None
            if png.name not in keep and _has_hash(png, raster):
                pictures.append(png)
    return pictures


def _part(document: object, key: str) -> Mapping[str, Any]:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def _content(path: Path) -> bytes | None:
    """Return the bytes of a regular file that can be read."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_picture(path: Path, data: object) -> bool:
    """Whether a file is an SVG of hubbub with this hash of its data in its metadata."""
    if not isinstance(data, str) or _HASH.fullmatch(data) is None:
        return False
    svg = _content(path)
    return svg is not None and (
        b'id="chart-' in svg[:300] and f'"data_sha256": "{data}"'.encode() in svg
    )


def _has_hash(path: Path, digest: object) -> bool:
    content = _content(path) if isinstance(digest, str) else None
    return content is not None and sha256(content).hexdigest() == digest
