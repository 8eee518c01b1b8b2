"""Sizes in bytes as people write them."""

from __future__ import annotations

import re

from hubbub.errors import UsageError

__all__ = ["parse_share", "parse_size"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|KiB|MiB|GiB|)", re.IGNORECASE)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20,
          "gib": 2**30}  # fmt: skip


def parse_size(text: str, where: str = "--max-message") -> int:
    """Return the bytes of a size like 4MiB, 500kB or 1048576.

    Args:
        text: the size.
        where: the option or key, for the error.

    Raises:
        UsageError: not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is not a size", where=where, hint="write for example 4MiB, 500kB or 1048576"
        )
    return round(float(match[1]) * _UNITS[match[2].lower()])


def parse_share(text: str, whole: int, where: str) -> int:
    """Return the bytes of a size like 2GiB, or of a share of the whole like 50%.

    Args:
        text: the size, or more than 0% and at most 100%.
        whole: bytes.
        where: the option or key, for the error.

    Raises:
        UsageError: neither a size nor such a share.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        return parse_size(text, where)
    percent = float(match[1])
    if not 0 < percent <= 100:  # noqa: PLR2004 - percent
        raise UsageError(
            f"{text!r} is not a share of the whole", where=where, hint="write for example 50%"
        )
    return round(whole * percent / 100)
