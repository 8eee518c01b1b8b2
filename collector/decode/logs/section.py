"""The section of a site that a request asks for: the first segment of its path.

Paths that RFC 3986 says are equal are one section (6.2.2): `%7Euser` and `~user`, `%2f` and `%2F`,
`/a/../b` and `/b`, an empty path and `/`. Characters that are not ASCII are equal to their
percent-encoding in UTF-8 (RFC 3987, 3.1).
"""

from __future__ import annotations

import re
import string
from urllib.parse import quote

__all__ = ["ROOT_FILE", "normal_path", "section", "target_path"]

_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
#: Matches requests for a file directly under the root, as most clients write them; valid for
#: Python's `re` and for RE2.
ROOT_FILE = r"^\s*\S+\s+(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*)?/[^/?#\s]*\.[^/?#\s]*(?:[?#\s]|$)"
_PERCENT = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_BEYOND_ASCII = re.compile("[\x80-\ufffc\ufffe-\U0010ffff]+")  # without the replacement character


def target_path(request: str) -> str | None:
    """Return the path that a request asks for, as written; None if its target is no path.

    Scheme and host of an absolute URI, query and fragment are left out.

    Args:
        request: method, target and protocol.
    """
    words = request.split(maxsplit=2)
    if len(words) < 2:  # noqa: PLR2004 - a method and a target
        return None
    target = words[1]
    if origin := _ORIGIN.match(target):
        target = target[origin.end() :]
        target = target if target.startswith("/") else f"/{target}"
    if not target.startswith("/"):
        return None
    return re.split(r"[?#]", target, maxsplit=1)[0]


def _decoded(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def normal_path(path: str) -> str:
    """Return the normal form of an absolute path (RFC 3986, 6.2.2.1 to 6.2.2.3)."""
    if "%" in path:
        path = _PERCENT.sub(_decoded, path)
    if not path.isascii():
        path = _BEYOND_ASCII.sub(lambda match: quote(match[0], errors="replace"), path)
    return _without_dots(path) if "/." in path else path


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def section(request: str, *, root: bool = False) -> str | None:
    """Return the requested section of a site: `/` and the first segment of the path.

    `GET /pages/create?x=1 HTTP/1.1` gives `/pages`.

    Args:
        request: method, target and protocol.
        root: a file directly under the root (the only segment, with a dot) belongs to `/`.

    Returns:
        None if there is no target, or the target is not a path (`OPTIONS *`).
    """
    path = target_path(request)
    if path is None:
        return None
    first, slash, _ = normal_path(path)[1:].partition("/")
    return "/" if root and not slash and "." in first else f"/{first}"
