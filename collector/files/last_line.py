"""Judge the last line of a file that has no end: is it whole, or is the server still writing it?

A JSON object and a quoted field have an end of their own. Any other line may be cut anywhere; it is
taken for whole if it has as many fields as a line shortly before it.
"""

from __future__ import annotations

import re
from collections import deque

import msgspec

__all__ = ["LastLine"]

_BEFORE = 20  # lines whose fields are compared
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_any_json = msgspec.json.Decoder(msgspec.Raw)


class LastLine:
    """Watches the lines of a file that is read, and judges the last.

    Args:
        log: lines have fields; False: each is a JSON object.

    Attributes:
        left_out: number of the last line, if it was not taken.
        is_open: whether it was taken although it has no end.
    """

    def __init__(self, *, log: bool) -> None:
        self._log = log
        self._before: deque[bytes] = deque(maxlen=_BEFORE)
        self.left_out: int | None = None
        self.is_open = False

    def accepts(self, number: int, line: bytes, *, cut: bool) -> bool:
        """Whether to take a line; it is noted if it is not.

        Args:
            number: of the line.
            line: the next one of the file.
            cut: it has no end, so it is the last.
        """
        if not cut:
            self._before.append(line)
            return True
        self.is_open = self._is_whole(line)
        self.left_out = None if self.is_open else number
        return self.is_open

    def _is_whole(self, line: bytes) -> bool:
        if line.startswith(b"{"):
            return _is_json(line)
        if not self._log:
            return False
        fields = _fields(line)
        return fields is not None and (
            line.endswith(b'"') or any(_fields(before) == fields for before in self._before)
        )


def _fields(line: bytes) -> int | None:
    """Return the number of fields; None if a quoted one has no end."""
    plain = _QUOTED.sub(b"q", line)
    return None if b'"' in plain else len(plain.split())


def _is_json(line: bytes) -> bool:
    try:
        _any_json.decode(line)
    except msgspec.DecodeError:
        return False
    return True
